"""An older balance never leaves after a newer one to the same recipient."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from sqlalchemy import Connection, Engine

from gentle_nudge.domain.outbox import Address, Channel, DeliveryState
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.store import deliveries
from tests.builders.ours import (
    A_MINUTE,
    AGENCY,
    ARCHIVE,
    HERE,
    NOW,
    SERVER,
    again,
    claimed,
    delivered,
    queued,
    state,
)

OTHER = Address(channel=Channel.EMAIL, recipient="copy@library.example")
DUE, SUPERSEDED = DeliveryState.DUE, DeliveryState.SUPERSEDED


@pytest.mark.parametrize("older", [ReportKind.UPDATE, ReportKind.SYNC])
@pytest.mark.parametrize("newer", [ReportKind.UPDATE, ReportKind.SYNC])
def test_of_those_that_wait_the_newest_goes(both: Connection, older: ReportKind, newer: ReportKind) -> None:
    first, second, third = queued(both, older), queued(both, older), queued(both, newer)
    overtaken = deliveries.supersede(both, [HERE], NOW + A_MINUTE)
    assert [(one.id, one.state, one.since) for one in overtaken] == [
        (one.id, SUPERSEDED, NOW + A_MINUTE) for one in (first, second)
    ]
    assert deliveries.due(both, NOW) == [third]
    assert deliveries.supersede(both, [HERE], NOW) == []


def test_what_was_overtaken_before_it_came_back_is_superseded(both: Connection) -> None:
    old = claimed(both, queued(both))
    new = queued(both)
    assert deliveries.supersede(both, [HERE], NOW) == []
    deliveries.attempt_failed(both, old, NOW, reason="451")
    delivered(both, new)
    assert [one.id for one in deliveries.supersede(both, [HERE], NOW)] == [old.id]


@pytest.mark.parametrize("kind", [ReportKind.SUBMISSION, ReportKind.UPDATE])
def test_a_submission_is_never_superseded_and_supersedes_nothing(both: Connection, kind: ReportKind) -> None:
    queued(both, ReportKind.SUBMISSION)
    queued(both, kind)
    queued(both, ReportKind.SUBMISSION)
    assert deliveries.supersede(both, [HERE], NOW) == []


def test_other_recipients_channels_and_sections_are_other_streams(both: Connection) -> None:
    queued(both)
    queued(both, to=OTHER)
    queued(both, to=replace(AGENCY, channel=Channel.SFTP))
    queued(both, section="north")
    assert deliveries.supersede(both, [HERE], NOW) == []
    assert deliveries.supersede(both, ["north"], NOW) == []


def test_copies_for_the_archive_all_go_there(both: Connection) -> None:
    first, second = queued(both, to=ARCHIVE, strict=True), queued(both, to=ARCHIVE, strict=True)
    assert deliveries.supersede(both, [HERE], NOW) == []
    assert deliveries.claim(both, second, NOW) is not None
    assert deliveries.claim(both, first, NOW) is not None


def test_a_repeat_neither_supersedes_nor_is_superseded(both: Connection) -> None:
    waiting = queued(both)
    repeat = queued(both, repeat=True)
    assert deliveries.supersede(both, [HERE], NOW) == []
    delivered(both, queued(both))
    assert [one.id for one in deliveries.supersede(both, [HERE], NOW)] == [waiting.id]
    assert state(both, repeat) is DUE
    assert deliveries.claim(both, repeat, NOW) is not None


def test_after_a_repeat_was_sent_nothing_older_is(both: Connection) -> None:
    old, repeat = queued(both), queued(both, repeat=True)
    ours = claimed(both, repeat)
    assert deliveries.claim(both, old, NOW) is None
    deliveries.sent(both, ours, NOW)
    assert deliveries.claim(both, old, NOW) is None
    assert [one.id for one in deliveries.supersede(both, [HERE], NOW)] == [old.id]


def test_strictly_the_older_still_goes_after_a_repeat_since_the_newer_original_follows(both: Connection) -> None:
    old = queued(both, strict=True)
    delivered(both, queued(both, repeat=True))
    assert deliveries.supersede(both, [HERE], NOW) == []
    assert deliveries.claim(both, old, NOW) is not None


def test_nobody_waits_for_a_repeat(both: Connection) -> None:
    queued(both, repeat=True)
    update = queued(both, strict=True)
    assert deliveries.waits_for(both, update) == []
    assert deliveries.claim(both, update, NOW) is not None


def test_what_goes_to_others_or_is_no_balance_is_not_in_the_way(both: Connection) -> None:
    update = queued(both, strict=True)
    for other in (
        queued(both, to=OTHER),
        queued(both, to=replace(AGENCY, channel=Channel.SFTP)),
        queued(both, section="north"),
        queued(both, ReportKind.SUBMISSION),
    ):
        delivered(both, other)
    claimed(both, queued(both, ReportKind.SUBMISSION))
    assert deliveries.overtaken_by(both, update) == []
    assert deliveries.claim(both, update, NOW) is not None


def test_sections_that_were_not_named_are_left_alone(both: Connection) -> None:
    queued(both, section="north")
    queued(both, section="north")
    assert deliveries.supersede(both, [HERE], NOW) == []
    assert len(deliveries.supersede(both, ["north"], NOW)) == 1


def test_a_newer_one_that_was_cancelled_supersedes_nothing(both: Connection) -> None:
    queued(both)
    deliveries.cancel(both, [queued(both).id], now=NOW, reason="wrong", who="ann")
    assert deliveries.supersede(both, [HERE], NOW) == []


def test_an_older_one_is_not_sent_after_a_newer_one(both: Connection) -> None:
    old, new = queued(both), queued(both)
    delivered(both, new)
    assert deliveries.claim(both, old, NOW) is None
    assert state(both, old) is DUE


def test_a_cancelled_one_that_is_tried_again_is_not_sent_after_a_newer_one(both: Connection) -> None:
    old = queued(both)
    deliveries.cancel(both, [old.id], now=NOW, reason="wait", who="ann")
    delivered(both, queued(both))
    deliveries.retry(both, [old.id], now=NOW, who="ann")
    assert deliveries.claim(both, again(both, old), NOW) is None


@pytest.mark.parametrize("first_is_older", [True, False])
def test_while_one_of_a_stream_is_being_sent_no_other_is(both: Connection, *, first_is_older: bool) -> None:
    older, newer = queued(both), queued(both)
    first, second = (older, newer) if first_is_older else (newer, older)
    claimed(both, first)
    assert deliveries.claim(both, second, NOW) is None


def test_a_submission_may_be_sent_while_an_update_is(both: Connection) -> None:
    submission = queued(both, ReportKind.SUBMISSION)
    claimed(both, queued(both))
    assert deliveries.claim(both, submission, NOW) is not None


def test_strictly_a_newer_one_waits_until_the_older_is_sent(both: Connection) -> None:
    old, new = queued(both), queued(both, strict=True)
    assert deliveries.supersede(both, [HERE], NOW) == []
    assert deliveries.waits_for(both, new) == [old]
    assert deliveries.waits_for(both, old) == []
    assert deliveries.claim(both, new, NOW) is None
    delivered(both, old)
    assert deliveries.waits_for(both, new) == []
    assert deliveries.claim(both, new, NOW) is not None


def test_strictly_a_newer_one_waits_for_a_failed_one_until_that_is_cancelled(both: Connection) -> None:
    old, new = queued(both, strict=True), queued(both, strict=True)
    later = NOW + 3 * 24 * 60 * A_MINUTE
    assert deliveries.attempt_failed(both, claimed(both, old), later, reason="550") is DeliveryState.FAILED
    assert deliveries.claim(both, new, later) is None
    deliveries.cancel(both, [old.id], now=later, reason="never mind", who="ann")
    assert deliveries.claim(both, new, later) is not None


# ---- after the setting was changed: deliveries that are strict and others in one stream


def test_an_update_of_everybody_takes_the_place_of_changes_that_wait(both: Connection) -> None:
    changes, more = queued(both, strict=True), queued(both, strict=True)
    everybody = queued(both)
    assert [one.id for one in deliveries.supersede(both, [HERE], NOW)] == [changes.id, more.id]
    assert deliveries.claim(both, everybody, NOW) is not None


def test_a_sync_has_no_last_words_so_it_waits_for_the_changes(both: Connection) -> None:
    changes, sync = queued(both, strict=True), queued(both, ReportKind.SYNC)
    assert deliveries.supersede(both, [HERE], NOW) == []
    assert deliveries.waits_for(both, sync) == [changes]
    assert deliveries.claim(both, sync, NOW) is None
    delivered(both, changes)
    assert deliveries.claim(both, sync, NOW) is not None


def test_changes_take_the_place_of_nothing(both: Connection) -> None:
    oldest, everybody, changes = queued(both), queued(both), queued(both, strict=True)
    assert [one.id for one in deliveries.supersede(both, [HERE], NOW)] == [oldest.id]
    assert deliveries.claim(both, changes, NOW) is None
    delivered(both, everybody)
    assert deliveries.claim(both, changes, NOW) is not None


def test_an_update_of_everybody_waits_for_changes_that_are_being_sent(both: Connection) -> None:
    claimed(both, queued(both, strict=True))
    everybody = queued(both)
    assert deliveries.supersede(both, [HERE], NOW) == []
    assert deliveries.claim(both, everybody, NOW) is None


def test_changes_that_can_never_leave_any_more_are_superseded(both: Connection) -> None:
    changes = queued(both, strict=True)
    deliveries.cancel(both, [changes.id], now=NOW, reason="wait", who="ann")
    delivered(both, queued(both, strict=True))
    deliveries.retry(both, [changes.id], now=NOW, who="ann")
    assert [one.id for one in deliveries.supersede(both, [HERE], NOW)] == [changes.id]


# ---- uploads: one stream, wherever the settings point now


def test_a_moved_folder_opens_no_second_stream(both: Connection) -> None:
    moved = replace(SERVER, recipient="ssh.agency.example:in")
    old, new = queued(both, to=SERVER), queued(both, to=moved)
    assert [one.id for one in deliveries.supersede(both, [HERE], NOW)] == [old.id]
    newest = queued(both, to=SERVER, strict=True)
    assert deliveries.waits_for(both, newest) == [new]
    claimed(both, new)
    assert deliveries.claim(both, newest, NOW) is None


def test_after_a_newer_upload_elsewhere_an_older_one_never_goes(both: Connection) -> None:
    old = queued(both, to=SERVER)
    newer = delivered(both, queued(both, to=replace(SERVER, recipient="ssh.agency.example:in")))
    assert deliveries.overtaken_by(both, old) == [newer]
    assert deliveries.claim(both, old, NOW) is None


def test_another_mail_address_is_another_stream_but_not_one_in_other_letter_case(conn: Connection) -> None:
    shouted = replace(AGENCY, recipient=AGENCY.recipient.upper())
    first, _other, newest = queued(conn), queued(conn, to=OTHER), queued(conn, to=shouted)
    assert [one.id for one in deliveries.supersede(conn, [HERE], NOW)] == [first.id]
    assert deliveries.claim(conn, newest, NOW) is not None


def test_without_strictness_the_newest_does_not_wait(both: Connection) -> None:
    queued(both)
    assert deliveries.claim(both, queued(both), NOW) is not None


def test_a_submission_knows_the_updates_that_overtook_it(both: Connection) -> None:
    queued(both)
    submission = queued(both, ReportKind.SUBMISSION)
    assert deliveries.overtaken_by(both, submission) == []
    update = delivered(both, queued(both))
    queued(both, to=OTHER)
    assert deliveries.overtaken_by(both, submission) == [update]


def test_two_processes_do_not_send_two_of_one_stream_at_the_same_time(engine: Engine) -> None:
    with engine.begin() as conn:
        pair = (queued(conn), queued(conn))
    together = Barrier(2)

    def deliver(number: int) -> bool:
        with engine.begin() as conn:
            together.wait()
            return deliveries.claim(conn, again(conn, pair[number]), NOW) is not None

    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            assert sorted(pool.map(deliver, range(2))) == [False, True]
            with engine.begin() as conn:
                ids = deliveries.cancel(conn, [one.id for one in pair], now=NOW, reason="", who=None)
                deliveries.retry(conn, ids, now=NOW, who=None)
