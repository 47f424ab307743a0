"""Actions that differ in the patron alone, brought together: what is written for all of them is written at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

from gentle_nudge.domain.plan import ChargeFee, ClearFlag, Restrict, SetFlag

A = TypeVar("A", Restrict, ChargeFee, SetFlag | ClearFlag)
# The number of an attribute row is no patron's but one, and no text says it.
BUT_FOR_THE_ROW = attrgetter("__class__", "flag", "before.value")


def alike(actions: Iterable[A]) -> Iterator[tuple[A, list[int]]]:
    """The first action of each group, and the patrons of all of them, in order."""
    tell: dict[type[Any], Callable[[Any], Hashable]] = {SetFlag: BUT_FOR_THE_ROW, ClearFlag: BUT_FOR_THE_ROW}
    groups: defaultdict[Hashable, list[A]] = defaultdict(list)
    for action in actions:
        kind = type(action)
        if kind not in tell:
            tell[kind] = attrgetter(*(field.name for field in fields(action) if field.name != "patron"))
        groups[tell[kind](action)].append(action)
    for group in groups.values():
        yield group[0], [action.patron for action in group]
