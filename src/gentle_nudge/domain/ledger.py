"""Account lines: which count, whose they are, and their sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from gentle_nudge.domain.moment import midnight


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The charge dates that count, both days included."""

    first: date
    last: date

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The instants, in UTC, of the first midnight inside and the first midnight after (half open)."""
        return midnight(self.first, zone), midnight(self.last + timedelta(days=1), zone)


@dataclass(frozen=True, kw_only=True, slots=True)
class OurFee:
    """The debit type and the description by which a processing fee of ours is recognised."""

    debit_type: str
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LineRules:
    """Which account lines count.

    `debit_types`: only these count, all if none is named. `first_day`: lines of earlier days do not count.
    `excluded_fee`: neither fees like this nor recorded fees count; None if they do.
    `withdrawn`: patron -> the day of the latest withdrawn case. Charges up to that day count if `withdrawn_count`.
    """

    window: Window
    zone: ZoneInfo
    first_day: date | None = None
    debit_types: frozenset[str] = frozenset()
    excluded_debit_types: frozenset[str] = frozenset()
    excluded_fee: OurFee | None = None
    withdrawn: Mapping[int, date] = field(default_factory=dict)
    withdrawn_count: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Ownership:
    """Whose a charge is.

    `charges_by` patron: all charges of a patron. Otherwise the charges of `branches` (`all_but`: of all others), by
    the branch of the charge or of its item. Recorded lines do not depend on a branch: `own` are recorded with cases
    of the section, `others` with cases of other sections. `fees` are all recorded fees. Each maps patron -> line ids.
    """

    charges_by: Literal["patron", "charge", "item"] = "patron"
    branches: frozenset[str] = frozenset()
    all_but: bool = True
    own: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    others: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    fees: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line still owing something (or a credit not used up), as it was at referral."""

    id: int
    day: date | None
    type: str | None
    outstanding: Decimal
    counted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedLine:
    """An outstanding line; it counts unless there are reasons `why_not`. `at` is in the library's zone."""

    id: int
    at: datetime | None
    type: str | None
    outstanding: Decimal
    why_not: tuple[str, ...]
