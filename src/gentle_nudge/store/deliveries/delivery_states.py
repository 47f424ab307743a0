"""How a delivery changes its state, each time by one conditional UPDATE."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, insert, or_, select, update

from gentle_nudge.domain.outbox import (
    CLOCKS_APART,
    FALLS_BACK_AFTER,
    TELLS_NOBODY,
    UNDELIVERED,
    WAITING,
    Address,
    AttemptOutcome,
    Delivery,
    DeliveryState,
    is_given_up,
    next_attempt,
)
from gentle_nudge.sqltypes import among
from gentle_nudge.store.deliveries.delivery_order import is_its_turn, overtaken
from gentle_nudge.store.deliveries.waiting import get, is_ripe
from gentle_nudge.store.meta import hold
from gentle_nudge.store.tables import attempt, delivery, fitted

MAY_BE_TRIED_AGAIN = (DeliveryState.DUE, DeliveryState.FAILED, DeliveryState.CANCELLED)


def enqueue(
    conn: Connection,
    *,
    report: int,
    to: Iterable[Address],
    now: datetime,
    strict: bool = False,
    repeat_reason: str | None = None,
    who: str | None = None,
) -> None:
    """The report is due now to each of these addresses; with a reason it is a repeat, which belongs to no stream.

    `strict`: it leaves after every older one of its stream.
    """
    new = {
        "report_id": report,
        "state": DeliveryState.DUE,
        "attempts": 0,
        "next_attempt": now,
        "since": now,
        "queued": now,
        "reason": fitted(repeat_reason, delivery.c.reason),
        "who": fitted(who, delivery.c.who),
        "is_repeat": repeat_reason is not None,
        "strict": strict,
    }
    rows = [
        new | {name: getattr(address, name) for name in ("channel", "recipient", "tells", "named")} for address in to
    ]
    if rows:
        conn.execute(insert(delivery), rows)


def claim(conn: Connection, wanted: Delivery, now: datetime, *, names: Collection[str] = ()) -> Delivery | None:
    """The delivery as claimed (`sending`, one attempt more); None if it must not be sent now.

    It must wait if its row has changed since it was read, if another of its stream is being sent, if a newer one was
    sent, or if an older one must go first. The row of meta is locked first: two claims in one
    stream come one after the other. `names` are those of the section, now and before.
    """
    hold(conn)
    if not is_its_turn(conn, wanted, names):
        return None
    as_read = (delivery.c.id == wanted.id, delivery.c.attempts == wanted.attempts)
    claimed: dict[str, Any] = {"state": DeliveryState.SENDING, "attempts": wanted.attempts + 1, "since": now}
    may_be_sent = (*as_read, or_(is_ripe(now), delivery.c.state == DeliveryState.FAILED))
    changed = conn.execute(update(delivery).where(*may_be_sent).values(claimed))
    return replace(wanted, **claimed) if changed.rowcount == 1 else None


def sent(conn: Connection, claimed: Delivery, now: datetime, *, went_to: str | None = None) -> None:
    """The delivery is sent, even if its state has changed since the claim; the attempt is noted.

    `went_to` is where it really went; None if that is not known.
    """
    arrived = {"state": DeliveryState.SENT, "since": now, "went_to": fitted(went_to, delivery.c.went_to)}
    not_yet = (delivery.c.id == claimed.id, delivery.c.state != DeliveryState.SENT)
    conn.execute(update(delivery).where(*not_yet).values(arrived))
    _note(conn, [claimed.id], now, outcome=AttemptOutcome.SENT)


def attempt_failed(
    conn: Connection, claimed: Delivery, now: datetime, *, reason: str, lost: bool = False
) -> DeliveryState | None:
    """The claimed delivery is due again later, or failed once three days have passed; the attempt is noted.

    With `lost`, nobody knows whether it arrived. Returns the new state; None if the claim no longer holds, because
    the delivery fell back, was cancelled, or was sent by another.
    """
    state = DeliveryState.FAILED if is_given_up(claimed.queued, now) else DeliveryState.DUE
    then = now + next_attempt(claimed.attempts)
    is_sending = (delivery.c.id == claimed.id, delivery.c.state == DeliveryState.SENDING)
    still_ours = (*is_sending, delivery.c.attempts == claimed.attempts)
    changed = conn.execute(update(delivery).where(*still_ours).values(state=state, since=now, next_attempt=then))
    outcome = AttemptOutcome.LOST if lost else AttemptOutcome.FAILED
    _note(conn, [claimed.id], now, outcome=outcome, reason=reason)
    return state if changed.rowcount == 1 else None


def fall_back(conn: Connection, now: datetime) -> list[Delivery]:
    """Deliveries claimed half an hour ago or earlier are due again, each with an attempt `lost`. Returns them.

    So are those claimed at an instant that no right clock can have shown yet.
    """
    long_ago, ahead = delivery.c.since <= now - FALLS_BACK_AFTER, delivery.c.since > now + CLOCKS_APART
    stalled = (delivery.c.state == DeliveryState.SENDING, or_(long_ago, ahead))
    ids = _change(conn, stalled, {"state": DeliveryState.DUE, "since": now, "next_attempt": now})
    _note(conn, ids, now, outcome=AttemptOutcome.LOST)
    return get(conn, ids)


def cancel(conn: Connection, ids: Collection[int], *, now: datetime, reason: str, who: str | None) -> list[int]:
    """The deliveries that are due, failed or being sent are cancelled, for this reason. Returns their ids.

    A delivery that was cancelled because it was made on a copy gets the reason too.
    """
    why = {"reason": fitted(reason, delivery.c.reason), "who": fitted(who, delivery.c.who)}
    on_a_copy = and_(delivery.c.state == DeliveryState.CANCELLED, delivery.c.reason.in_(TELLS_NOBODY.values()))
    may_end = (delivery.c.id.in_(ids), or_(delivery.c.state.in_(UNDELIVERED), on_a_copy))
    return _change(conn, may_end, {"state": DeliveryState.CANCELLED, "since": now, **why})


def supersede(conn: Connection, sections: Collection[str], now: datetime) -> list[Delivery]:
    """The waiting deliveries of a section with these names that a newer one makes useless are superseded. Returns them.

    After queueing and before sending. A delivery in flight is left alone: if it fails, it counts as overtaken.
    """
    return get(conn, set_aside(conn, overtaken(conn, sections), now))


def set_aside(conn: Connection, ids: Collection[int], now: datetime) -> list[int]:
    """The deliveries that wait are superseded by the update that comes next. Returns their ids."""
    waiting = (delivery.c.id.in_(ids), delivery.c.state.in_(WAITING))
    return _change(conn, waiting, {"state": DeliveryState.SUPERSEDED, "since": now})


def retry(conn: Connection, ids: Collection[int], *, now: datetime, who: str | None) -> list[int]:
    """The deliveries that are due, failed or cancelled are due now, and no others. Returns their ids."""
    values = {
        "state": DeliveryState.DUE,
        "since": now,
        "next_attempt": now,
        "reason": case((delivery.c.is_repeat, delivery.c.reason), else_=None),
        "who": fitted(who, delivery.c.who),
    }
    return _change(conn, (delivery.c.id.in_(ids), delivery.c.state.in_(MAY_BE_TRIED_AGAIN)), values)


def _change(conn: Connection, which: tuple[ColumnElement[bool], ...], values: dict[str, Any]) -> list[int]:
    ids = list(conn.scalars(select(delivery.c.id).where(*which).order_by(delivery.c.id).with_for_update()))
    if ids:
        conn.execute(update(delivery).where(among(delivery.c.id, ids)).values(values))
    return ids


def _note(
    conn: Connection, ids: Collection[int], now: datetime, *, outcome: AttemptOutcome, reason: str | None = None
) -> None:
    values = {"at": now, "outcome": outcome, "reason": fitted(reason, attempt.c.reason)}
    rows = [values | {"delivery_id": number} for number in ids]
    if rows:
        conn.execute(insert(attempt), rows)
