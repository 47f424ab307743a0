"""The page of outcomes, as `outcomes --format html` makes it of real cases (U26)."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.acceptance.conftest import library as library  # noqa: PLC0414 - the fixture
from tests.acceptance.evenings import Library
from tests.acceptance.test_outcome_page import OVER, amount, months, thirty_patrons
from tests.acceptance.test_outcomes import outcomes
from tests.support.browser import Browser
from tests.support.koha import KohaDatabase

pytestmark = pytest.mark.browser


def test_the_page_has_no_fault_no_person_and_the_sums_of_the_json(
    library: Library, koha: KohaDatabase, browser: Browser, tmp_path: Path
) -> None:
    evenings = thirty_patrons(library, koha)
    asked = ("--from", "2026-10", "--to", "2026-12")
    file = tmp_path / "out" / "outcomes-2026-12.html"
    said = evenings.does("outcomes", *asked, "--format", "html", "--output", file.parent, on=OVER)
    assert said == f"Written: {file}\n"
    html, answer = file.read_text(encoding="utf-8"), outcomes(evenings, *asked)
    branches = (
        row["branchname"] for row in koha.query("SELECT branchname FROM branches WHERE branchcode IN ('CPL', 'FPL')")
    )
    shown = ("30 patrons were referred", *branches, "How soon", "What a higher threshold would have meant", "30.00")
    assert browser.faults(file, shown) == []
    names = ("cases", "recorded", "paid", "returned", "waived")
    rows = months(html)
    for row, figures in zip(rows, [*answer["rows"], answer["total"]], strict=True):
        assert [amount(cell) for cell in row[:6]] == [Decimal(figures[name]) for name in (*names, "owing")]
    for place, name in enumerate(names):
        assert sum(amount(row[place]) for row in rows[:-1]) == Decimal(answer["total"][name])
    for person in ("Quibbleworth", "Ermintrude", "24990", "76543"):
        assert person not in html
    studies = [f'<th scope="row" class="n">{each}.00' for each in (25, 30, 40, 50, 75, 100)]
    assert [html.count(study) for study in studies] == [1] * 6
