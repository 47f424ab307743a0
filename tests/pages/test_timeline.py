"""The page of a road, as `timeline --format html` makes it (T1 and T3)."""

from pathlib import Path

import pytest

from tests.acceptance.conftest import lending as lending  # noqa: PLC0414 - the fixture
from tests.acceptance.lending import Lending, of
from tests.support.browser import Browser

pytestmark = pytest.mark.browser


def faults(browser: Browser, folder: Path, page: str, *shown: str) -> list[str]:
    file = folder / "road.html"
    file.write_text(page, encoding="utf-8")
    return browser.faults(file, shown)


def test_the_page_of_a_road_has_no_fault(lending: Lending, browser: Browser, tmp_path: Path) -> None:
    lending.first_library()
    asked = (*of("FPL/PT/BK"), "--checkout", "2026-03-02", "--price", "25", "--format", "html")
    shown = ("lost on 15 April, earliest to the agency on 15 June", "17 Mar", "+0.50 each", "ODUE2 by e-mail", "40.00")
    assert faults(browser, tmp_path, lending.says(*asked), *shown) == []


def test_the_page_names_what_contradicts_and_shades_closed_days(
    lending: Lending, browser: Browser, tmp_path: Path
) -> None:
    lending.closed_as_cpl()
    lending.first_library()
    lending.koha.prefer("OverdueNoticeCalendar", "1")
    lending.koha.prefer("DefaultLongOverdueDays", "20")
    page = lending.says(*of("CPL/PT/BK"), "--due", "2026-03-27", "--price", "25", "--format", "html")
    assert faults(browser, tmp_path, page, "Lost before notice", "library closed", "Way out:") == []
    assert page.count('class="shut"') > 10
