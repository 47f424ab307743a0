"""Init: our tables, where they belong, what a wrong clock dated ahead, and the patrons that were flagged before us."""

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
from gentle_nudge.jobs.identity import LOGGED_AS, is_here, note_here
from gentle_nudge.jobs.koha_log import log_ours
from gentle_nudge.jobs.patrons.evidence import unadopted
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.koha.connect.engine import server_of
from gentle_nudge.koha.connect.instance import Instance
from gentle_nudge.store import dates_ahead, meta, upgrade
from gentle_nudge.store.dates_ahead import DatesAhead


def initialise(conn: Connection, instance: Instance, now: datetime) -> bool:
    """Create or upgrade our tables and note where they belong; True if they are new. UserError on another machine."""
    upgrade.create_or_upgrade(conn)
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


def mend_clock(conn: Connection, moment: Moment) -> DatesAhead:
    """Everything dated ahead is of today; what it was. Koha's log says who decided.

    Koha's own rows, stored reports and their file names stay as they are.
    """
    meta.lock(conn)
    ahead = dates_ahead.dates_ahead(conn, moment)
    dates_ahead.bring_back(conn, moment)
    what = {"option": "clock-mended", "who": moment.who, "runs": len(ahead.runs), "claims": len(ahead.claims)}
    log_ours(conn, LOGGED_AS, what, moment)
    return ahead


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
