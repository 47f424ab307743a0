"""A problem with the settings, where it is, and what to write instead; no problem repeats a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

Loc = tuple[str | int, ...]
ALIKE = 0.6


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is wrong with one key; `about` are all keys that have to do with it, the one to name first."""

    about: tuple[Loc, ...]
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Origins:
    """Where values come from: the file's name, and the environment variable of each key given by one."""

    file: str
    variables: Mapping[Loc, str]

    def place(self, loc: Loc) -> str:
        """How a message names this key: the variable that gave it, else file and key."""
        return self.variables.get(loc) or f"{self.file}: {dotted(loc)}"

    def sentence(self, problem: Problem) -> str:
        """The problem with its place."""
        return f"{self.place(problem.about[0])}: {problem.sentence}"


def dotted(loc: Loc) -> str:
    """The key as a person writes it; of several tables the first is [1]."""
    return "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in loc).removeprefix(".")


def did_you_mean(word: str, known: Iterable[str], *, begin: str = "") -> str:
    """A suggestion to end a sentence with, or nothing; `begin` is what all names begin with."""
    near = get_close_matches(word, list(known), n=1, cutoff=ALIKE)
    return f"; did you mean {begin}{near[0]}?" if near else ""


def taken(data: Mapping[str, Any], loc: Loc) -> object:
    """The value at this place of nested tables, None where there is none."""
    value: Any = data
    for step in loc:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
