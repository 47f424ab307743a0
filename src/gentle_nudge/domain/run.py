"""A run: one section's report of one day, with what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.report_row import ReportKind


@dataclass(frozen=True, kw_only=True, slots=True)
class RunCounts:
    """Counts and sums of a run: rows of the report, cases by what became of them.

    `amount` is the sum of the dues, or of the balances referred; `fees` of the fees charged.
    """

    patrons: int = 0
    referred: int = 0
    adopted: int = 0
    released: int = 0
    paid: int = 0
    withdrawn: int = 0
    merged: int = 0
    deleted: int = 0
    amount: Decimal = ZERO
    fees: Decimal = ZERO

    @property
    def ended(self) -> int:
        """The cases that ended otherwise than by release."""
        return self.paid + self.withdrawn + self.merged + self.deleted


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRun:
    """A row of `gentle_nudge_run`."""

    id: int
    section: str
    report: ReportKind
    day: date
    number: int
    started: datetime
    finished: datetime | None
    late: bool
    who: str | None
    counts: RunCounts
