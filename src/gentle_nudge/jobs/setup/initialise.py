"""Init: our tables, where they belong, and the patrons that were flagged before us."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.section_facts import Adoptee
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.patron import FlagState, flag_state
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.identity import is_here, note_here
from gentle_nudge.jobs.patrons.evidence import unadopted
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.koha.connect.engine import server_of
from gentle_nudge.koha.connect.instance import Instance
from gentle_nudge.koha.read import account_offsets
from gentle_nudge.store import meta, outcome_log, upgrade


def initialise(conn: Connection, instance: Instance, now: datetime) -> bool:
    """Create or upgrade our tables and note where they belong; True if they are new. UserError on another machine."""
    upgrade.create_or_upgrade(conn)
    outcome_log.bring_along(conn, account_offsets.latest_offset)
    former = meta.read_meta(conn)
    if former is None:
        note_here(conn, instance, now)
    elif not is_here(conn, instance, former):
        raise UserError(
            "Our tables were initialised on another machine, or as another database.",
            "If the library has moved here, or its server got another network card, add --moved; if this is a copy, "
            "add --copy.",
        )
    elif former.server_uid is None:
        meta.write_meta(conn, replace(former, server_uid=server_of(conn).server_uid))
    return former is None


@dataclass(frozen=True, kw_only=True, slots=True)
class UnadoptedPatrons:
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
            if flag_state((row,)) is FlagState.YES
        )


def waiting_for_adoption(conn: Connection, sections: tuple[Section, ...], moment: Moment) -> list[UnadoptedPatrons]:
    """For each section the patrons whose flag says yes and who have no open case."""
    return [
        UnadoptedPatrons(section=section, adoptees=unadopted(conn, section, moment, read_records(conn, section)))
        for section in sections
    ]
