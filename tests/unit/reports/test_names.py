"""The names of files, and the subjects of messages."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.plan import Report
from gentle_nudge.reports.render import file_name, subject

SUNDAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("report", "name"),
    [
        (Report.SUBMISSION, "ums-new-submissions-2026-11-22.csv"),
        (Report.UPDATE, "ums-updates-2026-11-22.csv"),
        (Report.SYNC, "ums-sync-2026-11-22.csv"),
    ],
)
def test_a_file_bears_report_and_day(report: Report, name: str) -> None:
    assert file_name(report, SUNDAY, "global", 1) == name


def test_the_file_of_a_library_bears_its_name() -> None:
    assert file_name(Report.UPDATE, SUNDAY, "north", 1) == "ums-updates-2026-11-22-north.csv"


def test_the_second_sync_of_a_day_is_numbered() -> None:
    assert file_name(Report.SYNC, SUNDAY, "global", 2) == "ums-sync-2026-11-22-2.csv"
    assert file_name(Report.SYNC, SUNDAY, "north", 2) == "ums-sync-2026-11-22-north-2.csv"


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (Report.SUBMISSION, "UMS New Submissions for Springfield Library"),
        (Report.UPDATE, "UMS Updates for Springfield Library"),
        (Report.SYNC, "UMS Sync for Springfield Library"),
    ],
)
def test_a_subject_names_report_and_library_with_blanks_collapsed(report: Report, text: str) -> None:
    assert subject(report, "  Springfield \t Library\n") == text


@pytest.mark.parametrize("name", ["", "  ", None, "\x00\r\n"])
def test_a_library_without_a_name_is_koha(name: str | None) -> None:
    assert subject(Report.SYNC, name) == "UMS Sync for Koha"


@given(st.text())
def test_no_name_can_add_a_header(name: str) -> None:
    assert subject(Report.UPDATE, name + "\r\nBcc: x@example.org").isprintable()
