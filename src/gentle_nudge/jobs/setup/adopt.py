"""Adopt patrons whose flag says yes and who have no case."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from gentle_nudge.domain.collections.changes import Action, OpenCase, of, planned_changes
from gentle_nudge.domain.collections.judgement import adopt
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.restriction import RecordRestriction, restriction_changes
from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.patrons.evidence import holdings_of, unadopted
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.koha.read import accountlines, borrowers
from gentle_nudge.store import cases, meta


def adopt_all(conn: Connection, section: Section, wanted: Collection[int], moment: Moment) -> dict[int, int]:
    """Open a case for each wanted patron who is still flagged and without one; patron -> case."""
    meta.lock(conn)
    records = read_records(conn, section)
    patrons = borrowers.patrons(conn, section.policy.patron_fields, wanted, lock=True)
    accountlines.lock_lines(conn, patrons)
    holdings = holdings_of(conn, patrons, moment.today)
    actions: list[Action] = []
    for adoptee in unadopted(conn, section, moment, records):
        adoption = replace(adopt(section, adoptee), released=False)
        if adoption.number in holdings:
            actions += planned_changes(adoption, section)
            actions += restriction_changes(adoption, holdings[adoption.number], section)
    return open_cases(conn, section, actions, run=None)


def open_cases(conn: Connection, section: Section, actions: Sequence[Action], run: int | None) -> dict[int, int]:
    """Open the cases and record the restrictions that are in place already with them; patron -> case."""
    opened = cases.open_new(conn, section=section.name, actions=of(actions, OpenCase), run=run)
    in_place = {opened[action.patron]: action.restriction for action in of(actions, RecordRestriction)}
    cases.record_restrictions(conn, in_place)
    return opened
