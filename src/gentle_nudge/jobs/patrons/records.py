"""Our own records of one section."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from sqlalchemy import Connection

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.collections.submission_day import SubmissionHistory
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.koha.read import accountlines, borrowers
from gentle_nudge.store import cases, meta, runs


def read_records(conn: Connection, section: Section) -> SectionRecords:
    """Our records of the section; empty before `init`."""
    our_row = meta.read_meta(conn)
    if our_row is None:
        return SectionRecords()
    names = section.names
    return SectionRecords(
        revision=our_row.revision,
        last_words=tuple(cases.to_report(conn, section.cases_of)),
        withdrawn=_withdrawn(conn, section),
        merged={} if section.charges_by == "patron" else _merged(conn),
        open_cases=cases.open_case_patrons(conn),
        past=SubmissionHistory(
            last_submission=runs.last_day(conn, names, ReportKind.SUBMISSION),
            first_run=runs.first_day(conn, names),
            sizes=tuple(runs.submission_sizes(conn, names)),
        ),
        last_update=runs.last_day(conn, names, ReportKind.UPDATE),
    )


def _withdrawn(conn: Connection, section: Section) -> dict[int, date]:
    """Patron -> the latest day a case was withdrawn; of a merged card, the day counts for the owner of its lines."""
    latest = cases.withdrawn_on(conn, section.cases_of)
    gone = latest.keys() - borrowers.existing(conn, latest)
    days = cases.withdrawn_lines(conn, section.cases_of, gone)
    for line, heir in accountlines.owners(conn, days).items():
        if heir is not None:
            latest[heir] = max(days[line], latest.get(heir, date.min))
    return latest


def _merged(conn: Connection) -> dict[int, frozenset[int]]:
    """Patron -> those gone from Koha whose recorded lines they have now."""
    patrons = cases.patrons_of_cases(conn)
    gone = patrons - borrowers.existing(conn, patrons)
    recorded = {each.line: each.patron for each in (*cases.recorded_fees(conn, gone), *cases.handed_over(conn, gone))}
    merged: defaultdict[int, frozenset[int]] = defaultdict(frozenset)
    for line, heir in accountlines.owners(conn, recorded.keys()).items():
        if heir is not None:
            merged[heir] |= {recorded[line]}
    return merged
