"""Cases, listed and moved."""

import csv
import json
from decimal import Decimal

import pytest

from tests.acceptance.evenings import Library
from tests.builders.days import MONDAY, SUNDAY, TUESDAY
from tests.builders.koha import pays

NORTH = """
[[library]]
name = "north"
branches = ["MPL"]
flag = "{flag}"
"""


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_cases_are_listed_by_state_and_month(library: Library) -> None:
    evenings = library()
    paying, owing = evenings.owing(card="1001"), evenings.owing(card="1002", surname="=1+1")
    assert evenings.does("cases") == "No such case.\n"
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, paying)
    evenings.does("nightly", on=MONDAY)
    everybody = rows(evenings.does("cases", "--format", "csv"))
    assert [(row["number"], row["state"], row["balance"], row["fee"]) for row in everybody] == [
        (str(paying), "released", "30.00", "10.00"),
        (str(owing), "open", "30.00", "10.00"),
    ]
    assert everybody[1]["surname"] == "'=1+1"
    (still,) = json.loads(evenings.does("cases", "--state", "open", "--format", "json"))
    assert (still["number"], still["card"], still["last_due"], still["referred_on"]) == (
        owing,
        "1002",
        "40.00",
        str(SUNDAY),
    )
    assert len(rows(evenings.does("cases", "--referred", "2026-11", "--format", "csv"))) == 2
    assert rows(evenings.does("cases", "--referred", "2026-10", "--format", "csv")) == []
    assert rows(evenings.does("cases", "--library", "north", "--format", "csv")) == []
    table = evenings.does("cases", "--library", "global", "--state", "released")
    assert table.splitlines()[1].split()[:4] == ["1", "1001", "Example,", "Pat"]
    assert len(table.splitlines()) == 2


def test_another_section_takes_over_open_cases(library: Library) -> None:
    evenings = library(tables=NORTH.format(flag="sort1"))
    here, there = evenings.owing(), evenings.owing(branch="MPL")
    evenings.does("nightly", on=SUNDAY)
    said = evenings.does("--verbose", "cases", "move", "north", "Global", on=MONDAY)
    assert said == "1 open case moved from north to Global\n"
    evenings.does("nightly")
    assert set(evenings.update(MONDAY)) == {here, there}
    for what, says in (
        (("north", "global"), "Section north has no open case"),
        (("global", "south"), "The sections are: north, global"),
    ):
        done = evenings.run("cases", "move", *what)
        assert done.returncode == 2
        assert says in done.stderr


@pytest.mark.parametrize("lists", ["all", "changed"])
def test_whoever_takes_over_cases_is_told_of_each_by_the_next_update(library: Library, lists: str) -> None:
    other = NORTH.format(flag="sort1") + 'send_to = ["other@agency.example"]\n'
    evenings = library(tables=other, policy=f'update_lists = "{lists}"')
    there = evenings.referred(branch="MPL")
    evenings.does("cases", "move", "north", "global", on=MONDAY)
    evenings.does("nightly")
    assert evenings.update(MONDAY) == {there: Decimal("40.00")}
    evenings.does("nightly", on=TUESDAY)
    assert evenings.update(TUESDAY) == ({there: Decimal("40.00")} if lists == "all" else {})


def test_cases_do_not_move_to_a_section_that_would_withdraw_them(library: Library) -> None:
    evenings = library(tables=NORTH.format(flag="sort2"))
    evenings.referred(branch="MPL")
    done = evenings.run("cases", "move", "north", "global", on=MONDAY)
    assert done.returncode == 2
    assert "no flag in sort1" in done.stderr
    assert evenings.cases()[0]["section"] == "north"
