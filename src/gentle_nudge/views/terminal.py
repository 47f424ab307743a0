"""Views on a terminal; piped, they have no colours and lines of any length."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, repeat

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from gentle_nudge.views.plain import Kind, Note, Table, View, parts_of
from gentle_nudge.views.structured import written

# Control characters, line ends, and marks that change the direction of text.
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
UNWRAPPED = 1_000_000
MOST_ROWS = 1000  # above this rich takes seconds
LONGEST_NAME = 40  # in columns of the screen; Koha's own is a LONGTEXT


def screen(*, width: int | None = None, stderr: bool = False) -> Console:
    """A console as wide as the terminal, at most `width`; if output is piped, of this width or without limit."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
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
    text = Text(_safe(note.text), style={"heading": "bold", "aside": "dim"}.get(note.style, ""))
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
    places = [place for place, column in enumerate(table.columns) if column.title]
    titles = [column.title for column in table.columns if column.title]
    right = [column.kind in {"number", "money"} for column in table.columns if column.title]
    lines = [[_cell(table.columns[place].kind, row[place]) for place in places] for row in table.rows if places]
    if not lines and table.empty:
        _draw_note(Note(text=table.empty, level=level), console)
    elif lines and console.is_terminal and len(lines) <= MOST_ROWS:
        grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for title, is_right in zip(titles, right, strict=True):
            grid.add_column(title, justify="right" if is_right else "left", overflow="fold")
        for line in lines:
            grid.add_row(*map(Text, line))
        console.print(Padding(grid, (0, 0, 0, 2 * level)))
    elif lines:
        widths = [max(map(cell_len, cells)) for cells in zip(titles, *lines, strict=True)]
        rows = ("  " * level + "  ".join(map(_aligned, line, widths, right)) for line in (titles, *lines))
        console.out("\n".join(row.rstrip() for row in rows), highlight=False)


def _cell(kind: Kind, value: object) -> str:
    """The value as it is shown; a person's name is cut, so that one does not widen or lengthen the whole table."""
    text = _safe(written(value))
    if kind != "name":
        return text
    name = Text(text)
    name.truncate(LONGEST_NAME, overflow="ellipsis")
    return name.plain


def _aligned(cell: str, width: int, is_right: bool) -> str:  # noqa: FBT001 - map gives it so
    gap = " " * (width - cell_len(cell))
    return gap + cell if is_right else cell + gap


def _safe(text: str) -> str:
    return UNSAFE.sub(lambda unsafe: unsafe[0].encode("unicode_escape").decode(), text)
