"""The figures of many cases: their sums, and the groups in which they are shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from dateutil.relativedelta import relativedelta

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.money import ZERO, round_to_cent
from gentle_nudge.domain.outcomes.figures import Amounts, CaseFigures
from gentle_nudge.domain.outcomes.terms import Outcomes

By = Literal["month", "submission", "section", "branch", "category", "age"]
PERSONAL = ("branch", "category", "age")
UNKNOWN = "unknown"
SMALLER = "smaller groups"
AGES = ("under 18", "18 to 24", "25 to 39", "40 to 64", "65 and over", UNKNOWN)
YOUNGEST = (0, 18, 25, 40, 65)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The figures of some cases, in the order in which they are shown; None if there is nothing to divide by."""

    cases: int
    open: int
    recorded: Decimal
    grown: Decimal
    paid: Decimal
    returned: Decimal
    waived: Decimal
    other: Decimal
    referred_again: Decimal
    owing: Decimal
    owing_gone: Decimal
    difference: Decimal
    came_back: Decimal
    came_back_of_100: Decimal | None
    fees: Decimal
    fees_paid: Decimal
    fees_waived: Decimal
    fees_other: Decimal
    fees_owing: Decimal
    fees_difference: Decimal
    items: int
    items_back: int
    settled: int
    unblocked: int
    median_days: int | None
    median_recorded: Decimal | None
    per_1000: Decimal | None
    price: Decimal
    running: bool

    @classmethod
    def of(
        cls, cases: Iterable[CaseFigures], terms: Outcomes, *, patrons: int | None = None, running: bool = False
    ) -> Figures:
        """The figures of these cases; `patrons` is how many patrons Koha has in their group, None if nobody asks."""
        cases = list(cases)
        lines, fee = Amounts.total(each.amounts for each in cases), Amounts.total(each.fee for each in cases)
        came_back = lines.paid + lines.returned
        days = [each.settled_after for each in cases if each.settled_after is not None]
        recorded = median([each.amounts.recorded for each in cases])
        return cls(
            cases=len(cases),
            open=sum(each.case.state is CaseState.OPEN for each in cases),
            recorded=lines.recorded,
            grown=lines.grown,
            paid=lines.paid,
            returned=lines.returned,
            waived=lines.waived,
            other=lines.other,
            referred_again=lines.referred_again,
            owing=lines.owing,
            owing_gone=sum((each.owing_gone for each in cases), ZERO),
            difference=lines.difference,
            came_back=came_back,
            came_back_of_100=share_of(came_back, lines.recorded),
            fees=fee.recorded,
            fees_paid=fee.paid,
            fees_waived=fee.waived,
            fees_other=sum((each.fee_other for each in cases), ZERO),
            fees_owing=fee.owing,
            fees_difference=fee.difference,
            items=sum(len(each.lost) for each in cases),
            items_back=sum(each.items_back for each in cases),
            settled=sum(each.is_settled for each in cases),
            unblocked=sum(each.is_unblocked for each in cases),
            median_days=median_days(days),
            median_recorded=None if recorded is None else round_to_cent(recorded),
            per_1000=round_to_cent(Decimal(len(cases) * 1000) / patrons) if patrons else None,
            price=terms.price_per_case * len(cases),
            running=running,
        )


def share_of(part: Decimal, whole: Decimal) -> Decimal | None:
    """The part in 100.00 of the whole; None if there is no whole."""
    return round_to_cent(part * 100 / whole) if whole else None


def median(values: Iterable[Decimal]) -> Decimal | None:
    """The value in the middle, of two the mean; None if there is none."""
    ordered = sorted(values)
    if not ordered:
        return None
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def median_days(days: Iterable[int]) -> int | None:
    """The days in the middle, of two the mean rounded half up; None if there are none."""
    middle = median(map(Decimal, days))
    return None if middle is None else int((middle + Decimal("0.5")) // 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Some cases under one heading; `keys` are the values of the cases that it puts together."""

    name: str
    cases: Sequence[CaseFigures]
    keys: tuple[Hashable, ...] = ()
    last_day: date | None = None

    def is_running(self, today: date, terms: Outcomes) -> bool:
        """Whether the agency may still be at work on the last of its cases."""
        return self.last_day is not None and (today - self.last_day).days < terms.running_days


def age_group(years: int | None) -> str:
    """The group of patrons of this age; below 0 and None are unknown."""
    if years is None or years < 0:
        return UNKNOWN
    return AGES[sum(years >= youngest for youngest in YOUNGEST) - 1]


def key_of(case: CaseFigures, by: By) -> Hashable:
    """The value by which a case is grouped."""
    facts = case.case
    match by:
        case "month":
            return facts.referred_on.replace(day=1) if facts.referred_on else None
        case "submission":
            return facts.referred_on
        case "section":
            return facts.section
        case "age":
            return age_group(facts.age)
        case "branch":
            return facts.branch or UNKNOWN
        case "category":
            return facts.category or UNKNOWN


def months(first: date, last: date) -> Iterator[date]:
    """The first day of each month, both included."""
    while first <= last:
        yield first
        first += relativedelta(months=1)


def grouped(
    cases: Iterable[CaseFigures],
    by: By,
    *,
    period: tuple[date, date],
    smallest: int,
    names: Mapping[str, str] | None = None,
) -> list[Group]:
    """The cases in groups that add up to all of them.

    `period` is the first day of the first and of the last month. `names` gives the names of keys that have one.
    """
    of_key = defaultdict[Hashable, list[CaseFigures]](list)
    for each in cases:
        of_key[key_of(each, by)].append(each)
    if by == "month":
        ends = {month: month + relativedelta(day=31) for month in months(*period)}
        return [Group(name=f"{month:%Y-%m}", cases=of_key[month], last_day=end) for month, end in ends.items()]
    if by == "submission":
        days = sorted(day for day in of_key if isinstance(day, date))
        return [Group(name=day.isoformat(), cases=of_key[day], last_day=day) for day in days]
    named = [Group(name=(names or {}).get(str(key), str(key)), cases=each, keys=(key,)) for key, each in of_key.items()]
    groups = sorted(named, key=lambda group: (-len(group.cases), group.name))
    groups = without_small(groups, smallest) if by in PERSONAL else groups
    return sorted(groups, key=_place_by_age) if by == "age" else groups


def without_small(groups: Sequence[Group], smallest: int) -> list[Group]:
    """The groups, largest first, with all that are too small put together at the end.

    If these have too few cases themselves, the smallest of the others joins them, so that nobody can subtract a person.
    """
    large = [group for group in groups if len(group.cases) >= smallest]
    small = [group for group in groups if len(group.cases) < smallest]
    while small and large and sum(len(group.cases) for group in small) < smallest:
        small.append(large.pop())
    if not small:
        return large
    cases = [each for group in small for each in group.cases]
    return [*large, Group(name=SMALLER, cases=cases, keys=tuple(key for group in small for key in group.keys))]


def _place_by_age(group: Group) -> int:
    return AGES.index(group.name) if group.name in AGES else len(AGES)


def over(cases: Iterable[CaseFigures], today: date, terms: Outcomes) -> list[CaseFigures]:
    """The cases that were referred at least `running_days` ago."""
    latest = today - timedelta(days=terms.running_days)
    return [each for each in cases if each.case.referred_on is not None and each.case.referred_on <= latest]
