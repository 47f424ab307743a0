"""An older balance never leaves after a newer one to the same recipient."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from sqlalchemy import Connection, Engine

from gentle_nudge.domain.plan import Report
from gentle_nudge.domain.queue import Address, Channel, DeliveryState
from gentle_nudge.store import outbox
from tests.integration.store.builders import (
    A_MINUTE,
    AGENCY,
    ARCHIVE,
    HERE,
    NOW,
    again,
    claimed,
    delivered,
    queued,
    state,
)

OTHER = Address(channel=Channel.EMAIL, recipient="copy@library.example")
DUE, SUPERSEDED = DeliveryState.DUE, DeliveryState.SUPERSEDED


@pytest.mark.parametrize("older", [Report.UPDATE, Report.SYNC])
@pytest.mark.parametrize("newer", [Report.UPDATE, Report.SYNC])
def test_of_those_that_wait_the_newest_goes(both: Connection, older: Report, newer: Report) -> None:
    first, second, third = queued(both, older), queued(both, older), queued(both, newer)
    overtaken = outbox.supersede(both, [HERE], NOW + A_MINUTE)
    assert [(one.id, one.state, one.since) for one in overtaken] == [
        (one.id, SUPERSEDED, NOW + A_MINUTE) for one in (first, second)
    ]
    assert outbox.due(both, NOW) == [third]
    assert outbox.supersede(both, [HERE], NOW) == []


def test_what_was_overtaken_before_it_came_back_is_superseded(both: Connection) -> None:
    old = claimed(both, queued(both))
    new = queued(both)
    assert outbox.supersede(both, [HERE], NOW) == []
    outbox.tried_in_vain(both, old, NOW, reason="451")
    delivered(both, new)
    assert [one.id for one in outbox.supersede(both, [HERE], NOW)] == [old.id]


@pytest.mark.parametrize("kind", [Report.SUBMISSION, Report.UPDATE])
def test_a_submission_is_never_superseded_and_supersedes_nothing(both: Connection, kind: Report) -> None:
    queued(both, Report.SUBMISSION)
    queued(both, kind)
    queued(both, Report.SUBMISSION)
    assert outbox.supersede(both, [HERE], NOW) == []


def test_other_recipients_channels_and_sections_are_other_streams(both: Connection) -> None:
    queued(both)
    queued(both, to=OTHER)
    queued(both, to=replace(AGENCY, channel=Channel.SFTP))
    queued(both, section="north")
    assert outbox.supersede(both, [HERE], NOW) == []
    assert outbox.supersede(both, ["north"], NOW) == []


def test_copies_for_the_archive_all_go_there(both: Connection) -> None:
    first, second = queued(both, to=ARCHIVE), queued(both, to=ARCHIVE)
    assert outbox.supersede(both, [HERE], NOW) == []
    assert outbox.claim(both, second, NOW, strictly=True) is not None
    assert outbox.claim(both, first, NOW, strictly=True) is not None


def test_a_repeat_neither_supersedes_nor_is_superseded(both: Connection) -> None:
    waiting = queued(both)
    repeat = queued(both, repeat=True)
    assert outbox.supersede(both, [HERE], NOW) == []
    delivered(both, queued(both))
    assert [one.id for one in outbox.supersede(both, [HERE], NOW)] == [waiting.id]
    assert state(both, repeat) is DUE
    assert outbox.claim(both, repeat, NOW, strictly=True) is not None


def test_after_a_repeat_was_sent_nothing_older_is(both: Connection) -> None:
    old, repeat = queued(both), queued(both, repeat=True)
    ours = claimed(both, repeat)
    assert outbox.claim(both, old, NOW) is None
    outbox.sent(both, ours, NOW)
    assert outbox.claim(both, old, NOW) is None
    assert [one.id for one in outbox.supersede(both, [HERE], NOW)] == [old.id]


def test_strictly_the_older_still_goes_after_a_repeat_since_the_newer_original_follows(both: Connection) -> None:
    old = queued(both)
    delivered(both, queued(both, repeat=True))
    assert outbox.claim(both, old, NOW, strictly=True) is not None


def test_nobody_waits_for_a_repeat(both: Connection) -> None:
    queued(both, repeat=True)
    update = queued(both)
    assert outbox.waits_for(both, update) == []
    assert outbox.claim(both, update, NOW, strictly=True) is not None


def test_what_goes_to_others_or_is_no_balance_is_not_in_the_way(both: Connection) -> None:
    update = queued(both)
    for other in (
        queued(both, to=OTHER),
        queued(both, to=replace(AGENCY, channel=Channel.SFTP)),
        queued(both, section="north"),
        queued(both, Report.SUBMISSION),
    ):
        delivered(both, other)
    claimed(both, queued(both, Report.SUBMISSION))
    assert outbox.overtaken_by(both, update) == []
    assert outbox.claim(both, update, NOW, strictly=True) is not None


def test_sections_that_were_not_named_are_left_alone(both: Connection) -> None:
    queued(both, section="north")
    queued(both, section="north")
    assert outbox.supersede(both, [HERE], NOW) == []
    assert len(outbox.supersede(both, ["north"], NOW)) == 1


def test_a_newer_one_that_was_cancelled_supersedes_nothing(both: Connection) -> None:
    queued(both)
    outbox.cancel(both, [queued(both).id], now=NOW, reason="wrong", who="ann")
    assert outbox.supersede(both, [HERE], NOW) == []


def test_an_older_one_is_not_sent_after_a_newer_one(both: Connection) -> None:
    old, new = queued(both), queued(both)
    delivered(both, new)
    assert outbox.claim(both, old, NOW) is None
    assert state(both, old) is DUE


def test_a_cancelled_one_that_is_tried_again_is_not_sent_after_a_newer_one(both: Connection) -> None:
    old = queued(both)
    outbox.cancel(both, [old.id], now=NOW, reason="wait", who="ann")
    delivered(both, queued(both))
    outbox.retry(both, [old.id], now=NOW, who="ann")
    assert outbox.claim(both, again(both, old), NOW) is None


@pytest.mark.parametrize("first_is_older", [True, False])
def test_while_one_of_a_stream_is_being_sent_no_other_is(both: Connection, *, first_is_older: bool) -> None:
    older, newer = queued(both), queued(both)
    first, second = (older, newer) if first_is_older else (newer, older)
    claimed(both, first)
    assert outbox.claim(both, second, NOW) is None


def test_a_submission_may_be_sent_while_an_update_is(both: Connection) -> None:
    submission = queued(both, Report.SUBMISSION)
    claimed(both, queued(both))
    assert outbox.claim(both, submission, NOW) is not None


def test_strictly_a_newer_one_waits_until_the_older_is_sent(both: Connection) -> None:
    old, new = queued(both), queued(both)
    assert outbox.waits_for(both, new) == [old]
    assert outbox.waits_for(both, old) == []
    assert outbox.claim(both, new, NOW, strictly=True) is None
    delivered(both, old)
    assert outbox.waits_for(both, new) == []
    assert outbox.claim(both, new, NOW, strictly=True) is not None


def test_strictly_a_newer_one_waits_for_a_failed_one_until_that_is_cancelled(both: Connection) -> None:
    old, new = queued(both), queued(both)
    later = NOW + 3 * 24 * 60 * A_MINUTE
    assert outbox.tried_in_vain(both, claimed(both, old), later, reason="550") is DeliveryState.FAILED
    assert outbox.claim(both, new, later, strictly=True) is None
    outbox.cancel(both, [old.id], now=later, reason="never mind", who="ann")
    assert outbox.claim(both, new, later, strictly=True) is not None


def test_without_strictness_the_newest_does_not_wait(both: Connection) -> None:
    queued(both)
    assert outbox.claim(both, queued(both), NOW) is not None


def test_a_submission_knows_the_updates_that_overtook_it(both: Connection) -> None:
    queued(both)
    submission = queued(both, Report.SUBMISSION)
    assert outbox.overtaken_by(both, submission) == []
    update = delivered(both, queued(both))
    queued(both, to=OTHER)
    assert outbox.overtaken_by(both, submission) == [update]


def test_two_processes_do_not_send_two_of_one_stream_at_the_same_time(engine: Engine) -> None:
    with engine.begin() as conn:
        pair = (queued(conn), queued(conn))
    together = Barrier(2)

    def deliver(number: int) -> bool:
        with engine.begin() as conn:
            together.wait()
            return outbox.claim(conn, again(conn, pair[number]), NOW) is not None

    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            assert sorted(pool.map(deliver, range(2))) == [False, True]
            with engine.begin() as conn:
                ids = outbox.cancel(conn, [one.id for one in pair], now=NOW, reason="", who=None)
                outbox.retry(conn, ids, now=NOW, who=None)
