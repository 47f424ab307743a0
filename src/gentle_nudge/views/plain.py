"""Table, Figure and Note: the plain values of which every view is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from gentle_nudge.domain.money import ZERO

Row = TypeVar("Row")
# Text and names may be folded. A time is a day with the hour, less important than a day.
Kind = Literal["text", "name", "word", "number", "money", "day", "time", "nested"]

Style = Literal["plain", "heading", "item", "copy", "aside", "problem", "warning"]

# The key of a part that is the whole view in JSON.
WHOLE = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Column(Generic[Row]):
    """One column: people see it under its title, programs under its key; without one it is hidden from them.

    A column that holds only empty cells, or `nothing`, is not shown. `total` gives its cell in the line of totals.
    """

    title: str | None
    key: str | None
    kind: Kind
    value: Callable[[Row], object]
    total: Callable[[Sequence[Row]], object] | None = None
    nothing: object = None


def column(
    title: str | None, value: Callable[[Row], object], kind: Kind = "text", *, key: str | None = "", **how: Any
) -> Column[Row]:
    """A column with the value of each row; its key is its title unless another is given."""
    return Column(title=title, key=title if key == "" else key, kind=kind, value=value, **how)


def amounts(title: str, value: Callable[[Row], Decimal | None], *, key: str | None = "", **how: Any) -> Column[Row]:
    """A column of amounts with their sum."""
    return column(title, value, "money", key=key, total=lambda rows: sum(filter(None, map(value, rows)), ZERO), **how)


def unseen(**attributes: str) -> list[Column[Any]]:
    """Columns for programs only, by key: an attribute of each row, or a path of attributes."""
    return [column(None, attrgetter(path), key=key) for key, path in attributes.items()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows under typed columns; without a key for people only. `empty` is shown if there is no row.

    `totals` are the cells of a last line for people, if there is one.
    """

    columns: Sequence[Column[Any]]
    rows: Sequence[tuple[object, ...]]
    key: str | None = None
    caption: str = ""
    empty: str = ""
    level: int = 0
    totals: tuple[object, ...] | None = None

    @property
    def shown(self) -> list[int]:
        """The places of the columns that people see."""
        return [
            place
            for place, column in enumerate(self.columns)
            if column.title and any(row[place] not in (None, "", (), column.nothing) for row in self.rows)
        ]


def table(columns: Sequence[Column[Row]], rows: Iterable[Row], key: str | None = None, **how: Any) -> Table:
    """A table with a row for each of `rows`; under several rows the totals of the columns that have them."""
    rows = list(rows)
    cells = [tuple(each.value(row) for each in columns) for row in rows]
    totals = None
    if len(rows) > 1 and any(each.total for each in columns):
        totals = tuple(each.total(rows) if each.total else None for each in columns)
    return Table(columns=columns, rows=cells, key=key, totals=totals, **how)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One value. Without a caption it is for programs only, and may be a list or mapping of values."""

    value: object
    key: str | None = None
    caption: str = ""


def figures(**values: object) -> list[Figure]:
    """Values for programs only, by key."""
    return [Figure(key=key, value=value) for key, value in values.items()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A sentence for people; `copy` is a line to be copied, so it is never wrapped; trouble has a colour."""

    text: str
    level: int = 0
    style: Style = "plain"


def notes(*texts: str, level: int = 0, style: Style = "plain") -> list[Note]:
    """Sentences for people."""
    return [Note(text=text, level=level, style=style) for text in texts]


Part = Table | Figure | Note


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What a command shows, in order."""

    parts: Sequence[Part]


def parts_of(shown: View | Sequence[View]) -> list[Part]:
    """Everything in one view or in several."""
    views = [shown] if isinstance(shown, View) else shown
    return [part for view in views for part in view.parts]


def name(surname: str | None, firstname: str | None) -> str:
    """A person's name on one line."""
    return " ".join(", ".join(part for part in (surname, firstname) if part).split())


def clock(instant: datetime | None, zone: ZoneInfo) -> str:
    """The wall clock of the library, to the minute."""
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}" if instant else ""
