"""[remind] and each [library.remind] merged: every section's levels, and every problem with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gentle_nudge.domain.reminders.levels import Level, Remind, contradictions
from gentle_nudge.settings.parsing import Loc, Problem, keys_of, parse, parse_whole

Given = Mapping[str, Any]
NESTED = ("level", "bill")
AT_THE_TOP: Loc = ("remind",)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReminderDraft:
    """The reminders of one section, as given and as values; None if it has none, or not without problems."""

    given: Given | None = None
    remind: Remind | None = None
    problems: tuple[Problem, ...] = ()


def draft_of(own: Any, loc: Loc, *, inherited: Given | None = None) -> ReminderDraft:
    """The reminders with the section's `own` keys, given at this place, over those it has inherited.

    A list of levels, or a bill, replaces the whole one. A problem is placed where its key is given.
    """
    if own is None and inherited is None:
        return ReminderDraft()
    if not isinstance(own, dict | None):
        return ReminderDraft(problems=(Problem.at(loc, "this is a table: write its keys under its name in brackets"),))
    given = {**(inherited or {}), **(own or {})}

    def place(key: str) -> Loc:
        return (*(loc if own and (key in own or inherited is None) else AT_THE_TOP), key)

    parsed = parse(Remind, given={key: value for key, value in given.items() if key not in NESTED}, loc=(), folder=None)
    problems = [Problem.at(place(str(each.about[0][0])), each.sentence) for each in parsed.problems]
    problems += _without_repetition(given, place("transports"))
    needed = (each for name, each in keys_of(Remind).items() if each.is_required and name not in given)
    problems += [Problem.at((*place("minimum")[:-1], each.name), each.needed) for each in needed]
    levels, wrong = _levels(given.get("level", []), place("level"))
    bill = _level(given["bill"], place("bill"), problems) if "bill" in given else None
    problems += wrong
    if problems:
        return ReminderDraft(given=given, problems=tuple(problems))
    remind = Remind(**parsed.values, level=levels, bill=bill)
    problems += [Problem.at(place(key), sentence) for key, sentence in contradictions(remind)]
    return ReminderDraft(given=given, remind=None if problems else remind, problems=tuple(problems))


def _levels(given: Any, loc: Loc) -> tuple[tuple[Level, ...], list[Problem]]:
    """The levels in their order, and every problem with one of them."""
    if not isinstance(given, list):
        return (), [Problem.at(loc, "levels are written under [[remind.level]], in double brackets")]
    problems: list[Problem] = []
    levels = [_level(each, (*loc, place), problems) for place, each in enumerate(given)]
    return tuple(filter(None, levels)), problems


def _level(given: Any, loc: Loc, problems: list[Problem]) -> Level | None:
    """The level of these keys; None after its problems were added to the others."""
    table = given if isinstance(given, dict) else {}
    level, wrong = parse_whole(Level, given=table, loc=loc, folder=None)
    wrong += _without_repetition(table, (*loc, "transports"))
    problems += wrong
    return None if wrong else level


def _without_repetition(given: Given, loc: Loc) -> Iterator[Problem]:
    transports = given.get("transports")
    if isinstance(transports, list) and (not transports or len(transports) != len(set(map(str, transports)))):
        yield Problem.at(loc, "each transport is named once, and one of them at least")
