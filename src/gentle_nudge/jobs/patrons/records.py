"""What our own tables know about one section."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.collections.submission_day import SubmissionHistory
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.koha.read import accountlines, borrowers
from gentle_nudge.store import cases, meta, runs

if TYPE_CHECKING:
    from sqlalchemy import Connection


def read_records(conn: Connection, section: Section) -> SectionRecords:
    """What we know about the section; a dry run before `init` knows nothing."""
    our_row = meta.read_meta(conn)
    if our_row is None:
        return SectionRecords()
    names = section.names
    return SectionRecords(
        revision=our_row.revision,
        last_words=tuple(cases.to_report(conn, section.cases_of)),
        withdrawn=_withdrawn(conn, section),
        open_cases=cases.open_case_patrons(conn),
        past=SubmissionHistory(
            last_submission=runs.last_day(conn, names, ReportKind.SUBMISSION),
            first_run=runs.first_day(conn, names),
            sizes=tuple(runs.submission_sizes(conn, names)),
        ),
        last_update=runs.last_day(conn, names, ReportKind.UPDATE),
    )


def _withdrawn(conn: Connection, section: Section) -> dict[int, date]:
    """For each patron the latest day a case was withdrawn; a merged card leaves it to whom its lines went."""
    latest = cases.withdrawn_on(conn, section.cases_of)
    gone = latest.keys() - borrowers.existing(conn, latest)
    days = cases.withdrawn_lines(conn, section.cases_of, gone)
    for line, heir in accountlines.owners(conn, days).items():
        if heir is not None:
            latest[heir] = max(days[line], latest.get(heir, date.min))
    return latest
