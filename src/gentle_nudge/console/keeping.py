"""How cases look as a table, as CSV and as JSON; and what forgetting somebody leaves."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from gentle_nudge.console.plain import name, table
from gentle_nudge.domain.case import Case
from gentle_nudge.domain.money import written
from gentle_nudge.jobs.forget import Forgotten
from gentle_nudge.reports.columns import guarded

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
    return "" if value is None else written(value)


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
            return written(value)
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
