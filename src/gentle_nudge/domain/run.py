"""A run: one section's report of one day, with its counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.report_row import ReportKind


@dataclass(frozen=True, kw_only=True, slots=True)
class RunCounts:
    """The counts of a run by name, and its sums; a count that was not made is zero.

    `patrons` are the rows of the report, `referred` and `adopted` the new cases; the cases that ended are counted by
    their state. `amount` is the sum of the dues, or of the balances referred; `fees` of the fees charged.
    """

    numbers: Mapping[str, int] = field(default_factory=dict)
    amount: Decimal = ZERO
    fees: Decimal = ZERO

    def __getitem__(self, what: str) -> int:
        """How many."""
        return self.numbers.get(what, 0)

    @property
    def ended(self) -> int:
        """The cases that ended otherwise than by release."""
        return self["paid"] + self["withdrawn"] + self["merged"] + self["deleted"] + self["anonymized"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRun:
    """A row of `gentle_nudge_run`; `reason`: why nobody was referred, if a list was rejected or has lapsed."""

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
    reason: str | None = None
