"""The text that goes with a report."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.reports.body import Body, as_repeat, body

SUBMISSION = Body(
    report=ReportKind.SUBMISSION,
    library="Springfield Library",
    day=date(2026, 11, 22),
    file_name="ums-new-submissions-2026-11-22.csv",
    rows=3,
    total=Decimal("12345.50"),
    fees=Decimal("30.00"),
)


def test_a_submission_tells_counts_and_sums() -> None:
    assert body(SUBMISSION) == (
        "New submissions of Springfield Library, 2026-11-22\n"
        "\n"
        "Patrons referred:      3\n"
        "Balances:              12345.50\n"
        "Processing fees:       30.00\n"
        "Balances with fees:    12375.50\n"
        "File:                  ums-new-submissions-2026-11-22.csv\n"
        "\n"
        "This message was made by a program; nobody reads answers to it.\n"
    )


@pytest.mark.parametrize(("report", "title"), [(ReportKind.UPDATE, "Update"), (ReportKind.SYNC, "Sync")])
def test_update_and_sync_tell_how_many_are_listed_and_what_they_owe(report: ReportKind, title: str) -> None:
    text = body(replace(SUBMISSION, report=report, file_name="ums.csv"))
    assert text.startswith(f"{title} of Springfield Library, 2026-11-22\n")
    assert "Patrons listed:        3\nBalances:              12345.50\nFile:                  ums.csv\n" in text
    assert "fee" not in text


def test_a_late_submission_says_when_it_was_due() -> None:
    late = replace(SUBMISSION, was_due=date(2026, 11, 15))
    assert "\nThis submission is late: it was due on 2026-11-15.\n" in body(late)


def test_a_submission_on_its_day_is_not_called_late() -> None:
    assert "late" not in body(replace(SUBMISSION, was_due=SUBMISSION.day))


def test_a_report_sent_again_says_so_first() -> None:
    first = body(SUBMISSION)
    again = as_repeat(first, SUBMISSION.day, date(2026, 12, 1))
    assert again.splitlines()[:5] == [
        "New submissions of Springfield Library, 2026-11-22",
        "",
        "THIS IS A REPEAT, sent on 2026-12-01: the attached file is, byte for byte, the one made",
        "on 2026-11-22. If you have it already, please do not count it twice.",
        "",
    ]
    assert again.splitlines()[5:] == first.splitlines()[2:]
