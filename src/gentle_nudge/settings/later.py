"""Keys that are known and judged, but whose effect comes later: refused until then, never silently ignored."""

from __future__ import annotations

from collections.abc import Iterator

from gentle_nudge.settings.keys import Tables
from gentle_nudge.settings.problems import Loc, Problem

# A key alone: anything but its default; a key with a value: this value.
KEYS: tuple[Loc, ...] = ()
VALUES: tuple[tuple[Loc, object], ...] = ()


def not_yet(tables: Tables) -> Iterator[Problem]:
    """A problem for each key that asks for what does not exist yet."""
    default = Tables()
    for loc in KEYS:
        if _at(tables, loc) != _at(default, loc):
            yield Problem(about=(loc,), sentence="not yet supported")
    for loc, value in VALUES:
        if _at(tables, loc) == value:
            yield Problem(about=(loc,), sentence=f'"{value}" is not yet supported')


def _at(tables: Tables, loc: Loc) -> object:
    value: object = tables
    for step in loc:
        value = getattr(value, str(step))
    return value
