"""Findings about outcomes: cases that do not add up, and what Koha purged before a night saw it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import Connection

from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.outcomes.answer import unseen_lines, with_difference
from gentle_nudge.domain.wording import counted
from gentle_nudge.jobs.outcomes.period import read_figures
from gentle_nudge.store import meta

LATELY = timedelta(days=90)


def outcomes(conn: Connection, moment: Moment) -> Iterator[Finding]:
    """Whether the figures of all cases add up, and whether anything of the last 90 days went unseen."""
    if meta.missing_or_old(conn):
        return
    cases = read_figures(conn, moment.zone)
    if odd := sorted({case for case, _ in with_difference(cases)}):
        yield Finding(
            name="does-not-add-up",
            severity=Severity.WARNING,
            what=f"The figures of {counted(len(odd), 'case')} do not add up: {', '.join(map(str, odd))}.",
            why="A line was changed outside Koha's account pages, or Koha deleted a credit before a night saw its use.",
            way_out="Look at the lines that `outcomes --format json` names, and at: gentle-nudge history CARD",
        )
    since = moment.today - LATELY
    if lines := [line for line in unseen_lines(cases) if line.gone_on is not None and line.gone_on >= since]:
        amount = format_amount(sum((line.unseen for line in lines), ZERO))
        yield Finding(
            name="purged-unseen",
            severity=Severity.WARNING,
            what=f"{counted(len(lines), 'line')} with {amount} left Koha before a night saw what became of them.",
            why="The outcomes count them as other: nobody knows whether they were paid, returned or waived.",
            way_out="Run gentle-nudge nightly before Koha's cleanup_database.pl --fees.",
        )
