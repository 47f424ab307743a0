"""The names of files, and the subjects of messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.reports.render import file_name, outcomes_name, page_subject, subject
from tests.builders.days import SUNDAY


@pytest.mark.parametrize(
    ("report", "name"),
    [
        (ReportKind.SUBMISSION, "ums-new-submissions-2026-11-22.csv"),
        (ReportKind.UPDATE, "ums-updates-2026-11-22.csv"),
        (ReportKind.SYNC, "ums-sync-2026-11-22.csv"),
    ],
)
def test_a_file_bears_report_and_day(report: ReportKind, name: str) -> None:
    assert file_name(report, SUNDAY, "global", 1) == name


def test_the_file_of_a_library_bears_its_name() -> None:
    assert file_name(ReportKind.UPDATE, SUNDAY, "north", 1) == "ums-updates-2026-11-22-north.csv"


def test_the_second_sync_of_a_day_is_numbered() -> None:
    assert file_name(ReportKind.SYNC, SUNDAY, "global", 2) == "ums-sync-2026-11-22-2.csv"
    assert file_name(ReportKind.SYNC, SUNDAY, "north", 2) == "ums-sync-2026-11-22-north-2.csv"


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (ReportKind.SUBMISSION, "UMS New Submissions for Springfield Library"),
        (ReportKind.UPDATE, "UMS Updates for Springfield Library"),
        (ReportKind.SYNC, "UMS Sync for Springfield Library"),
    ],
)
def test_a_subject_names_report_and_library_with_blanks_collapsed(report: ReportKind, text: str) -> None:
    assert subject(report, "  Springfield \t Library\n") == text


def test_the_page_of_outcomes_bears_its_month_and_one_section() -> None:
    assert outcomes_name(SUNDAY) == "outcomes-2026-11.html"
    assert outcomes_name(SUNDAY, "north") == "outcomes-2026-11-north.html"
    assert page_subject(ReportKind.OUTCOMES, SUNDAY, "Springfield\nLibrary") == "Outcomes for Springfield Library"


@pytest.mark.parametrize("name", ["", "  ", None, "\x00\r\n"])
def test_a_library_without_a_name_is_koha(name: str | None) -> None:
    assert subject(ReportKind.SYNC, name) == "UMS Sync for Koha"


@given(st.text())
def test_no_name_can_add_a_header(name: str) -> None:
    assert subject(ReportKind.UPDATE, name + "\r\nBcc: x@example.org").isprintable()
