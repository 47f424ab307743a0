"""Our own records of one section."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from gentle_nudge.domain.collections.list_days import in_force
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.collections.review import ListInForce
from gentle_nudge.domain.collections.submission_day import SubmissionHistory
from gentle_nudge.domain.hold import Hold
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.koha.read import accountlines, borrowers
from gentle_nudge.store import cases, holds, meta, reminder_series, review_lists, runs


def read_records(conn: Connection, section: Section) -> SectionRecords:
    """Our records of the section; empty before `init`, UserError while our tables are older than the program."""
    if meta.read_meta(conn) is None:
        return SectionRecords()
    our_row = meta.ready(conn)
    names, withdrawals = section.names, _withdrawals(conn, section)
    open_holds = [hold for hold in holds.open_holds(conn) if hold.section in {None, *section.cases_of}]
    by_person = defaultdict[int, tuple[Hold, ...]](tuple)
    for hold in (hold for hold in open_holds if hold.is_by_person):
        by_person[hold.patron] += (hold,)
    return SectionRecords(
        revision=our_row.revision,
        last_words=tuple(cases.to_report(conn, section.may_end, section.heard)),
        withdrawn=withdrawals.latest,
        inherited=withdrawals.inherited,
        merged={} if section.charges_by == "patron" else _merged(conn),
        open_cases=cases.open_case_patrons(conn),
        holds=by_person,
        in_field=tuple(hold for hold in open_holds if not hold.is_by_person),
        has_reminder_fees=reminder_series.has_fees(conn),
        past=SubmissionHistory(
            last_submission=runs.last_day(conn, names, ReportKind.SUBMISSION),
            first_run=runs.first_day(conn, names),
            sizes=tuple(runs.submission_sizes(conn, names)),
        ),
        last_update=runs.last_day(conn, names, ReportKind.UPDATE),
        lists=review_lists.latest(conn, names),
    )


def under_list(conn: Connection, records: SectionRecords, day: date) -> SectionRecords:
    """The records with the list in force on this day, if there is one."""
    latest = in_force(records.lists, day)
    rows = review_lists.rows(conn, latest.id) if latest else {}
    return replace(records, in_force=ListInForce(of=latest, rows=rows)) if latest else records


@dataclass(frozen=True, kw_only=True, slots=True)
class _Withdrawals:
    """What `SectionRecords` holds of withdrawn cases."""

    latest: dict[int, date | None]
    inherited: dict[int, tuple[int, ...]]


def _withdrawals(conn: Connection, section: Section) -> _Withdrawals:
    """Withdrawn cases as the section counts them; those of a merged card count for the owner of its lines.

    Where a patron is one section's with all charges, the day of a withdrawal counts in whatever section it was.
    """
    everywhere = cases.sections(conn)
    counting = everywhere if section.charges_by == "patron" else everywhere.intersection(section.may_end)
    elsewhere = cases.withdrawn_on(conn, everywhere - counting)
    latest: dict[int, date | None] = {**dict.fromkeys(elsewhere), **cases.withdrawn_on(conn, counting)}
    lines = cases.withdrawn_lines(conn, _gone(conn, latest.keys()))
    owners = accountlines.owners(conn, {each.line for each in lines})
    inherited: defaultdict[int, tuple[int, ...]] = defaultdict(tuple)
    for each in lines:
        if heir := owners.get(each.line):
            inherited[heir] += (each.line,)
            day = each.day if each.section in counting else None
            latest[heir] = max(filter(None, (day, latest.get(heir))), default=None)
    return _Withdrawals(latest=latest, inherited=inherited)


def _merged(conn: Connection) -> dict[int, frozenset[int]]:
    """Patron -> those gone from Koha whose recorded lines they have now."""
    gone = _gone(conn, cases.patrons_of_cases(conn))
    recorded = {each.line: each.patron for each in (*cases.recorded_fees(conn, gone), *cases.handed_over(conn, gone))}
    merged: defaultdict[int, frozenset[int]] = defaultdict(frozenset)
    for line, heir in accountlines.owners(conn, recorded.keys()).items():
        if heir is not None:
            merged[heir] |= {recorded[line]}
    return merged


def _gone(conn: Connection, patrons: AbstractSet[int]) -> AbstractSet[int]:
    """Those whom Koha has deleted, also if somebody else has the number now."""
    return patrons - borrowers.existing(conn, patrons) | borrowers.used_before(conn, patrons).keys()
