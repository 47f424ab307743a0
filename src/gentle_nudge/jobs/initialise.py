"""Init: our tables, where they belong, and the patrons that were flagged before us."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.night import Adoptee
from gentle_nudge.domain.policy import Reading, Section
from gentle_nudge.errors import ToBeMended
from gentle_nudge.jobs.gather import flagged_without_case
from gentle_nudge.jobs.memory import remember
from gentle_nudge.jobs.whereabouts import Place
from gentle_nudge.koha.instance import Instance
from gentle_nudge.store import schema

if TYPE_CHECKING:
    from sqlalchemy import Connection


def initialise(conn: Connection, instance: Instance, now: datetime) -> bool:
    """Our tables are there and say where they belong; whether they were new. ToBeMended on another machine."""
    schema.create_or_upgrade(conn)
    place, known = Place.of(conn, instance), schema.read_meta(conn)
    if known is None:
        schema.write_meta(conn, place.meta(now))
    elif not place.is_of(known):
        raise ToBeMended(
            "Our tables were initialised on another machine, or as another database.",
            "If the library has moved here, add --moved; if this is a copy, add --copy.",
        )
    return known is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """The patrons of one section that were flagged before us."""

    section: Section
    adoptees: tuple[Adoptee, ...]

    @property
    def numbers(self) -> frozenset[int]:
        """Their borrowernumbers."""
        return frozenset(adoptee.candidate.patron.number for adoptee in self.adoptees)

    @property
    def without_lines(self) -> int:
        """How many of them have no outstanding line."""
        return sum(not adoptee.candidate.account.has_lines_here for adoptee in self.adoptees)

    @property
    def with_our_mark(self) -> int:
        """How many of them have a fee or a restriction of ours, which tells the day of referral."""
        return sum(adoptee.referred_on is not None for adoptee in self.adoptees)

    def by_value(self) -> Counter[str]:
        """How many of them have which value in the flag field."""
        return Counter(
            (row.value or "").strip()
            for adoptee in self.adoptees
            for row in adoptee.candidate.patron.flag
            if row.says is Reading.YES
        )


def waiting_for_adoption(conn: Connection, sections: tuple[Section, ...], moment: Moment) -> list[Waiting]:
    """For each section the patrons whose flag says yes and who have no open case."""
    found = []
    for section in sections:
        memory = remember(conn, section)
        adoptees = flagged_without_case(conn, section, moment=moment, memory=memory)
        found.append(Waiting(section=section, adoptees=adoptees))
    return found
