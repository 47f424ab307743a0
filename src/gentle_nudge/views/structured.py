"""Views as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.spreadsheet import guarded
from gentle_nudge.views.plain import WHOLE, Figure, Note, Table, View, parts_of

# Control characters above those that json.dumps escapes, and marks that change the direction of text.
UNSAFE = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def as_json(shown: View | Sequence[View]) -> str:
    """Every part that has a key; days and instants in ISO form, amounts as texts with two decimals.

    What a terminal would obey is escaped; json.dumps alone leaves the control characters above ASCII.
    """
    text = json.dumps(shown, indent=2, ensure_ascii=False, default=_plain)
    return UNSAFE.sub(lambda unsafe: f"\\u{ord(unsafe[0]):04x}", text)


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return format_amount(value)
        case date():
            return value.isoformat()
        case View():
            parts = {part.key: part for part in value.parts if not isinstance(part, Note) and part.key}
            return parts.get(WHOLE, parts)
        case Figure():
            return value.value
        case Table():
            return _records(value)
        case _:
            raise TypeError(type(value).__name__)


def _records(table: Table) -> list[dict[str, object]]:
    """The rows by key, without columns for people only."""
    keys = [column.key for column in table.columns]
    return [{key: value for key, value in zip(keys, row, strict=True) if key} for row in table.rows]


def as_csv(shown: View | Sequence[View]) -> str:
    """The tables for a spreadsheet, with a header unless it is the one before; no text can be taken for a formula."""
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, lineterminator="\n")
    header: list[str] = []
    for table in (part for part in parts_of(shown) if isinstance(part, Table) and part.key):
        keys = [column.key for column in table.columns if column.key and column.kind != "nested"]
        if keys != header:
            writer.writerow(keys)
            header = keys
        writer.writerows([[guarded(written(record[key])) for key in keys] for record in _records(table)])
    return sheet.getvalue()


def written(value: object) -> str:
    """A value as people read it in a cell."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return format_amount(value)
        case tuple():
            return "; ".join(value)
        case _:
            return str(value)
