"""The same person in the collections of two libraries, as far as their cases here show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Literal

Because = Literal["same_patron", "same_person", "flag_at_home"]


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCaseOf:
    """An open case with who its patron is."""

    number: int
    section: str
    referred_on: date | None
    card: str | None = None
    surname: str | None = None
    firstname: str | None = None
    born: date | None = None

    @property
    def person(self) -> tuple[str, str, date] | None:
        """What two records of one person share; None if any of it is unknown."""
        surname, firstname = ((name or "").strip().casefold() for name in (self.surname, self.firstname))
        return (surname, firstname, self.born) if surname and firstname and self.born else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicate:
    """Two cases of one person; the other is unknown here if only the home's flag tells of it."""

    because: Because
    case: OpenCaseOf
    other: OpenCaseOf | None = None
    other_server: str | None = None

    @property
    def rank(self) -> tuple[int, int]:
        """By number, then by the other's."""
        return self.case.number, self.other.number if self.other else 0


def duplicates(cases: Iterable[OpenCaseOf]) -> Iterator[Duplicate]:
    """Every pair of open cases of one patron, and every pair of patrons who are one person."""
    of_patron: defaultdict[int, list[OpenCaseOf]] = defaultdict(list)
    for case in sorted(cases, key=lambda case: (case.number, case.section)):
        of_patron[case.number].append(case)
    alike: defaultdict[tuple[str, str, date], list[OpenCaseOf]] = defaultdict(list)
    for own in of_patron.values():
        for case, other in combinations(own, 2):
            yield Duplicate(because="same_patron", case=case, other=other)
        if own[0].person:
            alike[own[0].person].append(own[0])
    for patrons in alike.values():
        for case, other in combinations(patrons, 2):
            yield Duplicate(because="same_person", case=case, other=other)
