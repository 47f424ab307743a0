"""Views on a terminal; piped, they have no colours and lines of any length."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from gentle_nudge.views.plain import Column, Kind, Note, Table, View, parts_of
from gentle_nudge.views.structured import written

# Control characters, line ends, and marks that change the direction of text.
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
UNWRAPPED = 1_000_000
ROWS_AT_ONCE = 500  # rich measures every cell: a long table is drawn in pieces, so that its beginning is seen at once
FOLDS, RIGHT = {"text", "name"}, {"number", "money"}
LEAST_FOLDED = 12  # places for a column that is folded; if there are fewer, each row becomes a list
STYLES = {"heading": "bold", "aside": "dim", "problem": "red", "warning": "yellow"}
LONGEST_NAME = 40  # in columns of the screen; Koha's own is a LONGTEXT


def screen(*, width: int | None = None, stderr: bool = False) -> Console:
    """A console as wide as the terminal, at most `width`; if output is piped, of this width or without limit."""
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    console = Console(stderr=stderr, force_terminal=is_terminal, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = width or UNWRAPPED
    elif width:
        console.width = min(console.width, width)
    return console


class Progress:
    """A line on stderr that says what is being done."""

    def __init__(self) -> None:
        self._status = screen(stderr=True).status(Text("Working"))

    def say(self, text: str) -> None:
        """Replace the text of the line."""
        self._status.update(Text(_safe(text)))

    def show(self) -> None:
        """Show the line."""
        self._status.start()

    def hide(self) -> None:
        """Take the line away, so that something else can be written."""
        self._status.stop()


def draw(shown: View | Sequence[View], console: Console) -> None:
    """Draw everything that people see."""
    for part in parts_of(shown):
        if isinstance(part, Table):
            _draw_table(part, console)
        elif isinstance(part, Note):
            _draw_note(part, console)
        elif part.caption:
            _draw_note(Note(text=f"{part.caption}: {written(part.value)}"), console)


def _draw_note(note: Note, console: Console) -> None:
    indent = "  " * note.level
    text = Text(_safe(note.text), style=STYLES.get(note.style, ""))
    if note.style == "heading":
        console.print()
    first, then = (indent + "- ", indent + "  ") if note.style == "item" else (indent, indent)
    lines = [text] if note.style == "copy" else text.wrap(console, max(console.width - len(first), 1))
    for before, line in zip(chain([first], repeat(then)), lines, strict=False):
        line.rstrip()
        console.print(Text(before) + line, soft_wrap=True)


def _draw_table(table: Table, console: Console) -> None:
    if table.caption:
        _draw_note(Note(text=table.caption, level=table.level), console)
    level = table.level + bool(table.caption)
    shown = _fitting(table, console.width - 2 * level) if console.is_terminal else table.shown
    columns = [table.columns[place] for place in shown]
    lines = [[_cell(table.columns[place].kind, row[place]) for place in shown] for row in table.rows]
    if not lines and table.empty:
        _draw_note(Note(text=table.empty, level=level), console)
    if not columns:
        return
    if table.totals:
        first, *others = (written(table.totals[place]) for place in shown)
        lines.append([first or "total", *others])
    if console.is_terminal:
        for start in range(0, len(lines), ROWS_AT_ONCE):
            grid = _grid(columns, lines[start : start + ROWS_AT_ONCE], console.width - 2 * level)
            console.print(Padding(grid, (0, 0, 0, 2 * level), expand=False))
    else:
        titles = [column.title or "" for column in columns]
        widths = _widths(titles, lines)
        right = [column.kind in RIGHT for column in columns]
        rows = ("  " * level + "  ".join(map(_aligned, line, widths, right)) for line in (titles, *lines))
        console.file.writelines(f"{row.rstrip()}\n" for row in rows)


def _fitting(table: Table, width: int) -> list[int]:
    """The places of the columns that a terminal shows: while a line would be too long, some are left out.

    First the section, if there is only one; then times; then amounts that are all zero.
    """
    shown = table.shown
    titles = {place: table.columns[place].title or "" for place in shown}
    cells = {place: [_cell(table.columns[place].kind, row[place]) for row in table.rows] for place in shown}
    widths = {place: max(map(cell_len, (titles[place], *cells[place]))) for place in shown}
    kinds = {place: table.columns[place].kind for place in shown}
    less_important = (
        *(place for place in shown if titles[place] == "section" and len(set(cells[place])) == 1),
        *(place for place in shown if kinds[place] == "time"),
        *(place for place in shown if kinds[place] == "money" and set(cells[place]) <= {"", "0.00"}),
    )
    for place in less_important:
        if sum(widths[each] for each in shown) + len(shown) - 1 > width:
            shown.remove(place)
    return shown


def _grid(columns: Sequence[Column[Any]], lines: Sequence[Sequence[str]], width: int) -> Grid:
    """The lines under their titles; texts are folded, and where that is not enough each line becomes a list."""
    titles = [column.title or "" for column in columns]
    whole = _widths(titles, lines)
    least = [
        min(need, LEAST_FOLDED) if column.kind in FOLDS else need for column, need in zip(columns, whole, strict=True)
    ]
    gaps = len(columns) - 1
    if sum(least) + gaps > width:
        return _lists(titles, lines)
    grid = Grid(box=None, pad_edge=False, header_style="dim")
    grid.padding = (0, 2 if sum(whole) + 2 * gaps <= width else 1, 0, 0)
    for column in columns:
        justify: JustifyMethod = "right" if column.kind in RIGHT else "left"
        grid.add_column(column.title or "", justify=justify, overflow="fold", no_wrap=column.kind not in FOLDS)
    for line in lines:
        grid.add_row(*map(Text, line))
    return grid


def _lists(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> Grid:
    """Each line as a list of its values."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for line in lines:
        for title, cell in zip(titles, line, strict=True):
            if cell:
                grid.add_row(Text(title), Text(cell))
        grid.add_row()
    return grid


def _widths(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, cells)) for cells in zip(titles, *lines, strict=True)]


def _cell(kind: Kind, value: object) -> str:
    """The value as it is shown; a person's name is cut, so that one does not widen or lengthen the whole table."""
    text = _safe(written(value))
    if kind != "name" or cell_len(text) <= LONGEST_NAME:
        return text
    name = Text(text)
    name.truncate(LONGEST_NAME, overflow="ellipsis")
    return name.plain


def _aligned(cell: str, width: int, is_right: bool) -> str:  # noqa: FBT001 - map gives it so
    gap = " " * (width - cell_len(cell))
    return gap + cell if is_right else cell + gap


def _safe(text: str) -> str:
    return UNSAFE.sub(lambda unsafe: unsafe[0].encode("unicode_escape").decode(), text)
