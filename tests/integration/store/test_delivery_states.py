"""A delivery is claimed once, tried until it succeeds, and remembers every try."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Connection, Engine

from gentle_nudge.domain.outbox import AttemptOutcome, Delivery, DeliveryState
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.store import deliveries
from tests.builders.ours import (
    A_MINUTE,
    A_MOMENT,
    AGENCY,
    ARCHIVE,
    NOW,
    SERVER,
    a_report,
    again,
    claimed,
    delivered,
    queued,
    state,
)

THREE_DAYS = timedelta(days=3)
HALF_AN_HOUR = timedelta(minutes=30)
DUE, SENDING, SENT = DeliveryState.DUE, DeliveryState.SENDING, DeliveryState.SENT
FAILED, CANCELLED, SUPERSEDED = DeliveryState.FAILED, DeliveryState.CANCELLED, DeliveryState.SUPERSEDED


def outcomes(conn: Connection, delivery: Delivery) -> list[AttemptOutcome]:
    return [attempt.outcome for attempt in deliveries.attempts_of(conn, delivery.id)]


def failed(conn: Connection, delivery: Delivery) -> Delivery:
    """The delivery, tried in vain for three days."""
    then = NOW + THREE_DAYS
    deliveries.attempt_failed(conn, claimed(conn, delivery, then), then, reason="no route to host")
    return again(conn, delivery)


def test_a_report_is_due_to_each_recipient_at_once_in_the_order_of_queueing(both: Connection) -> None:
    stored = a_report(both, report=ReportKind.SUBMISSION)
    deliveries.enqueue(both, report=stored.id, to=[AGENCY, SERVER, ARCHIVE], now=NOW)
    waiting = deliveries.due(both, NOW)
    assert [delivery.address for delivery in waiting] == [AGENCY, SERVER, ARCHIVE]
    first = waiting[0]
    assert (first.state, first.attempts, first.queued, first.since) == (DUE, 0, NOW, NOW)
    assert (first.report, first.kind, first.section, first.file_name) == (
        stored.id,
        ReportKind.SUBMISSION,
        "global",
        stored.file_name,
    )
    assert not first.is_repeat


def test_a_report_without_recipients_is_queued_for_nobody(both: Connection) -> None:
    deliveries.enqueue(both, report=a_report(both).id, to=[], now=NOW)
    assert deliveries.due(both, NOW) == []


def test_a_claimed_delivery_is_being_sent_and_cannot_be_claimed_again(both: Connection) -> None:
    waiting = queued(both)
    ours = deliveries.claim(both, waiting, NOW)
    assert ours is not None
    assert ours == again(both, waiting)
    assert (ours.state, ours.attempts, ours.since) == (SENDING, 1, NOW)
    assert deliveries.claim(both, waiting, NOW) is None
    assert deliveries.claim(both, ours, NOW) is None
    assert deliveries.due(both, NOW) == []


def test_a_delivery_is_not_claimed_before_its_time(both: Connection) -> None:
    waiting = queued(both)
    deliveries.attempt_failed(both, claimed(both, waiting), NOW, reason="451")
    later = again(both, waiting)
    too_early = NOW + A_MINUTE - A_MOMENT
    assert deliveries.due(both, too_early) == []
    assert deliveries.claim(both, later, too_early) is None
    assert [one.id for one in deliveries.due(both, NOW + A_MINUTE)] == [waiting.id]
    assert deliveries.claim(both, later, NOW + A_MINUTE) is not None


def test_one_that_another_process_has_tried_since_it_was_read_is_not_claimed(both: Connection) -> None:
    as_read = queued(both)
    deliveries.attempt_failed(both, claimed(both, as_read), NOW, reason="451")
    assert deliveries.claim(both, as_read, NOW + A_MINUTE) is None
    assert deliveries.claim(both, again(both, as_read), NOW + A_MINUTE) is not None


def test_of_two_connections_at_the_same_instant_one_has_the_claim(engine: Engine) -> None:
    with engine.begin() as conn:
        waiting = queued(conn)
    together = Barrier(2)

    def deliver(_number: int) -> bool:
        with engine.begin() as conn:
            together.wait()
            return deliveries.claim(conn, waiting, NOW) is not None

    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            assert sorted(pool.map(deliver, range(2))) == [False, True]
            with engine.begin() as conn:
                deliveries.retry(
                    conn, deliveries.cancel(conn, [waiting.id], now=NOW, reason="", who=None), now=NOW, who=None
                )
                waiting = again(conn, waiting)


def test_a_sent_delivery_is_done_and_the_attempt_noted(both: Connection) -> None:
    waiting = queued(both)
    done = delivered(both, waiting, NOW + A_MINUTE)
    assert (done.state, done.since) == (SENT, NOW + A_MINUTE)
    assert outcomes(both, waiting) == [AttemptOutcome.SENT]
    assert deliveries.due(both, NOW + THREE_DAYS, failed_too=True) == []


def test_a_try_in_vain_leaves_it_due_later_with_the_reason(both: Connection) -> None:
    waiting = queued(both)
    for attempt, pause in enumerate((1, 2, 4), start=1):
        now = again(both, waiting).next_attempt
        assert deliveries.attempt_failed(both, claimed(both, waiting, now), now, reason=f"reason {attempt}") is DUE
        assert again(both, waiting).next_attempt == now + pause * A_MINUTE
    noted = deliveries.attempts_of(both, waiting.id)
    assert [attempt.reason for attempt in noted] == ["reason 1", "reason 2", "reason 3"]
    assert again(both, waiting).attempts == 3


def test_a_long_reason_is_cut_to_what_the_table_holds(both: Connection) -> None:
    waiting = queued(both)
    deliveries.attempt_failed(both, claimed(both, waiting), NOW, reason="€" * 1001)
    assert deliveries.attempts_of(both, waiting.id)[0].reason == "€" * 1000


def test_it_has_failed_after_three_days_and_not_a_moment_earlier(both: Connection) -> None:
    early, late = queued(both), queued(both, section="north")
    then = NOW + THREE_DAYS
    assert deliveries.attempt_failed(both, claimed(both, early, then), then - A_MOMENT, reason="451") is DUE
    assert deliveries.attempt_failed(both, claimed(both, late, then), then, reason="451") is FAILED


def test_a_failed_one_is_tried_once_a_night_and_stays_failed(both: Connection) -> None:
    lost = failed(both, queued(both))
    long_after = NOW + timedelta(days=30)
    assert lost.state is FAILED
    assert deliveries.due(both, long_after) == []
    assert deliveries.due(both, long_after, failed_too=True) == [lost]
    ours = deliveries.claim(both, lost, long_after)
    assert ours is not None
    assert deliveries.attempt_failed(both, ours, long_after, reason="451") is FAILED


def test_a_failed_one_that_succeeds_is_sent(both: Connection) -> None:
    assert delivered(both, failed(both, queued(both)), NOW + timedelta(days=4)).state is SENT


def test_what_is_being_sent_falls_back_after_half_an_hour_and_not_after_29_minutes(both: Connection) -> None:
    ours = claimed(both, queued(both))
    assert deliveries.fall_back(both, NOW + 29 * A_MINUTE) == []
    assert deliveries.fall_back(both, NOW + HALF_AN_HOUR - A_MOMENT) == []
    assert state(both, ours) is SENDING
    then = NOW + HALF_AN_HOUR
    (stalled,) = deliveries.fall_back(both, then)
    assert (stalled.id, stalled.state, stalled.next_attempt) == (ours.id, DUE, then)
    assert outcomes(both, ours) == [AttemptOutcome.LOST]
    assert deliveries.due(both, then) == [stalled]


def test_a_sender_that_comes_back_late_with_bad_news_does_not_disturb_the_next(both: Connection) -> None:
    first = claimed(both, queued(both))
    deliveries.fall_back(both, NOW + HALF_AN_HOUR)
    second = claimed(both, first, NOW + HALF_AN_HOUR)
    assert deliveries.attempt_failed(both, first, NOW + HALF_AN_HOUR + A_MINUTE, reason="timed out") is None
    assert again(both, second) == second
    assert outcomes(both, first) == [AttemptOutcome.LOST, AttemptOutcome.FAILED]


def test_a_sender_that_comes_back_late_with_good_news_is_believed(both: Connection) -> None:
    first = claimed(both, queued(both))
    deliveries.fall_back(both, NOW + HALF_AN_HOUR)
    second = claimed(both, first, NOW + HALF_AN_HOUR)
    deliveries.sent(both, first, NOW + HALF_AN_HOUR + A_MINUTE)
    assert deliveries.attempt_failed(both, second, NOW + HALF_AN_HOUR + 2 * A_MINUTE, reason="timed out") is None
    assert state(both, first) is SENT


@pytest.mark.parametrize("before", [DUE, SENDING, FAILED])
def test_what_is_undelivered_can_be_cancelled_with_a_reason(both: Connection, before: DeliveryState) -> None:
    made: dict[DeliveryState, Callable[[Delivery], Delivery]] = {
        DUE: lambda one: one,
        SENDING: lambda one: claimed(both, one),
        FAILED: lambda one: failed(both, one),
    }
    waiting = made[before](queued(both))
    assert waiting.state is before
    assert deliveries.cancel(both, [waiting.id], now=NOW, reason="x" * 256, who="ann") == [waiting.id]
    done = again(both, waiting)
    assert (done.state, done.reason, done.who) == (CANCELLED, "x" * 255, "ann")
    assert deliveries.due(both, NOW + THREE_DAYS, failed_too=True) == []


def test_what_is_done_cannot_be_cancelled(both: Connection) -> None:
    done = delivered(both, queued(both))
    assert deliveries.cancel(both, [done.id], now=NOW, reason="too late", who="ann") == []
    assert again(both, done) == done


def test_one_that_was_cancelled_while_it_went_out_was_sent(both: Connection) -> None:
    ours = claimed(both, queued(both))
    deliveries.cancel(both, [ours.id], now=NOW, reason="stop", who="ann")
    deliveries.sent(both, ours, NOW)
    assert state(both, ours) is SENT


def test_a_failed_or_cancelled_one_can_be_tried_again_at_once(both: Connection) -> None:
    lost, stopped = failed(both, queued(both)), queued(both, section="north")
    deliveries.cancel(both, [stopped.id], now=NOW, reason="test copy", who=None)
    now = NOW + timedelta(days=5)
    assert deliveries.retry(both, [lost.id, stopped.id], now=now, who="ann") == [lost.id, stopped.id]
    assert [(one.state, one.next_attempt, one.reason) for one in deliveries.due(both, now)] == [(DUE, now, None)] * 2


def test_neither_a_sent_nor_a_superseded_nor_a_running_one_is_tried_again(both: Connection) -> None:
    old = queued(both)
    new = delivered(both, queued(both))
    deliveries.supersede(both, ["global"], NOW)
    running = claimed(both, queued(both))
    assert [state(both, one) for one in (old, new, running)] == [SUPERSEDED, SENT, SENDING]
    assert deliveries.retry(both, [old.id, new.id, running.id], now=NOW, who="ann") == []


def test_a_repeat_keeps_its_reason_when_it_is_tried_again(both: Connection) -> None:
    copy = queued(both, repeat=True)
    assert (copy.is_repeat, copy.reason) == (True, "the agency lost it")
    deliveries.retry(both, [copy.id], now=NOW, who=None)
    assert again(both, copy).reason == "the agency lost it"


def test_deliveries_are_listed_and_counted_by_state(both: Connection) -> None:
    assert deliveries.counts(both) == dict.fromkeys(DeliveryState, 0)
    done, waiting = delivered(both, queued(both)), queued(both)
    assert deliveries.counts(both) == dict.fromkeys(DeliveryState, 0) | {SENT: 1, DUE: 1}
    assert deliveries.by_state(both, DUE, FAILED) == [waiting]
    assert deliveries.by_state(both, SENT) == [done]
    assert deliveries.get(both, [waiting.id, done.id, 999]) == [done, waiting]


def test_one_recipients_failure_does_not_touch_anothers(both: Connection) -> None:
    stored = a_report(both)
    deliveries.enqueue(both, report=stored.id, to=[AGENCY, SERVER], now=NOW)
    mail, upload = deliveries.of_report(both, stored.id)
    deliveries.attempt_failed(both, claimed(both, mail), NOW, reason="550")
    assert again(both, upload) == upload


def test_a_delivery_keeps_whether_it_tells_the_agency(both: Connection) -> None:
    report = a_report(both)
    deliveries.enqueue(both, report=report.id, to=[AGENCY, replace(AGENCY, recipient="x", tells=False)], now=NOW)
    assert [each.address.tells for each in deliveries.of_report(both, report.id)] == [True, False]


def test_a_claim_from_the_future_is_due_again_beyond_what_clocks_may_differ(both: Connection) -> None:
    twenty_minutes = 20 * A_MINUTE
    ours = claimed(both, queued(both), NOW + twenty_minutes)
    assert deliveries.fall_back(both, NOW) == []
    (fallen,) = deliveries.fall_back(both, NOW - A_MOMENT)
    assert (fallen.id, fallen.state, fallen.next_attempt) == (ours.id, DUE, NOW - A_MOMENT)
    assert outcomes(both, ours) == [AttemptOutcome.LOST]


def test_a_next_attempt_farther_ahead_than_any_pause_is_due_now(both: Connection) -> None:
    waiting = queued(both, now=NOW + timedelta(hours=6, minutes=20))
    assert deliveries.due(both, NOW) == []
    assert deliveries.claim(both, waiting, NOW) is None
    assert deliveries.due(both, NOW - A_MOMENT) == [waiting]
    assert deliveries.claim(both, waiting, NOW - A_MOMENT)
