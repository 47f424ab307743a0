"""Lists: staff see who will be referred, and decide, before anybody is."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings, Library
from tests.builders.koha import owing, pays
from tests.support.koha import KohaDatabase

RULES = "review_days = 3\n"


def nov(day: int) -> date:
    """That day of November 2026; the 22nd is a Sunday."""
    return date(2026, 11, day)


class Desk(Evenings):
    """A library with lists, five patrons who qualify on Sunday 22 November, and what became of them."""

    five: dict[str, int]

    def nights(self, *days: int) -> None:
        """A good and silent night on each of these days of November."""
        for day in days:
            self.does("nightly", on=nov(day))

    def lists(self) -> dict[str, tuple[str, int, str]]:
        """The day of each list -> its state, its rows, the sum of their balances."""
        rows = self.koha.query(
            "SELECT for_day, state, COUNT(patron) AS n, COALESCE(SUM(balance), 0) AS total FROM gentle_nudge_list "
            "LEFT JOIN gentle_nudge_list_row ON list_id = id GROUP BY id ORDER BY for_day, section"
        )
        return {str(row["for_day"]): (row["state"], row["n"], f"{row['total']:.2f}") for row in rows}

    def rows(self, day: int) -> dict[str, tuple[str, str | None, str]]:
        """The letter of each patron on the list of that day -> outcome, why, marks."""
        rows = self.koha.query(
            "SELECT patron, outcome, why, marks FROM gentle_nudge_list_row JOIN gentle_nudge_list ON id = list_id "
            "WHERE for_day = :day",
            day=nov(day),
        )
        return {self.letter(row["patron"]): (row["outcome"], row["why"], row["marks"]) for row in rows}

    def letter(self, patron: int) -> str:
        """The letter of a patron."""
        return {number: letter for letter, number in self.five.items()}.get(patron, str(patron))

    def submission(self) -> tuple[str, str, str]:
        """The letters of all who were referred, what they owed together, and the fees, of the latest submission."""
        (run,) = self.koha.query(
            "SELECT id, amount, fees FROM gentle_nudge_run WHERE report = 'submission' ORDER BY id DESC LIMIT 1"
        )
        patrons = self.koha.query("SELECT number FROM gentle_nudge_case WHERE opened_run = :run", run=run["id"])
        letters = sorted(self.letter(row["number"]) for row in patrons)
        return "".join(letters), f"{run['amount']:.2f}", f"{run['fees']:.2f}"

    def submissions(self) -> list[str]:
        """The days of all submissions."""
        rows = self.koha.query("SELECT day FROM gentle_nudge_run WHERE report = 'submission' ORDER BY id")
        return [str(row["day"]) for row in rows]


@pytest.fixture
def desk(library: Library, koha: KohaDatabase) -> Callable[..., Desk]:
    """`desk(policy="most_referrals = 4")` is the library of five who qualify, with lists three days before."""

    def begin(policy: str = "", **settings: Any) -> Desk:
        evenings = library(policy=RULES + policy, **settings)
        desk = Desk.__new__(Desk)
        desk.__dict__.update(evenings.__dict__)
        amounts = {
            "A": ("40.00", date(2026, 9, 10)),
            "B": ("30.00", date(2026, 9, 12)),
            "C": ("26.00", date(2026, 9, 14)),
        }
        amounts |= {"E": ("50.00", date(2026, 9, 23)), "G": ("45.00", date(2026, 8, 24))}
        desk.five = {
            letter: owing(koha, amount, day=day, surname=f"Surname {letter}")
            for letter, (amount, day) in amounts.items()
        }
        return desk

    return begin


DeskFixture = Callable[..., Desk]
ALL = ("ABCEG", "191.00", "50.00")


def test_v1_the_list_is_made_three_days_before_and_goes_out(desk: DeskFixture) -> None:
    library = desk()
    library.nights(18)
    assert library.lists() == {}
    before = {name: library.koha.query(f"SELECT * FROM {name}") for name in ("borrowers", "accountlines")}
    library.nights(19)
    assert library.lists() == {"2026-11-22": ("open", 5, "191.00")}
    assert before == {name: library.koha.query(f"SELECT * FROM {name}") for name in before}
    marks = {letter: marks for letter, (_, _, marks) in library.rows(22).items() if marks}
    assert marks == {"C": "AT_THRESHOLD", "G": "LEAVING"}
    library.nights(20, 21)
    assert library.lists() == {"2026-11-22": ("open", 5, "191.00")}
    library.nights(22)
    assert library.submission() == ALL
    assert library.lists() == {"2026-11-22": ("used", 5, "191.00")}
    assert {outcome for outcome, _, _ in library.rows(22).values()} == {"referred"}


def test_v2_who_pays_after_the_list_was_made_is_dropped(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    pays(library.koha, library.five["A"], "20.00", day=nov(20))
    library.nights(20, 21, 22)
    assert library.submission() == ("BCEG", "151.00", "40.00")
    assert library.rows(22)["A"][:2] == ("dropped", "BELOW_THRESHOLD")


def test_v4_who_qualifies_after_the_list_was_made_is_on_the_next(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    library.five["H"] = owing(library.koha, "60.00", day=date(2026, 9, 15))
    library.nights(20, 21)
    shown = library.does("nightly", "--dry-run", "--format", "json", on=nov(22))
    assert '"NOT_ON_THE_LIST": 1' in shown
    library.nights(22)
    assert library.submission() == ALL
    library.nights(26)
    assert list(library.rows(29)) == ["H"]


def test_v8_without_a_night_in_time_nobody_is_referred_whom_staff_could_not_see(desk: DeskFixture) -> None:
    library = desk()
    library.nights(17)
    done = library.run("nightly", on=nov(22))
    assert done.returncode == 0
    assert "no list was made in time" in done.stderr
    assert "2026-11-25" in done.stderr
    assert library.submissions() == []
    assert library.lists() == {"2026-11-25": ("open", 4, "146.00")}
    assert library.does("status", on=nov(23)).count("late") == 0
    library.nights(23, 24, 25)
    assert library.submission() == ("ABCE", "146.00", "40.00")
    assert library.koha.value("SELECT late FROM gentle_nudge_run WHERE report = 'submission'") == 1
    library.nights(26)
    assert "2026-11-29" in library.lists()
