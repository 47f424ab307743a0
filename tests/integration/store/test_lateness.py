"""What the queue tells those who look after it."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from gentle_nudge.domain.outbox import Channel
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.store import deliveries, report_files, runs
from tests.builders.ours import A_MINUTE, A_MOMENT, ARCHIVE, DAY, HERE, NOW, SERVER, a_run, delivered, queued

A_DAY = timedelta(days=1)


def since(conn: Connection) -> list[object]:
    return [one.since for one in deliveries.late_deliveries(conn)]


def test_what_was_sent_is_remembered_to_the_moment_but_for_the_archive_s_copies(both: Connection) -> None:
    delivered(both, queued(both, now=NOW - A_MOMENT), NOW - A_MOMENT)
    told = delivered(both, queued(both, ReportKind.SUBMISSION), NOW)
    delivered(both, queued(both, ReportKind.SUBMISSION, to=ARCHIVE), NOW)
    queued(both)
    (entry,) = deliveries.sent_since(both, NOW)
    assert (entry.delivery, entry.channel, entry.at) == (told.id, Channel.EMAIL, NOW)
    assert entry.sha256 == report_files.get(both, told.report).sha256


def test_a_recipient_waits_since_the_first_update_that_did_not_come(both: Connection) -> None:
    delivered(both, queued(both, now=NOW - A_DAY))
    for minutes in (0, 1, 2):
        queued(both, now=NOW + minutes * A_MINUTE)
    queued(both, now=NOW - A_DAY, section="north")
    deliveries.supersede(both, [HERE], NOW)
    assert since(both) == [NOW, NOW - A_DAY]


def test_a_moved_upload_folder_is_awaited_since_the_first_update_that_did_not_come(both: Connection) -> None:
    queued(both, to=SERVER, now=NOW - A_DAY)
    queued(both, to=replace(SERVER, recipient="ssh.agency.example:in"), now=NOW)
    deliveries.supersede(both, [HERE], NOW)
    assert since(both) == [NOW - A_DAY]


def test_what_was_cancelled_is_awaited_by_nobody(both: Connection) -> None:
    cancelled = queued(both, now=NOW - A_DAY)
    deliveries.cancel(both, [cancelled.id], now=NOW, reason="never mind", who="ann")
    queued(both, now=NOW)
    assert since(both) == [NOW]


def test_a_submission_is_awaited_since_it_was_queued(both: Connection) -> None:
    queued(both, ReportKind.SUBMISSION, now=NOW - A_DAY)
    queued(both, ReportKind.SUBMISSION, now=NOW)
    assert since(both) == [NOW - A_DAY, NOW]


def test_the_days_of_a_report_are_those_of_these_sections(both: Connection) -> None:
    a_run(both, report=ReportKind.SUBMISSION)
    a_run(both, report=ReportKind.UPDATE, day=DAY + A_DAY)
    a_run(both, report=ReportKind.SUBMISSION, day=DAY - A_DAY, section="north")
    assert runs.days(both, [HERE], ReportKind.SUBMISSION) == {DAY}
