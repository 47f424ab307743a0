"""A list as people see it: its rows with amounts, charges and marks, and what is counted about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from gentle_nudge.domain.collections.marks import Mark, Waiting
from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Reason
from gentle_nudge.domain.collections.review import ListRow, ListState, Outcome, ReviewList
from gentle_nudge.domain.collections.submission_day import is_late
from gentle_nudge.domain.ledger import Line, Window
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import Patron, age, known_birth

COUNTED = {Outcome.LISTED, Outcome.REFERRED}
PROBABLY_OUR_MISTAKE = {"FOUND", "CLAIMED"}


@dataclass(frozen=True, kw_only=True, slots=True)
class DebtOfAType:
    """The debits of one type still owing."""

    type: str | None
    count: int
    outstanding: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownRow:
    """One patron on a list; `patron` is None if Koha has none with this number any more."""

    number: int
    patron: Patron | None
    day: date
    fee: Decimal
    owed: Decimal
    balance: Decimal
    debts: tuple[DebtOfAType, ...] = ()
    lost_lines: tuple[int, ...] = ()
    oldest_days: int | None = None
    marks: tuple[Mark, ...] = ()
    outcome: Outcome = Outcome.LISTED
    why: str | None = None
    who: str | None = None
    at: datetime | None = None

    @property
    def with_fee(self) -> Decimal:
        """The balance with the processing fee."""
        return self.balance + self.fee

    @property
    def age(self) -> int | None:
        """How old the patron is on the day of the list; None if that is unknown."""
        born = known_birth(self.patron.born, self.day) if self.patron else None
        return None if born is None else age(born, self.day)


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """The list of a section for one day; without a list (`of` is None) what it would be.

    `left_out` and `owing_less` count as those of a plan do; of a list that has ended they are not known any more.
    `waiting` is None if Koha knows no reserves. `fuse_holds`: it names more patrons than one submission may refer.
    """

    section: Section
    for_day: date
    of: ReviewList | None = None
    rows: tuple[ShownRow, ...] = ()
    left_out: Mapping[Reason, int] = field(default_factory=dict)
    owing_less: int = 0
    waiting: Waiting | None = None
    fuse_holds: bool = False

    @property
    def late(self) -> bool:
        """Whether it is for a day on which no submission belongs, because none was made in time."""
        return is_late(self.section.policy, self.for_day)

    @property
    def window(self) -> Window:
        """The charge dates that count."""
        return self.section.policy.window(self.for_day)

    @property
    def going(self) -> tuple[ShownRow, ...]:
        """The rows of those who are to be referred, or were."""
        return tuple(row for row in self.rows if row.outcome in COUNTED)

    @property
    def balance(self) -> Decimal:
        """What they owe together."""
        return sum((row.balance for row in self.going), ZERO)

    @property
    def fees(self) -> Decimal:
        """Their processing fees."""
        return sum((row.fee for row in self.going), ZERO)

    @property
    def is_held(self) -> bool:
        """Whether the fuse on referrals will hold it unless it is approved."""
        return self.fuse_holds and (self.of is None or self.of.state is ListState.OPEN)


def shown(referral: Referral, marks: tuple[Mark, ...]) -> ShownRow:
    """A row with the amounts of now."""
    account = referral.account
    return ShownRow(
        number=referral.number,
        patron=referral.patron,
        day=referral.day,
        fee=referral.fee,
        owed=account.owed,
        balance=account.balance,
        debts=debts_by_type(account.debits),
        lost_lines=tuple(line.id for line in account.lost_charges),
        oldest_days=max(((referral.day - line.day).days for line in account.debits if line.day), default=None),
        marks=marks,
    )


def as_stored(row: ListRow, patron: Patron | None, day: date, fee: Decimal) -> ShownRow:
    """A row with the amounts of when it left the list."""
    return ShownRow(
        number=row.patron,
        patron=patron,
        day=day,
        fee=fee,
        owed=row.owed,
        balance=row.balance,
        marks=tuple(Mark(mark=word) for word in row.marks),
        outcome=row.outcome,
        why=row.why,
        who=row.who,
        at=row.at,
    )


def in_list_order(rows: Sequence[ShownRow]) -> tuple[ShownRow, ...]:
    """The rows of a list: first those with marks, probable mistakes of ours before all; the others as they come."""

    def first(row: ShownRow) -> tuple[bool, Decimal, int]:
        return not PROBABLY_OUR_MISTAKE & {mark.mark for mark in row.marks}, -row.balance, row.number

    return (*sorted((row for row in rows if row.marks), key=first), *(row for row in rows if not row.marks))


def debts_by_type(lines: Iterable[Line]) -> tuple[DebtOfAType, ...]:
    """The debits by type, the largest sum first."""
    sums, counts = defaultdict[str | None, Decimal](Decimal), Counter[str | None]()
    for line in lines:
        sums[line.type] += line.outstanding
        counts[line.type] += 1
    debts = (DebtOfAType(type=kind, count=counts[kind], outstanding=total) for kind, total in sums.items())
    return tuple(sorted(debts, key=lambda debt: (-debt.outstanding, debt.type or "")))
