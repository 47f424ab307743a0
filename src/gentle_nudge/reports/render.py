"""A report: its bytes, the name of its file, the subject of its message."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from typing import Literal

from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.policy import GLOBAL
from gentle_nudge.domain.report_row import ReportKind, UpdateRow
from gentle_nudge.reports.columns import columns_of, texts

NOTHING = "No qualifying records"
NAMELESS = "Koha"
ROWS_IN_A_CHUNK = 1000
STEMS = {
    ReportKind.SUBMISSION: "ums-new-submissions",
    ReportKind.UPDATE: "ums-updates",
    ReportKind.SYNC: "ums-sync",
}
TITLES = {
    ReportKind.SUBMISSION: "UMS New Submissions",
    ReportKind.UPDATE: "UMS Updates",
    ReportKind.SYNC: "UMS Sync",
}
PAGES = {
    ReportKind.REVIEW: "Collections list of {day} for {name}",
    ReportKind.NIGHT: "Collections night of {day} for {name}",
    ReportKind.DIGEST: "Collections week to {day} for {name}",
    ReportKind.OUTCOMES: "Outcomes for {name}",
}


def render(
    report: ReportKind,
    rows: Iterable[Referral | UpdateRow],
    *,
    guard: bool,
    empty: Literal["sentence", "header", "none"],
    guardians: bool = False,
) -> Iterator[bytes]:
    """The report as UTF-8 CSV, in chunks of about a thousand rows; without rows what `empty` says.

    `guard` is the spreadsheet guard. No chunk at all (no rows and `empty` "none") means: there is no report.
    """
    columns = columns_of(report, guardians=guardians)
    header = [column.header for column in columns]
    cells = map(texts(columns, guard=guard), rows)
    first = list(islice(cells, ROWS_IN_A_CHUNK))
    if first or empty == "header":
        yield _csv([header, *first])
    elif empty == "sentence":
        yield _csv([[NOTHING]])
    while chunk := list(islice(cells, ROWS_IN_A_CHUNK)):
        yield _csv(chunk)


def _csv(table: Iterable[list[str]]) -> bytes:
    sheet = io.StringIO(newline="")
    csv.writer(sheet, lineterminator="\n", quoting=csv.QUOTE_MINIMAL).writerows(table)
    return sheet.getvalue().encode()


def file_name(report: ReportKind, day: date, section: str, number: int = 1) -> str:
    """The report's file name; `section` is the section's name, `number` counts the runs of one report on a day."""
    named = f"-{section}" if section != GLOBAL else ""
    numbered = f"-{number}" if number > 1 else ""
    return f"{STEMS[report]}-{day.isoformat()}{named}{numbered}.csv"


def subject(report: ReportKind, name: str | None) -> str:
    """The subject of the report's message; `name` is Koha's LibraryName or the section's, on one line here."""
    return f"{TITLES[report]} for {one_line(name) or NAMELESS}"


def page_name(kind: str, day: date, section: str, ending: str = "html") -> str:
    """The name of a page's file, or of one beside it; that of the same day and section takes its place."""
    return f"{kind}-{day.isoformat()}-{section}.{ending}"


def outcomes_name(month: date, section: str = "") -> str:
    """The name of the file with the page of outcomes up to this month, of all sections unless one is named."""
    return f"{ReportKind.OUTCOMES}-{month:%Y-%m}{section and f'-{section}'}.html"


def page_subject(kind: ReportKind, day: date, name: str | None) -> str:
    """The subject of the message with a page; `name` is Koha's LibraryName or the section's."""
    return PAGES[kind].format(day=day.isoformat(), name=one_line(name) or NAMELESS)


def one_line(text: str | None) -> str:
    """The text with blanks and line ends collapsed to single blanks and without control characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text or "").split())
