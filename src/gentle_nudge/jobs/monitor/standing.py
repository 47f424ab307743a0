"""Status: the last runs, nights that do not come, late submissions, undelivered reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection

from gentle_nudge.domain.collections.list_days import list_day
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.submission_day import is_late, submits_on
from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.identity import is_here
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.night.due import stopped
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.jobs.sections import held_cases
from gentle_nudge.jobs.sending.manage import cancelled_submissions
from gentle_nudge.jobs.sending.outlets import standing_of
from gentle_nudge.jobs.sending.restore_mark import is_restored, journal_of
from gentle_nudge.koha.read.administration import preferences
from gentle_nudge.store import deliveries, meta, runs
from gentle_nudge.views.status_view import Late, Status


def status(conn: Connection, library: Library, moment: Moment) -> Status:
    """The status, which must be asked first in its transaction; UserError if our tables are missing."""
    journal = journal_of(library.archive)
    our_row = meta.ready(conn)
    is_test_copy = bool(preferences(conn, ["SendAllEmailsTo"])["SendAllEmailsTo"].strip())
    waiting = deliveries.late_deliveries(conn)
    standing, sections = standing_of(conn), library.known_sections(conn)
    undelivered = tuple(late for late in waiting if late.delivery.may_leave(standing))
    return Status(
        runs=tuple(runs.last_success(conn)),
        stopped=tuple(stopped(conn, library.families, moment)),
        late=tuple(late(conn, sections, moment)),
        held_cases=held_cases(conn, sections),
        undelivered=undelivered,
        held_uploads=len(waiting) - len(undelivered),
        held=library.held(conn, [each.delivery for each in undelivered]),
        is_test_copy=is_test_copy,
        is_copy=our_row.is_copy,
        cancelled=tuple(cancelled_submissions(conn)),
        here=is_here(conn, library.instance, our_row),
        restored=not our_row.is_copy and is_restored(conn, journal),
    )


def late(conn: Connection, sections: Iterable[Section], moment: Moment) -> Iterator[Late]:
    """The sections with a submission that was due on an earlier day and is not made yet."""
    for section in sections:
        records, day = read_records(conn, section), moment.today
        lists = list_day(section.policy, day, records.lists, records.past, today=day)
        if section.enabled and lists.submission_due and is_late(section.policy, day):
            yield Late(section=section.name, due=submits_on(section.policy, day))
