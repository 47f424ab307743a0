"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


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
