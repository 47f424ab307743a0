"""Account lines: which count, whose they are, and their sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal, Self
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from gentle_nudge.domain.moment import midnight
from gentle_nudge.domain.money import ZERO, can_be_kept
from gentle_nudge.domain.patron import Patron, comes_of_age, known_birth

LOST = "LOST"  # Koha's type of the debit for a lost item
VOID = "VOID"  # Koha's word for the status of a voided credit, and for the type of the debit against it


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The charge dates that count, both days included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days it is wide."""
        return (self.last - self.first).days + 1

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The instants, in UTC, of the first midnight inside and the first midnight after (half open)."""
        return midnight(self.first, zone), midnight(self.last + timedelta(days=1), zone)


@dataclass(frozen=True, kw_only=True, slots=True)
class OurFee:
    """The debit type and the description by which a processing fee of ours is recognised."""

    debit_type: str
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Majority:
    """The age from which charges count; dates of birth that nobody can have on `day` are unknown."""

    age: int
    day: date


@dataclass(frozen=True, kw_only=True, slots=True)
class LineRules:
    """Which account lines count.

    `debit_types`: only these count, all if none is named. `first_day`: lines of earlier days do not count.
    `excluded_fee`: neither fees like this nor recorded fees count; None if they do.
    `withdrawn`: patron -> the day of the latest withdrawn case, None if no such day counts. Charges up to that day,
    and those recorded with withdrawn cases, count if `withdrawn_count`.
    `of_age`: patron -> the day of coming of age, before which charges do not count; filled by `with_ages` if there is
    a `majority`.
    `claimed`: patron -> the lines of items that the patron claims to have returned, which do not count; filled by
    whoever reads accounts if `leaves_out_claimed`.
    """

    window: Window
    zone: ZoneInfo
    first_day: date | None = None
    debit_types: frozenset[str] = frozenset()
    excluded_debit_types: frozenset[str] = frozenset()
    excluded_fee: OurFee | None = None
    withdrawn: Mapping[int, date | None] = field(default_factory=dict)
    withdrawn_count: bool = False
    majority: Majority | None = None
    of_age: Mapping[int, date] = field(default_factory=dict)
    leaves_out_claimed: bool = False
    claimed: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def born_after(self) -> date | None:
        """Charges in the window may be from before a patron born later came of age; None if such charges count."""
        return self.window.first - relativedelta(years=self.majority.age) if self.majority else None

    def with_ages(self, patrons: Iterable[Patron]) -> Self:
        """The rules, with the days on which these patrons came of age after the window's first day, or will."""
        if self.majority is None:
            return self
        born = {patron.number: known_birth(patron.born, self.majority.day) for patron in patrons}
        days = {number: comes_of_age(day, self.majority.age) for number, day in born.items() if day}
        return replace(self, of_age={number: day for number, day in days.items() if day > self.window.first})


@dataclass(frozen=True, kw_only=True, slots=True)
class Ownership:
    """Whose a charge is.

    `charges_by` patron: all charges of a patron. Otherwise the charges of `branches` (`all_but`: of all others), by
    the branch of the charge or of its item. Recorded lines do not depend on a branch: `own` are recorded with cases
    of the section, `others` with cases of other sections. `fees` are all recorded fees, `withdrawn` the lines recorded
    with withdrawn cases of any section. Each maps patron -> line ids.
    """

    charges_by: Literal["patron", "charge", "item"] = "patron"
    branches: frozenset[str] = frozenset()
    all_but: bool = True
    own: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    others: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    fees: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    withdrawn: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line still owing something (or a credit not used up), as it was at referral."""

    id: int
    day: date | None
    type: str | None
    outstanding: Decimal
    counted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The sums of one patron as one section sees them, rounded to the cent, and the section's outstanding `lines`.

    `owed` is the sum owed in the window, `balance` the section's, `whole_balance` the patron's over all lines.
    `latest_charge` is the latest date of a counted line still owing, in the library's zone. `last_payment` is the day
    of the patron's latest payment that was not voided, read with `defer_after_payment` alone.
    """

    owed: Decimal = ZERO
    balance: Decimal = ZERO
    whole_balance: Decimal = ZERO
    lost_charge: bool = False
    latest_charge: datetime | None = None
    has_lines_here: bool = True
    lines: tuple[Line, ...] = ()
    last_payment: date | None = None

    @property
    def debits(self) -> tuple[Line, ...]:
        """The debits still owing."""
        return tuple(line for line in self.lines if line.outstanding > 0)

    @property
    def lost_charges(self) -> tuple[Line, ...]:
        """The charges for lost items still owing."""
        return tuple(line for line in self.debits if line.type == LOST)

    @property
    def oldest_charge(self) -> date | None:
        """The day of the oldest counted debit still owing."""
        return min((line.day for line in self.debits if line.counted and line.day), default=None)

    @property
    def can_be_kept(self) -> bool:
        """Whether no sum is too large for our tables."""
        return all(map(can_be_kept, (self.owed, self.balance, self.whole_balance)))


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedLine:
    """An outstanding line; it counts unless there are reasons `why_not`. `at` is in the library's zone."""

    id: int
    at: datetime | None
    type: str | None
    outstanding: Decimal
    why_not: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountLine:
    """A line of a patron's account as Koha has it now; `is_new` if it was made after the referral."""

    id: int
    day: date | None
    type: str | None
    amount: Decimal
    outstanding: Decimal
    voided: bool
    is_new: bool
