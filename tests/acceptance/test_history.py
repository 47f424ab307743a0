"""The runs of a time, with their sums."""

import csv
import json
from datetime import date
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import LAST_SUNDAY, MONDAY, SUNDAY
from tests.builders.koha import owing, pays

DECEMBER = date(2026, 12, 1)
KEYS = ["day", "section", "report", "rows", "referred", "adopted", "released", "ended", "amount", "fees", "late", "who"]


@pytest.fixture
def month(library: Library) -> Evenings:
    """A library with nights on two Sundays, a Monday and the first of December, and two sections."""
    evenings = library(tables='[[library]]\nname = "north"\nformerly = ["old"]\nbranches = ["MPL"]\n')
    owing(evenings.koha, "40.00", day=LAST_SUNDAY.replace(day=1, month=9))
    evenings.does("nightly", on=LAST_SUNDAY)
    there = evenings.owing("30.00", branch="MPL")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, there)
    evenings.does("nightly", on=MONDAY)
    evenings.does("nightly", on=DECEMBER)
    return evenings


def asked(evenings: Evenings, *options: str) -> dict[str, Any]:
    """What `history` says to programs."""
    answer: dict[str, Any] = json.loads(evenings.does("history", "--format", "json", *options))
    return answer


def days(answer: dict[str, Any]) -> list[str]:
    return sorted({run["day"] for run in answer["runs"]})


def test_without_an_option_the_last_runs_and_the_sums_of_all(month: Evenings) -> None:
    answer = asked(month)
    assert (answer["since"], answer["until"]) == (str(LAST_SUNDAY), str(DECEMBER))
    assert list(answer["runs"][0])[: len(KEYS)] == KEYS
    assert answer["totals"] == {
        "runs": len(answer["runs"]),
        "referred": 2,
        "adopted": 0,
        "released": 1,
        "ended": 0,
        "amount": "70.00",
        "fees": "20.00",
    }
    last = month.does("history").splitlines()[-1]
    assert last == f"{len(answer['runs'])} runs: 2 referred, 1 released; submissions 70.00, fees 20.00"


def test_a_month_has_its_first_day_and_its_last(month: Evenings) -> None:
    november = asked(month, "--month", "2026-11")
    assert (november["since"], november["until"]) == ("2026-11-01", "2026-11-30")
    assert days(november) == [str(LAST_SUNDAY), str(SUNDAY), str(MONDAY)]
    december = asked(month, "--month", "2026-12")
    assert days(december) == [str(DECEMBER)]
    assert december["totals"]["referred"] == 0
    assert asked(month, "--month", "2026-10")["runs"] == []
    assert month.does("history", "--month", "2026-10") == "No run yet.\n"


def test_since_a_day_counts_that_day(month: Evenings) -> None:
    assert days(asked(month, "--since", str(MONDAY))) == [str(MONDAY), str(DECEMBER)]
    assert days(asked(month, "--since", "2026-11-24")) == [str(DECEMBER)]
    assert asked(month, "--since", "2026-11-24")["until"] == str(DECEMBER)


def test_of_one_section_under_all_its_names(month: Evenings) -> None:
    north = asked(month, "--library", "north", "--month", "2026-11")
    assert {run["section"] for run in north["runs"]} == {"north"}
    assert (north["totals"]["referred"], north["totals"]["released"], north["totals"]["fees"]) == (1, 1, "10.00")
    month.koha.execute("UPDATE gentle_nudge_run SET section = 'old' WHERE section = 'north' AND day = :day", day=SUNDAY)
    assert len(asked(month, "--library", "North")["runs"]) == len(asked(month, "--library", "NORTH")["runs"])
    rows = list(csv.DictReader(month.does("history", "--library", "north", "--format", "csv").splitlines()))
    assert {row["section"] for row in rows} == {"north", "old"}


def test_with_a_time_every_run_is_told_and_without_one_the_last_sixty(library: Library) -> None:
    evenings = library()
    evenings.referred()
    evenings.does("sync", on=MONDAY)
    (first,) = evenings.koha.query("SELECT * FROM gentle_nudge_run WHERE report = 'sync'")
    others = ({**first, "id": None, "number": first["number"] + more} for more in range(1, 59))
    evenings.koha.put_many("gentle_nudge_run", others)
    evenings.does("sync", on=MONDAY)
    assert asked(evenings)["totals"]["runs"] == 60
    assert asked(evenings, "--since", str(SUNDAY))["totals"]["runs"] == 62
    assert asked(evenings, "--month", "2026-11")["totals"]["runs"] == 62


@pytest.mark.parametrize(
    "words",
    [
        ("--month", "2026-11", "--since", "2026-11-01"),
        ("number:1", "--month", "2026-11"),
        ("number:1", "--since", "2026-11-01"),
        ("number:1", "--library", "north"),
    ],
)
def test_two_times_or_a_time_beside_a_card_are_refused(library: Library, words: tuple[str, ...]) -> None:
    done = library().run("history", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--month, --since and --library choose runs" in done.stderr
