"""`outcomes invoice`: the agency's invoice against what was sent."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import SUNDAY
from tests.builders.koha import owing
from tests.support.koha import KohaDatabase

TERMS = "[outcomes]\nprice_per_case = 8.95\n"
NORTH = '[[library]]\nname = "north"\nbranches = ["FPL"]\n'


def kept(koha: KohaDatabase) -> list[dict[str, Any]]:
    return koha.query("SELECT * FROM gentle_nudge_invoice ORDER BY id")


@pytest.fixture
def evenings(library: Library) -> Evenings:
    """Two patrons were referred on the Sunday, the second by the section north."""
    evenings = library(tables=TERMS + NORTH)
    owing(evenings.koha, "30.00", card="A", branch="CPL")
    owing(evenings.koha, "40.00", card="B", branch="FPL")
    evenings.does("nightly", on=SUNDAY)
    return evenings


def an_invoice(evenings: Evenings, text: str) -> Path:
    path = evenings.folder / "invoice.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_invoice_is_compared_with_what_was_sent(evenings: Evenings, koha: KohaDatabase) -> None:
    path = an_invoice(evenings, "Card;Price\nA;8.95\nA;8.95\nZ;8.95\n")
    asked = ("outcomes", "invoice", path, "--month", "2026-11")
    answer = json.loads(evenings.does(*asked, "--format", "json"))
    a, b = (case["id"] for case in evenings.cases())
    assert answer == {
        "month": "2026-11",
        "library": "all",
        "sent": 2,
        "billed": 3,
        "agreed": 1,
        "rows": [
            {"finding": "billed_twice", "account": "A", "case": a, "referred_on": "2026-11-22", "times": 2},
            {"finding": "never_sent", "account": "Z", "case": None, "referred_on": None, "times": None},
            {"finding": "not_billed", "account": "B", "case": b, "referred_on": "2026-11-22", "times": None},
        ],
        "in_question": "17.90",
    }
    rows = list(csv.DictReader(evenings.does(*asked, "--format", "csv").splitlines()))
    assert [(row["finding"], row["account"]) for row in rows] == [
        ("billed_twice", "A"),
        ("never_sent", "Z"),
        ("not_billed", "B"),
    ]
    screen = evenings.does(*asked)
    assert "billed twice" in screen
    assert "2026-11: 2 cases sent, 3 billed, 1 agreed; in question 17.90." in screen
    (row,) = kept(koha)
    assert [row[name] for name in ("month", "library", "sent", "billed", "not_billed")] == ["2026-11", "all", 2, 3, 1]
    (stored,) = json.loads(evenings.does("outcomes", "--format", "json"))["invoices"]
    assert stored["billed_twice"] == 1


def test_a_later_reading_replaces_the_earlier_and_a_dry_run_keeps_nothing(
    evenings: Evenings, koha: KohaDatabase
) -> None:
    asked = ("outcomes", "invoice", an_invoice(evenings, "A\nB\n"), "--month", "2026-11")
    evenings.does(*asked, "--dry-run")
    assert kept(koha) == []
    evenings.does(*asked)
    an_invoice(evenings, "A\n")
    assert "Nothing is in question" not in evenings.does(*asked)
    assert [row["billed"] for row in kept(koha)] == [1]


def test_of_one_section_only_its_cases_are_compared(evenings: Evenings, koha: KohaDatabase) -> None:
    path = an_invoice(evenings, "B\n")
    said = evenings.does("outcomes", "invoice", path, "--month", "2026-11", "--library", "North")
    assert "Nothing is in question." in said
    assert [(row["library"], row["sent"]) for row in kept(koha)] == [("north", 1)]


@pytest.mark.parametrize(
    ("text", "args", "sentence"),
    [
        ("A,B\nA,B\n", ("--month", "2026-11"), "more than one column"),
        ("x,y\nq,r\n", ("--month", "2026-11"), "The columns are: x, y."),
        ("x,y\nA,r\n", ("--month", "2026-11", "--column", "z"), "The columns are: x, y."),
        ("", ("--month", "2026-11"), "no column"),
        ("A\n", ("--month", "2026-13"), "--month 2026-13: no month."),
        ("A\n", ("--month", "2026-11", "--library", "south"), "There is no section south."),
        ("A" * (10 * 1024 * 1024 + 1), ("--month", "2026-11"), "is larger than 10 MiB."),
    ],
)
def test_what_is_no_invoice_is_refused(evenings: Evenings, text: str, args: tuple[str, ...], sentence: str) -> None:
    refused = evenings.run("outcomes", "invoice", an_invoice(evenings, text), *args)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert sentence in refused.stderr.replace("\n", " ")
    assert kept(evenings.koha) == []


def test_a_file_that_is_not_there_is_refused(evenings: Evenings) -> None:
    assert evenings.run("outcomes", "invoice", evenings.folder / "none.csv", "--month", "2026-11").returncode == 2
