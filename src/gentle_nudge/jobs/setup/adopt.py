"""Adopt patrons whose flag says yes and who have no case."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from gentle_nudge.domain.collections.changes import OpenCase, consequences
from gentle_nudge.domain.collections.judgement import adopt
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.patrons.carry_out import of
from gentle_nudge.jobs.patrons.evidence import flagged_without_case, holdings_of
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.koha.read import accountlines, borrowers
from gentle_nudge.store import cases, meta

if TYPE_CHECKING:
    from sqlalchemy import Connection


def adopt_all(conn: Connection, section: Section, wanted: Collection[int], moment: Moment) -> dict[int, int]:
    """Those of the wanted patrons that are still flagged and without a case have one; patron -> case."""
    meta.lock(conn)
    memory = read_records(conn, section)
    people = borrowers.patrons(conn, section.policy.patron_fields, wanted, lock=True)
    accountlines.lock_lines(conn, people)
    found = flagged_without_case(conn, section, moment=moment, memory=memory)
    held = holdings_of(conn, section, memory, people, today=moment.today)
    new = [
        action
        for adoptee in found
        if adoptee.candidate.patron.number in held
        for action in consequences(
            replace(adopt(section, adoptee), ends=None), held[adoptee.candidate.patron.number], section, moment.day
        )
    ]
    return cases.open_new(conn, section=section.name, actions=of(new, OpenCase), run=None)
