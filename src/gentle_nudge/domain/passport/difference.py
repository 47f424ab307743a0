"""What a refresh would change: our values of a patron against the home's, and what we saw there last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from gentle_nudge.domain.actions import LiftRestriction, MoveRestriction, Restrict
from gentle_nudge.domain.passport.answer import HomePatron, Question
from gentle_nudge.domain.passport.mapping import Value, cleaned, is_empty, parse_card, units_of
from gentle_nudge.domain.passport.terms import Passport, PassportServer
from gentle_nudge.domain.patron import Restriction

RESTRICTION_TYPE = "PASSPORTED"
RestrictionChange = Restrict | MoveRestriction | LiftRestriction


class Skipped(StrEnum):
    """Why nobody is asked about a passported patron."""

    NO_CARD = "no_card"
    UNKNOWN_SERVER = "unknown_server"
    TWO_HOMES = "two_homes"
    PROTECTED = "protected"


@dataclass(frozen=True, kw_only=True, slots=True)
class Passported:
    """A patron here who is registered elsewhere; `homes` are the values of their attribute.

    `protected`: staff, and patrons whom Koha protects or has anonymized. `values` are the columns that this Koha has of
    those that a refresh may change.
    """

    number: int
    card: str | None
    homes: tuple[str, ...]
    protected: bool = False
    values: Mapping[str, str | None] = field(default_factory=dict)
    restrictions: tuple[Restriction, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What was last seen of a patron at this server: a hash for each unit."""

    patron: int
    server: str
    first_seen: date
    last_seen: date
    not_found_since: date | None = None
    home: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What changes for a patron: before and after by column, and a restriction."""

    changes: Mapping[str, tuple[str | None, Value]]
    restriction: RestrictionChange | None = None

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return bool(self.changes or self.restriction)


def home_of(patron: Passported, passport: Passport) -> PassportServer | Skipped:
    """The server to ask about this patron, or why none is asked."""
    try:
        parse_card(patron.card or "")
    except ValueError:
        return Skipped.NO_CARD
    if len({name.strip().casefold() for name in patron.homes if name.strip()}) > 1:
        return Skipped.TWO_HOMES
    server = next(filter(None, map(passport.named, patron.homes)), None)
    if server is None:
        return Skipped.UNKNOWN_SERVER
    return Skipped.PROTECTED if patron.protected else server


def hashes(home: HomePatron, groups: Iterable[str]) -> dict[str, str]:
    """What is remembered of the home's values: a hash for each unit that it tells anything of."""
    told = {name: [home.values.get(column) for column in unit] for name, unit in _told(home, groups).items()}
    return {name: hashlib.sha256(json.dumps(values).encode()).hexdigest() for name, values in told.items()}


def _told(home: HomePatron, groups: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {name: unit for name, unit in units_of(groups).items() if any(column in home.values for column in unit)}


def difference(patron: Passported, home: HomePatron, memory: Memory | None, question: Question) -> Difference:
    """What is taken over: units that differ, unless the home has said the same since before they differed."""
    server, passport = question.server, question.passport
    seen = memory.home if memory and memory.server.casefold() == server.name.casefold() else {}
    said = hashes(home, passport.copy)
    changes: dict[str, tuple[str | None, Value]] = {}
    for name, unit in _told(home, passport.copy).items():
        if is_empty(unit, home.values) or seen.get(name) == said[name]:
            continue
        for column in (each for each in unit if each in home.values and each in patron.values):
            before, after = patron.values[column], home.values[column]
            if cleaned(column, before) != after:
                changes[column] = before, after
    restriction = restriction_change(patron, home, server, question.today) if passport.mirrors else None
    return Difference(changes=changes, restriction=restriction)


def restriction_change(
    patron: Passported, home: HomePatron, server: PassportServer, today: date
) -> RestrictionChange | None:
    """How the restriction here follows the one at home; one of another's making is left alone, and is enough."""
    if home.restricted is None:
        return None
    comment = restriction_comment(server)
    of_type = [each for each in patron.restrictions if each.type == RESTRICTION_TYPE]
    own = next((each for each in of_type if each.comment == comment), None)
    if own is not None:
        if not home.restricted:
            return LiftRestriction(patron=patron.number, restriction=own)
        is_moved = own.expires != home.until
        return MoveRestriction(patron=patron.number, restriction=own, until=home.until) if is_moved else None
    if not home.restricted or any(each.is_active(today) for each in of_type):
        return None
    return Restrict(patron=patron.number, type=RESTRICTION_TYPE, comment=comment, until=home.until)


def restriction_comment(server: PassportServer) -> str:
    """The comment by which a restriction from there is ours."""
    return f"Restricted at {server.name}"
