"""Turning what was given into tables: every value that is not of its kind is a problem, and the rest is judged on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gentle_nudge.settings.fields import Table
from gentle_nudge.settings.keys import TABLES, Tables
from gentle_nudge.settings.policy_keys import LibraryTable
from gentle_nudge.settings.problems import Loc, Problem, did_you_mean, taken

LIBRARY = "library"


def judged(data: Mapping[str, Any], folder: Path | None) -> tuple[Tables, tuple[Problem, ...]]:
    """The tables without the values that are not of their kind, and a problem for each of those."""
    left = deepcopy(dict(data))
    problems: dict[Loc, Problem] = {}
    while True:
        try:
            return Tables.model_validate(left, context={"folder": folder}), tuple(problems.values())
        except ValidationError as error:
            for found in error.errors(include_url=False, include_input=False, include_context=True):
                problem = _problem(found["type"], found["loc"], found.get("ctx", {}), left)
                problems.setdefault(problem.about[0], problem)
                _take_out(left, problem.about[0])


def _problem(kind: str, loc: Loc, context: Mapping[str, Any], data: Mapping[str, Any]) -> Problem:
    if kind == "value_error":
        return Problem(about=(loc,), sentence=str(context["error"]))
    if kind == "extra_forbidden":
        return Problem(about=(loc,), sentence=_unknown(loc))
    if loc[0] == LIBRARY and not isinstance(data.get(LIBRARY), list):
        return Problem(about=((LIBRARY,),), sentence="sections are written under [[library]], in double brackets")
    return Problem(about=(loc,), sentence="this is a table: write its keys under its name in brackets")


def _take_out(data: dict[str, Any], loc: Loc) -> None:
    parent: Any = data if len(loc) == 1 else taken(data, loc[:-1])
    if isinstance(parent, list):
        parent[int(loc[-1])] = {}
    elif isinstance(parent, dict):
        parent.pop(loc[-1], None)


def _unknown(loc: Loc) -> str:
    word = str(loc[-1])
    if len(loc) == 1:
        homes = _homes(word)
        return f"there is no such table{did_you_mean(word, Tables.model_fields)}" if not homes else _moved(homes)
    near = did_you_mean(word, _table(str(loc[0])).model_fields)
    return "there is no such key" + (near or _moved_too(_homes(word)))


def _table(name: str) -> type[Table]:
    return LibraryTable if name == LIBRARY else TABLES[name]


def _homes(key: str) -> tuple[str, ...]:
    return tuple(_names_of_tables_with(key))


def _names_of_tables_with(key: str) -> Iterator[str]:
    for name, table in TABLES.items():
        if key in table.model_fields:
            yield f"[{name}]"


def _moved(homes: tuple[str, ...]) -> str:
    return f"this key belongs under {' or '.join(homes)}"


def _moved_too(homes: tuple[str, ...]) -> str:
    return f" here; it belongs under {' or '.join(homes)}" if homes else ""
