"""The words that stand for people and for days, wherever a command takes a CARD or a DATE."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.acceptance.evenings import Library
from tests.builders.days import MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY
from tests.builders.koha import a_patron, owing
from tests.support.koha import KohaDatabase

REASON = ("--reason", "referred by mistake")


def is_on_a_list(koha: KohaDatabase, patron: int, *, state: str = "open") -> None:
    """The patron stands on a list of the coming Sunday."""
    owed, day = Decimal(30), NEXT_SUNDAY + timedelta(days=7 * (state == "used"))
    on = koha.put("gentle_nudge_list", section="global", for_day=day, made=MONDAY, state=state)
    koha.put("gentle_nudge_list_row", list_id=on, patron=patron, owed=owed, balance=owed, marks="", outcome="listed")


# CARD


@pytest.mark.parametrize(
    "card",
    ["1001", "  1001 ", "number:{}", "name:d\u00dcrer, alb", "name: DURER ", "name:Albrecht"],
)
def test_a_patron_is_named_by_card_number_or_name(library: Library, card: str) -> None:
    evenings = library()
    patron = evenings.referred(card="1001", surname="D\u00fcrer", firstname="Albrecht")
    evenings.does("release", card.format(patron), *REASON, on=MONDAY)
    assert evenings.cases()[0]["state"] == "withdrawn"


def test_several_matches_are_shown_and_nothing_is_done(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    first = owing(koha, card="1001", surname="Twin", firstname="Ada")
    second = evenings.referred(card="1002", surname="Twin", firstname="Bob")
    done = evenings.run("release", "name:twin", *REASON, on=MONDAY)
    assert done.returncode == 2
    assert "in the names of 2 patrons; nothing was done" in done.stderr
    assert "Twin" not in done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [str(first), "1001", "Twin,", "Ada"] in rows
    assert [str(second), "1002", "Twin,", "Bob"] in rows
    assert {case["state"] for case in evenings.cases()} == {"open"}


@pytest.mark.parametrize(("count", "more"), [(20, False), (21, True)])
def test_at_most_twenty_matches_are_shown(library: Library, koha: KohaDatabase, count: int, *, more: bool) -> None:
    evenings = library()
    for place in range(count):
        owing(koha, card=f"{1000 + place}", surname="Twin")
    evenings.does("nightly", on=SUNDAY)
    shown = evenings.run("explain", "name:Twin").stdout
    assert shown.count("Twin") == 20
    assert ("and 1 more" in shown) == more


def test_names_are_looked_for_among_cases_and_open_lists_alone(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    stranger, listed, was_listed = (a_patron(koha, surname=name) for name in ("Stranger", "Listed", "Waslisted"))
    is_on_a_list(koha, listed)
    is_on_a_list(koha, was_listed, state="used")
    assert f"Patron number {listed}" in evenings.does("explain", "name:listed", on=MONDAY)
    for name in ("Stranger", "Waslisted", "%", ""):
        done = evenings.run("explain", f"name:{name}")
        assert (done.returncode, done.stdout) == (2, "")
        assert "among the patrons with a case whose name we still hold, and those on a list that is open" in done.stderr
    assert f"Patron number {stranger}" in evenings.does("explain", f"number:{stranger}")


def test_a_name_that_was_forgotten_finds_nobody(library: Library) -> None:
    evenings = library()
    evenings.referred(card="1001", surname="Quux")
    evenings.does("release", "1001", *REASON, on=MONDAY)
    assert "Case 1" in evenings.does("history", "name:quux")
    evenings.does("forget", "name:quux")
    assert evenings.run("history", "name:quux").returncode == 2


def test_before_init_a_name_finds_nobody(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    koha.execute("DROP TABLE gentle_nudge_meta")
    a_patron(koha, surname="Quux")
    assert evenings.run("explain", "name:quux", on=MONDAY).returncode == 2


# Several CARDs


def test_several_patrons_are_released_at_once(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    owing(koha, card="1001")
    owing(koha, card="1002", surname="Quux")
    evenings.referred(card="1003")
    said = evenings.does("--verbose", "release", "1001", "name:quux", "1001", *REASON, on=MONDAY)
    assert "2 withdrawn" in said
    assert [case["state"] for case in evenings.cases()] == ["withdrawn", "withdrawn", "open"]


def test_all_are_released_or_none_and_each_wrong_card_is_named_by_its_place(library: Library) -> None:
    evenings = library()
    evenings.referred(card="1001")
    revision = evenings.koha.value("SELECT note FROM gentle_nudge_meta")
    for words in (("1001", "9998", "9999"), ("1001", "name:nobody", "name:noone")):
        done = evenings.run("release", *words, *REASON, on=MONDAY)
        assert done.returncode == 2
        assert "the 2nd card: " in done.stderr
        assert "the 3rd card: " in done.stderr
        assert "1st" not in done.stderr
    assert evenings.cases()[0]["state"] == "open"
    assert evenings.koha.value("SELECT note FROM gentle_nudge_meta") == revision


def test_patrons_of_several_sections_are_released_in_one_transaction(library: Library, koha: KohaDatabase) -> None:
    evenings = library(tables='[[library]]\nname = "west"\nbranches = ["WEST"]')
    koha.put("branches", branchcode="WEST", branchname="West")
    owing(koha, card="1001", branch="WEST")
    evenings.referred(card="1002")
    refused = evenings.run("release", "1001", "1002", "number:0", *REASON, on=MONDAY)
    assert (refused.returncode, {case["state"] for case in evenings.cases()}) == (2, {"open"})
    evenings.does("release", "1001", "1002", *REASON)
    assert {case["section"]: case["state"] for case in evenings.cases()} == {"west": "withdrawn", "global": "withdrawn"}


# DATE


@pytest.mark.parametrize(
    ("word", "day"),
    [("today", MONDAY), ("Tomorrow", TUESDAY), (" yesterday", SUNDAY), ("monday", MONDAY), ("sunday", NEXT_SUNDAY)],
)
def test_a_weekday_is_the_coming_one_where_the_question_looks_ahead(library: Library, word: str, day: date) -> None:
    evenings = library()
    evenings.owing(card="1001")
    assert f"{day:%A} {day}" in evenings.does("explain", "1001", "--day", word, on=MONDAY)


def test_the_day_of_a_night_looks_ahead_in_a_dry_run_alone(library: Library) -> None:
    evenings = library()
    evenings.owing()
    ahead = evenings.does("nightly", "--day", "sunday", "--dry-run", "--format", "json", on=MONDAY)
    assert f'"day": "{NEXT_SUNDAY}"' in ahead
    assert ahead == evenings.does("nightly", "--dry-run", "--day", "sunday", "--format", "json")
    evenings.does("nightly", "--day", "sunday")
    assert [case["referred_on"] for case in evenings.cases()] == [SUNDAY]
    evenings.does("release", "--submission", "SUNDAY", *REASON)
    assert [case["state"] for case in evenings.cases()] == ["withdrawn"]


@pytest.mark.parametrize("word", ["someday", "", "2026-02-30", "22.11.2026"])
def test_another_word_is_a_usage_error(library: Library, word: str) -> None:
    done = library().run("nightly", "--day", word, on=MONDAY)
    assert done.returncode == 2
    assert "write 2026-11-22, today, tomorrow, yesterday or a weekday" in done.stderr
