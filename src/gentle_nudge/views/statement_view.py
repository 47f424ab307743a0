"""A statement as plain values, for its templates and for programs."""

from __future__ import annotations

from collections.abc import Mapping

from gentle_nudge.domain.collections.statement import RowKind, Statement, StatementRow
from gentle_nudge.domain.money import ZERO
from gentle_nudge.views.plain import View, figures

DEBITS = {
    "LOST": "Replacement of a lost item",
    "PROCESSING": "Processing of a lost item",
    "OVERDUE": "Overdue charge",
}
CREDITS = {"PAYMENT": "You paid", "LOST_FOUND": "Item returned", "PROCESSING_FOUND": "Item returned"}


def statement_view(statement: Statement) -> View:
    """The statement; the rows add up to what is owing."""
    case = statement.case
    rows = [
        {
            "day": row.day,
            "what": _what(row, statement.names),
            "amount": row.amount,
            "title": statement.titles.get(row.line or 0),
        }
        for row in statement.rows
    ]
    values = {
        "library": statement.library,
        "day": statement.day,
        "card": statement.card,
        "number": case.patron or case.number,
        "case": case.id,
        "section": case.section,
        "state": case.state,
        "referred_on": case.referred_on,
        "closed_on": case.closed_on,
        "owed_in_window": case.owed,
        "older_than_days": statement.older_than_days,
        "given": list(statement.given),
        "told": [{"day": due.day, "due": due.due} for due in statement.told],
        "rows": rows,
        "owing": sum((row.amount for row in statement.rows), ZERO),
        "adopted": case.adopted,
        "paused_on": case.paused_on,
        "paused_until": statement.paused_until,
    }
    return View(parts=figures(**values))


def _what(row: StatementRow, names: Mapping[str, str]) -> str:
    """What a row is called in a letter."""
    code = row.type or ""
    match row.kind:
        case RowKind.FEE:
            return "Fee for handing the account to the agency"
        case RowKind.CREDIT:
            return CREDITS.get(code, "Taken off")
        case RowKind.OTHER:
            return "Other changes"
        case RowKind.DEBIT:
            return DEBITS.get(code) or names.get(code) or code or "Charge"
