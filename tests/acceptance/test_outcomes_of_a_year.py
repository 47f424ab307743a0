"""A year of Sundays in the demo: every figure of `outcomes` is what the desk noted, told by its ledger alone."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from gentle_nudge.demo.people import contacts
from gentle_nudge.demo.play import Story
from gentle_nudge.demo.till import Entry
from gentle_nudge.demo.year import Debtor, Fate, Year
from tests.builders.days import SUNDAY
from tests.support.command import Command

Answer = dict[str, Any]
FEE, RUNNING_DAYS, LAST_NIGHT = Decimal(10), 130, 21
CAST = {"cases": 31, "open": 19, "settled": 7, "items": 48, "items_back": 0}
CAST_AMOUNTS = {
    "recorded": "2491.77",
    "paid": "342.89",
    "owing": "2148.88",
    "owing_gone": "44.00",
    "fees_paid": "76.00",
    "fees_owing": "234.00",
}


@dataclass(frozen=True)
class Played:
    """The demo, and a command that asks it on the Sunday shown."""

    command: Command
    config: Path
    year: Year

    def asks(self, *args: str) -> Answer:
        at = datetime(2026, 11, 22, 15, tzinfo=UTC)
        done = self.command.run("--config", self.config, "outcomes", *args, "--format", "json", at=at)
        assert (done.returncode, done.stderr) == (0, "")
        answer: Answer = json.loads(done.stdout)
        return answer


@pytest.fixture
def played(year: Story, command: Command) -> Played:
    assert year.year is not None
    return Played(command, year.folder / "gentle-nudge.toml", year.year)


@dataclass(frozen=True)
class Account:
    """What the desk has noted of a patron of the year."""

    debtor: Debtor
    entries: tuple[Entry, ...]

    @property
    def referred_on(self) -> date:
        return SUNDAY - timedelta(weeks=self.debtor.week)

    def noted(self, what: str, *, fee: bool = False) -> Decimal:
        of_fee = (entry for entry in self.entries if (entry.type == "MANUAL") is fee)
        return sum((entry.amount for entry in of_fee if entry.what == what), Decimal(0))

    @property
    def owing(self) -> Decimal:
        return self.debtor.recorded - sum(self.noted(what) for what in ("paid", "returned", "waived"))

    @property
    def fee_owing(self) -> Decimal:
        return FEE - self.noted("paid", fee=True) - self.noted("waived", fee=True)

    @property
    def days(self) -> int | None:
        """From the referral to the day since which nothing is owing; None if something is."""
        left = self.debtor.recorded + FEE
        settled_on = None
        by_day = defaultdict[date, Decimal](Decimal)
        for entry in self.entries:
            by_day[entry.day] += entry.amount
        for day, amount in sorted(by_day.items()):
            left -= amount
            settled_on = day if amount else settled_on
        return (settled_on - self.referred_on).days if settled_on and not left else None

    @property
    def is_open(self) -> bool:
        """Nothing has ended the case: all is paid, or somebody has done something else than take in money."""
        ended_by_staff = {Fate.FLAG_OFF, Fate.LEAVES, Fate.MERGES}
        return self.days is None and not (self.debtor.fate in ended_by_staff and self.debtor.ago > LAST_NIGHT)

    @property
    def items_back(self) -> int:
        return len({entry.line for entry in self.entries if (entry.what, entry.type) == ("returned", "LOST")})


def accounts(year: Year) -> list[Account]:
    of_number = defaultdict[int, list[Entry]](list)
    for entry in year.ledger:
        of_number[entry.number].append(entry)
    known = [Account(debtor, tuple(of_number.pop(debtor.number, ()))) for debtor in year.debtors]
    assert not of_number
    return known


def half_up(days: float) -> int:
    return int(days + 0.5)


def figures(wanted: Iterable[Account]) -> Answer:
    """The figures of these accounts, as `outcomes` tells them."""
    of = list(wanted)
    paid, returned, waived = (
        sum((each.noted(what) for each in of), Decimal(0)) for what in ("paid", "returned", "waived")
    )
    fee_paid, fee_waived = (sum((each.noted(what, fee=True) for each in of), Decimal(0)) for what in ("paid", "waived"))
    recorded = sum((each.debtor.recorded for each in of), Decimal(0))
    gone = [each for each in of if each.debtor.fate is Fate.LEAVES]
    days = [each.days for each in of if each.days is not None]
    amounts = {
        "recorded": recorded, "grown": Decimal(0), "paid": paid, "returned": returned, "waived": waived,
        "other": Decimal(0), "referred_again": Decimal(0), "difference": Decimal(0),
        "owing": sum((each.owing for each in of), Decimal(0)),
        "owing_gone": sum((each.owing for each in gone), Decimal(0)),
        "came_back": paid + returned,
        "fees": FEE * len(of), "fees_paid": fee_paid, "fees_waived": fee_waived, "fees_other": Decimal(0),
        "fees_owing": sum((each.fee_owing for each in of), Decimal(0)), "fees_difference": Decimal(0),
        "price": Decimal("8.95") * len(of),
    }  # fmt: skip
    return {name: f"{amount:.2f}" for name, amount in amounts.items()} | {
        "cases": len(of),
        "open": sum(each.is_open for each in of),
        "items": sum(len(each.debtor.items) for each in of),
        "items_back": sum(each.items_back for each in of),
        "settled": len(days),
        "unblocked": len(days),
        "median_days": half_up(median(days)) if days else None,
    }


def same(row: Answer, expected: Answer) -> None:
    assert {name: row[name] for name in expected} == expected


def test_every_submission_has_the_figures_that_the_desk_noted(played: Played) -> None:
    answer = played.asks("--from", "2025-11", "--by", "submission")
    rows = {row["group"]: row for row in answer["rows"]}
    of_day = defaultdict[date, list[Account]](list)
    for account in accounts(played.year):
        of_day[account.referred_on].append(account)
    assert [*rows][: len(of_day)] == [str(day) for day in sorted(of_day)]
    assert len(rows) == len(of_day) + 3
    for day, group in of_day.items():
        same(rows[str(day)], figures(group))
    assert (answer["does_not_add_up"], answer["unseen"]) == ([], {"lines": 0, "amount": "0.00"})


# The figures that U17 and U18 of the model library stand for, of this one's own year.
THE_YEAR = {
    "cases": 259, "open": 169, "settled": 76, "unblocked": 76, "items": 482, "items_back": 67, "median_days": 39,
    "recorded": "20321.97", "paid": "4960.93", "returned": "2736.91", "waived": "138.07", "owing": "12486.06",
    "owing_gone": "110.87", "came_back": "7697.84", "came_back_of_100": "37.88", "fees": "2590.00",
    "fees_paid": "656.00", "fees_waived": "110.00", "fees_owing": "1824.00", "price": "2318.05",
}  # fmt: skip
HAD_IT_BEEN = {
    "25.00": {"cases": 152, "came_back": "6094.09", "of_100": "100.00", "items_back": 54, "price": "1360.40"},
    "50.00": {"cases": 121, "came_back": "5244.63", "of_100": "86.06", "items_back": 50, "price": "1082.95"},
}
HOW_SOON = {30: 16, 60: 28, 90: 40, 130: 52}


def test_the_figures_of_twelve_months_are_those_of_the_ledger_and_of_the_cast(played: Played) -> None:
    total = played.asks()["total"]
    same(total, THE_YEAR)
    year = figures(each for each in accounts(played.year) if each.referred_on >= date(2025, 12, 1))
    for name, number in CAST.items():
        assert total[name] == year[name] + number, name
    for name, amount in CAST_AMOUNTS.items():
        assert Decimal(total[name]) == Decimal(year[name]) + Decimal(amount), name
    for name in ("returned", "waived", "fees_waived", "other", "grown", "referred_again", "difference"):
        assert total[name] == year[name], name


BRANCHES = {"MAIN": "Fernwood Main Library", "EAST": "East Branch", "BUS": "Bookmobile"}


def branch(account: Account) -> str:
    return BRANCHES[contacts(account.debtor.number)["branchcode"]]


def category(account: Account) -> str:
    return account.debtor.sample.category


def age(account: Account) -> str:
    born, day = account.debtor.sample.born, account.referred_on
    assert born is not None
    years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return next(name for oldest, name in AGES.items() if years <= oldest)


AGES = {24: "18 to 24", 39: "25 to 39", 64: "40 to 64", 200: "65 and over"}


@pytest.mark.parametrize("by", [branch, category, age])
def test_groups_have_the_figures_that_the_desk_noted(played: Played, by: Callable[[Account], str]) -> None:
    answer = played.asks("--from", "2025-11", "--to", "2026-10", "--by", by.__name__)
    groups = defaultdict[str, list[Account]](list)
    for account in accounts(played.year):
        if account.referred_on < date(2026, 11, 1):
            groups[by(account)].append(account)
    assert {row["group"] for row in answer["rows"]} == set(groups)
    for row in answer["rows"]:
        same(row, figures(groups[row["group"]]))
        middle = median(each.debtor.recorded for each in groups[row["group"]])
        assert row["median_recorded"] == str(middle.quantize(Decimal("0.01"), ROUND_HALF_UP))


def test_a_higher_threshold_and_how_soon_cases_were_settled(played: Played) -> None:
    answer = played.asks("--if-threshold", "50")
    year = [each for each in accounts(played.year) if each.referred_on >= date(2025, 12, 1)]
    over = [each for each in year if (SUNDAY - each.referred_on).days >= RUNNING_DAYS]
    assert answer["over"] == len(over) == HAD_IT_BEEN["25.00"]["cases"]
    for study, (least, known) in zip(answer["thresholds"], HAD_IT_BEEN.items(), strict=True):
        expected = figures(each for each in over if each.debtor.recorded >= Decimal(least))
        same(study, {"threshold": least, **known})
        same(study, {name: expected[name] for name in ("cases", "came_back", "items_back", "price")})
    settled = {each["days"]: each["settled"] for each in answer["how_soon"]}
    counted = {limit: sum(each.days is not None and each.days <= limit for each in over) for limit in HOW_SOON}
    assert settled == counted == HOW_SOON


def test_the_road_has_days(played: Played) -> None:
    answer = played.asks("--from", "2025-11", "--to", "2026-10")
    of = [each for each in accounts(played.year) if each.referred_on < date(2026, 11, 1)]
    lost = [each.debtor.sample.charges[0] for each in of]
    road = {step["step"]: (step["cases"], step["days"]) for step in answer["road"]}
    days = [each.days for each in of if each.days is not None]
    assert road == {
        "due_to_charged": (len(of), half_up(median((charge.due or 0) - charge.ago for charge in lost))),
        "due_to_notice": (0, None),
        "charged_to_referred": (
            len(of),
            half_up(median(charge.ago - 7 * each.debtor.week for charge, each in zip(lost, of, strict=True))),
        ),
        "referred_to_settled": (len(days), half_up(median(days))),
    }
