"""What reports tell of cases, and which cases the next update must list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, insert, literal, or_, select, update
from sqlalchemy import case as value_by

from gentle_nudge.domain.report_row import ReportKind, UpdateRow
from gentle_nudge.sqltypes import a_thousand_at_a_time, among
from gentle_nudge.store import tables
from gentle_nudge.store.cases.case_changes import IS_OPEN, NAMES, case_of, set_each
from gentle_nudge.store.tables import case, report_row


def report_referred(conn: Connection, report: int, run: int) -> None:
    """The due that this submission reports is recorded for every case that its run opened; they keep the report."""
    opened = (case.c.opened_run == run, ~case.c.adopted)
    dues = select(case.c.id, literal(report), case.c.last_due).where(*opened)
    conn.execute(insert(report_row).from_select(["case_id", "report_id", "due"], dues.order_by(case.c.id)))
    conn.execute(update(case).where(*opened).values(told_in=report))


def report_dues(conn: Connection, report: int, rows: Iterable[UpdateRow]) -> None:
    """The due, name and card that this report holds are recorded for each case; none of them is left to report.

    Every row has a case. Only new values are written. Each case keeps the report that holds its latest row.
    """
    for chunk in a_thousand_at_a_time(rows):
        by_case = {case_of(row): row for row in chunk}
        dues = [{"case_id": n, "report_id": report, "due": row.due} for n, row in by_case.items() if row.new_due]
        if dues:
            conn.execute(insert(report_row), dues)
        renamed = {n: (row.surname, row.firstname, row.card) for n, row in by_case.items() if row.new_name}
        set_each(conn, NAMES, renamed)
        conn.execute(update(case).where(case.c.id.in_(by_case)).values(to_report=False, told_in=report))
    latest = update(case).where(report_row.c.case_id == case.c.id, report_row.c.report_id == report)
    conn.execute(latest.values(last_due=report_row.c.due))


def mark_to_report(conn: Connection, cases: Collection[int], *, flag: bool) -> None:
    """The next update must list these cases, open or closed (or need not)."""
    for chunk in a_thousand_at_a_time(cases):
        conn.execute(update(case).where(case.c.id.in_(chunk)).values(to_report=flag))


def tell_of(conn: Connection, dues: Mapping[int, Decimal], *, other_dues_in: Collection[str] = ()) -> None:
    """The next update lists every case, open or closed, that was reported under one of these numbers.

    With `other_dues_in` only cases of these sections whose last queued due is another one; else of every section, for
    a case may have been moved since.
    """
    for chunk in a_thousand_at_a_time(dues.items()):
        due = value_by({number: literal(due, case.c.last_due.type) for number, due in chunk}, value=case.c.number)
        other = (case.c.section.in_(other_dues_in), or_(case.c.last_due.is_(None), case.c.last_due != due))
        listed = update(case).where(among(case.c.number, [number for number, _ in chunk]))
        conn.execute(listed.where(*(other if other_dues_in else ())).values(to_report=True))


def tell_of_newer(conn: Connection, numbers: Collection[int], *, but: Collection[str]) -> None:
    """The next updates list the open cases reported under these numbers, `but` those of the sections named.

    The last word of an older case, told late, may have followed their balance at the same agency.
    """
    newer = update(case).where(IS_OPEN, case.c.section.not_in(but))
    for chunk in a_thousand_at_a_time(numbers):
        conn.execute(newer.where(case.c.number.in_(chunk)).values(to_report=True))


def tell_of_submission(conn: Connection, *, day: date, section: str, open_too: bool) -> None:
    """The next update lists the closed and moved cases that this submission opened, and with `open_too` all of them.

    So does it list every other case that was reported under the number of one of them: the agency knows only numbers.
    """
    run = tables.run.c
    submission = select(run.id).where(run.report == ReportKind.SUBMISSION, run.day == day, run.section == section)
    opened = (case.c.opened_run.in_(submission), ~case.c.adopted)
    told_newer = () if open_too else (or_(~IS_OPEN, case.c.section != section),)
    known = select(case.c.number).where(*opened, *told_newer, case.c.number.is_not(None))  # not forgotten since
    for numbers in a_thousand_at_a_time(conn.scalars(known).all()):
        conn.execute(update(case).where(among(case.c.number, numbers)).values(to_report=True))
