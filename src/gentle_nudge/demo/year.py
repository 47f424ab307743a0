"""The year before the cast's three weeks: patrons of its own, referred on its Sundays, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice

from dateutil.relativedelta import relativedelta

from gentle_nudge.demo.counter import Desk
from gentle_nudge.demo.founding import HOW_MANY
from gentle_nudge.demo.people import names
from gentle_nudge.demo.roles import Charge, Sample, charge, lost, overdue, sample
from gentle_nudge.demo.till import Entry, What
from gentle_nudge.domain.money import ZERO

FIRST, LAST = 52, 3  # its Sundays, in weeks before the one shown
FIRST_ITEM = 50_001
OLDEST_STUDENT, YOUNGEST_SENIOR = 25, 65
ITEMS = (1, 2, 1, 3, 2, 1, 4, 2, 1, 2, 2)  # how many items patrons have lost, in turn


class Fate(Enum):
    """What a patron of the year does after the referral."""

    NOTHING = "nothing"
    PAYS = "pays everything"
    PAYS_A_PART = "pays a part"
    PAYS_TWICE = "pays a part, and later the rest"
    BRINGS_BACK = "brings everything back"
    BRINGS_AND_PAYS = "brings everything back and pays the rest"
    BRINGS_AND_IS_FORGIVEN = "brings everything back, and the rest is written off"
    BRINGS_ONE = "brings one item back"
    PAYS_AND_FINDS = "pays everything, and finds the items later"
    IS_FORGIVEN = "owes nothing any more, because everything is written off"
    BOUNCES = "pays with a cheque that bounces"
    FLAG_OFF = "has the flag taken off by staff"
    LEAVES = "is deleted from Koha"
    MERGES = "has two cards, both in collections, which are merged"


IN_TURN = (
    Fate.NOTHING,
    Fate.PAYS,
    Fate.NOTHING,
    Fate.BRINGS_AND_PAYS,
    Fate.PAYS_A_PART,
    Fate.NOTHING,
    Fate.BRINGS_ONE,
    Fate.PAYS,
    Fate.NOTHING,
    Fate.NOTHING,
    Fate.PAYS_TWICE,
    Fate.NOTHING,
    Fate.BRINGS_AND_IS_FORGIVEN,
    Fate.PAYS,
    Fate.NOTHING,
    Fate.PAYS_A_PART,
    Fate.NOTHING,
    Fate.BRINGS_BACK,
    Fate.PAYS,
    Fate.NOTHING,
)
# Instead of nothing. Who merges, does so with the next patron, to whom nothing happens.
ONCE = {
    8: Fate.MERGES,
    11: Fate.FLAG_OFF,
    22: Fate.IS_FORGIVEN,
    34: Fate.FLAG_OFF,
    45: Fate.PAYS_AND_FINDS,
    51: Fate.BOUNCES,
    54: Fate.FLAG_OFF,
    79: Fate.LEAVES,
    88: Fate.MERGES,
    96: Fate.FLAG_OFF,
    116: Fate.PAYS_AND_FINDS,
    125: Fate.FLAG_OFF,
    142: Fate.IS_FORGIVEN,
    159: Fate.FLAG_OFF,
    176: Fate.FLAG_OFF,
}
LATER = 9  # days between two deeds of one patron


@dataclass(frozen=True, kw_only=True, slots=True)
class Debtor:
    """A patron of the year, who is referred so many weeks before the Sunday shown; `place` counts from 0."""

    place: int
    week: int
    sample: Sample

    @property
    def number(self) -> int:
        """The patron's number, after those of the cast."""
        return HOW_MANY + 1 + self.place

    @property
    def fate(self) -> Fate:
        """What the patron does."""
        return ONCE.get(self.place, IN_TURN[self.place % len(IN_TURN)])

    @property
    def items(self) -> list[int]:
        """The numbers of the lost items."""
        return [charge.item for charge in self.sample.charges if charge.item and charge.type == "LOST"]

    @property
    def recorded(self) -> Decimal:
        """What the patron is referred for."""
        return sum((charge.amount for charge in self.sample.charges), ZERO)

    @property
    def ago(self) -> int:
        """The day of the first deed: most come in the first weeks after the referral, the last after five months."""
        steps = self.place * 77 % 100
        return self.week * 7 - 3 - steps * 6 // 10 - steps * steps // 110


@dataclass(frozen=True, kw_only=True, slots=True)
class Year:
    """A year that has passed: who was referred in it, and what the desk noted of them."""

    shown: date
    debtors: tuple[Debtor, ...]
    ledger: tuple[Entry, ...]

    @property
    def sundays(self) -> list[date]:
        """The Sundays on which somebody was referred."""
        return sorted({self.shown - timedelta(weeks=debtor.week) for debtor in self.debtors})

    def noted(self, what: What) -> Decimal:
        """The sum of what the desk noted under this word."""
        return sum((entry.amount for entry in self.ledger if entry.what == what), ZERO)


def debtors(day: date) -> tuple[Debtor, ...]:
    """Everybody who is referred in the year before this Sunday: on most Sundays two to nine patrons."""
    weeks = (week for week in range(FIRST, LAST - 1, -1) for _ in range(_how_many(FIRST - week)))
    people = islice(names(), HOW_MANY, None)
    return tuple(
        Debtor(place=place, week=week, sample=_debtor(name, place, week, day))
        for place, (week, name) in enumerate(zip(weeks, people, strict=False))
    )


def _how_many(sunday: int) -> int:
    """How many patrons are referred on the Sunday with this number in the year."""
    return 0 if (sunday + 4) % 8 == 0 else 2 + sunday * 5 % 8


def _debtor(name: tuple[str, str], place: int, week: int, day: date) -> Sample:
    born = day - timedelta(days=20 * 366 + place * 977 % 21_900)
    age = relativedelta(day - timedelta(weeks=week), born).years
    category = "COLLEGE" if age < OLDEST_STUDENT else "SENIOR" if age >= YOUNGEST_SENIOR else "PT"
    return sample(*name, *_charges(place, week * 7 + 60 + place * 5 % 7), born=born, category=category)


def _charges(place: int, ago: int) -> Iterator[Charge]:
    """What a patron owes: all was lost on one day, just old enough on the Sunday of the referral."""
    due = ago + 28 + place * 11 % 30
    for turn in range(ITEMS[place % len(ITEMS)]):
        item = FIRST_ITEM + 4 * place + turn
        cost = 1_200 + (place * 61 + turn * 1_703) % 4_000 if turn else 2_500 + place * 53 % 4_500
        yield lost(ago, f"{Decimal(cost) / 100:.2f}", item=item, due=due)
        if place % 7 == 1:
            yield charge(ago, "5.00", "PROCESSING", item=item)
    if place % 9 == 0:
        yield overdue(ago, f"{Decimal(150 + place * 25 % 700) / 100:.2f}")


def go_by(desk: Desk, debtors: Iterable[Debtor], week: int) -> None:
    """Let the week after the night of that Sunday pass at the desk."""
    deeds = [
        (ago, deed, debtor)
        for debtor in debtors
        for ago, deed in ((debtor.ago, _first_deed), (debtor.ago - LATER, _second_deed))
        if (ago + 6) // 7 == week
    ]
    for ago, deed, debtor in sorted(deeds, key=lambda each: -each[0]):
        deed(desk, debtor, ago)


def _first_deed(desk: Desk, debtor: Debtor, ago: int) -> None:
    number, items = debtor.number, debtor.items
    match debtor.fate:
        case Fate.PAYS | Fate.PAYS_AND_FINDS | Fate.BOUNCES:
            desk.pay(number, ago)
        case Fate.PAYS_A_PART | Fate.PAYS_TWICE:
            desk.pay(number, ago, all_but=debtor.recorded // 2)
        case Fate.BRINGS_BACK | Fate.BRINGS_AND_PAYS | Fate.BRINGS_AND_IS_FORGIVEN:
            desk.find(items, ago)
        case Fate.BRINGS_ONE:
            desk.find(items[:1], ago)
        case Fate.IS_FORGIVEN:
            desk.waive(number, ago)
        case Fate.FLAG_OFF:
            desk.write_flag(number, None)
        case Fate.LEAVES:
            desk.delete(number)
        case Fate.MERGES:
            desk.merge(number, number + 1)
        case _:
            pass


def _second_deed(desk: Desk, debtor: Debtor, ago: int) -> None:
    match debtor.fate:
        case Fate.PAYS_TWICE | Fate.BRINGS_AND_PAYS:
            desk.pay(debtor.number, ago)
        case Fate.BRINGS_AND_IS_FORGIVEN:
            desk.waive(debtor.number, ago)
        case Fate.PAYS_AND_FINDS:
            desk.find(debtor.items, ago)
        case Fate.BOUNCES:
            desk.void(debtor.number, ago)
        case _:
            pass
