"""Plain pieces: a table, JSON, a name on one line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from gentle_nudge.domain.money import written


def name(surname: str | None, firstname: str | None) -> str:
    """A person's name on one line."""
    return " ".join(", ".join(part for part in (surname, firstname) if part).split())


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, money: int) -> Iterator[str]:
    """The rows under their headers, aligned; the last `money` columns to the right. Nothing without rows."""
    lines = [list(row) for row in rows]
    if not lines:
        return
    widths = [max(map(len, column)) for column in zip(headers, *lines, strict=True)]
    for line in (list(headers), *lines):
        cells = [
            text.rjust(width) if place >= len(headers) - money else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield ("  " + "  ".join(cells)).rstrip()


def as_json(value: object) -> str:
    """Plain values as JSON; days and instants in ISO form, amounts as texts with two decimals."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    match value:
        case Decimal():
            return written(value)
        case date() | datetime():
            return value.isoformat()
        case _:
            raise TypeError(type(value).__name__)
