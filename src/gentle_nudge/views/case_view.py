"""Cases, and all that happened to them, for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.report_row import ReportedDue
from gentle_nudge.domain.run import RecordedRun
from gentle_nudge.jobs.desk.forget import Forgotten
from gentle_nudge.jobs.desk.history import CaseHistory
from gentle_nudge.reports.columns import guarded
from gentle_nudge.views.queue_view import attempt_line, clock, decision
from gentle_nudge.views.terminal import name, table

HEADERS = ("case", "section", "number", "card", "name", "referred", "state", "closed", "balance", "fee", "last due")


def case_table(cases: Iterable[Case]) -> Iterator[str]:
    """The cases in columns; amounts as they were at referral, and the due last told."""
    yield from list(table(HEADERS, map(_row, cases), money=3)) or ["No such case."]


def _row(case: Case) -> tuple[str, ...]:
    amounts = (_amount(case.balance), _amount(case.fee), _amount(case.last_due))
    person = (_text(case.number), case.card or "", name(case.surname, case.firstname))
    return (str(case.id), case.section, *person, _text(case.referred_on), case.state, _text(case.closed_on), *amounts)


def _text(value: date | int | None) -> str:
    return "" if value is None else str(value)


def _amount(value: Decimal | None) -> str:
    return "" if value is None else format_amount(value)


def case_json(case: Case) -> dict[str, Any]:
    """A case as plain values."""
    return {
        "case": case.id,
        "section": case.section,
        "number": case.number,
        "patron": case.patron,
        "card": case.card,
        "surname": case.surname,
        "firstname": case.firstname,
        "referred_on": case.referred_on,
        "adopted": case.adopted,
        "owed_in_window": case.owed,
        "balance": case.balance,
        "fee": case.fee,
        "state": case.state.value,
        "closed_on": case.closed_on,
        "why": case.why,
        "last_due": case.last_due,
    }


def case_csv(cases: Iterable[Case]) -> str:
    """The cases for a spreadsheet: a header, texts guarded against being read as formulas."""
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, lineterminator="\n")
    rows = [case_json(case) for case in cases]
    writer.writerow(CSV_HEADERS)
    writer.writerows([[_cell(value) for value in row.values()] for row in rows])
    return sheet.getvalue()


CSV_HEADERS = tuple(case_json(Case(id=0, section="", patron=None, number=None)))


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return format_amount(value)
        case str():
            return guarded(value)
        case _:
            return str(value)


def forgotten_lines(done: Forgotten) -> Iterator[str]:
    """What still holds the person, and until when."""
    yield f"Name and card are forgotten (cases: {len(done.cases)})."
    if done.still_open:
        yield "A case is open: the next update records them again. First end it, with gentle-nudge release."
    if not done.holding:
        yield "No stored report holds this person."
        return
    yield "These stored reports still hold this person, the submissions with the address:"
    for one in done.holding:
        where = "".join(f", copy in {folder}" for folder in one.folders)
        yield f"  {one.stored.file_name} in the database{where}; kept until {one.kept_until}, or until delivered"


RUN_HEADERS = ("day", "section", "report", "rows", "referred", "adopted", "released", "ended", "amount", "fees", "who")


def run_rows(runs: Iterable[RecordedRun]) -> Iterator[tuple[str, ...]]:
    """Runs as rows of a table."""
    for run in runs:
        counts = run.counts
        numbers = (*(counts[what] for what in ("patrons", "referred", "adopted", "released")), counts.ended)
        what = f"{run.report}{' (late)' if run.late else ''}{f' {run.number}' if run.number > 1 else ''}"
        amounts = (format_amount(counts.amount), format_amount(counts.fees))
        yield (run.day.isoformat(), run.section, what, *map(str, numbers), *amounts, run.who or "")


def case_lines(told: CaseHistory, zone: ZoneInfo) -> Iterator[str]:
    """All that happened to one case, with every report that told of it and how that travelled."""
    case = told.case
    yield f"Case {case.id}, section {case.section}, patron {case.patron}, reported as {case.number}: {case.state}"
    yield from _beginning(told)
    ended = case.closed_on
    for due in told.dues:
        if ended is None or due.day < ended:
            yield from _due_lines(due, told, zone)
    if ended:
        yield f"  closed on {ended}: {case.why or 'the reason has been forgotten'}"
    for due in told.dues:
        if ended and due.day >= ended:
            yield from _due_lines(due, told, zone)
    if case.to_report:
        yield "  the next update tells of it"


def _beginning(told: CaseHistory) -> Iterator[str]:
    case = told.case
    referred = case.referred_on.isoformat() if case.referred_on else "unknown"
    yield f"  {'adopted; ' if case.adopted else ''}referred on {referred}"
    if case.balance is not None:
        owed, fee = format_amount(case.owed or Decimal(0)), format_amount(case.fee or Decimal(0))
        yield f"  owed in window {owed}, balance {format_amount(case.balance)}, fee {fee}"
    for line in told.lines:
        counted = "counted" if line.counted else "not counted"
        yield f"  line {line.id} of {line.day}, {line.type}: {format_amount(line.outstanding)}, {counted}"


def _due_lines(due: ReportedDue, told: CaseHistory, zone: ZoneInfo) -> Iterator[str]:
    yield f"  {due.day} {due.kind}: told {format_amount(due.due)} ({due.file_name})"
    for one in told.travels[due.report]:
        delivery = one.delivery
        to = f"{delivery.address.recipient} ({delivery.address.channel})"
        yield f"    to {to}: {delivery.state}, {clock(delivery.since, zone)}"
        if decided := decision(delivery):
            yield f"      {decided}"
        yield from (f"      {attempt_line(attempt, zone)}" for attempt in one.attempts)
