"""Findings about circulation: settings of Koha that contradict each other, in all combinations that occur."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.timeline.answers import contradictions_for_check


def circulation(conn: Connection, library: Library, moment: Moment) -> Iterator[Finding]:
    """What contradicts on the roads of loans; nothing without circulation rules."""
    if answer := contradictions_for_check(conn, library, moment.today):
        yield from (each.as_finding for each in answer.found)
