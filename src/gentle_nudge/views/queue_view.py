"""The queue of deliveries: what waits, what was tried, what somebody decided about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from gentle_nudge.domain.outbox import Attempt, Delivery, DeliveryAttempts, DeliveryState
from gentle_nudge.views.plain import Column, Note, View, clock, column, table

TRIES: tuple[Column[Attempt], ...] = (
    column(None, lambda attempt: attempt.at, key="at"),
    column(None, lambda attempt: attempt.outcome, key="outcome"),
    column(None, lambda attempt: attempt.reason, key="reason"),
)


COUNTS: tuple[Column[tuple[DeliveryState, int]], ...] = (
    column(None, lambda counted: counted[0], key="state"),
    column(None, lambda counted: counted[1], key="count"),
)


def queue_view(counts: Mapping[DeliveryState, int], deliveries: Sequence[DeliveryAttempts], zone: ZoneInfo) -> View:
    """How many deliveries are in each state, and those asked for with their tries."""
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "Nothing was queued yet."
    return View(
        parts=[
            Note(text=said),
            table(COUNTS, counts.items(), "counts", is_mapping=True),
            table(_columns(zone), deliveries, "deliveries", level=1),
        ]
    )


def _columns(zone: ZoneInfo) -> tuple[Column[DeliveryAttempts], ...]:
    return (
        column("id", lambda tried: tried.delivery.id, "number"),
        column("state", lambda tried: tried.delivery.state),
        column(None, lambda tried: tried.delivery.since, key="since"),
        column("since", lambda tried: clock(tried.delivery.since, zone), "day", key=None),
        column(None, lambda tried: tried.delivery.section, key="section"),
        column(None, lambda tried: tried.delivery.kind, key="report"),
        column(None, lambda tried: tried.delivery.day, key="day"),
        column("report", lambda tried: tried.delivery.file_name, key="file"),
        column("to", lambda tried: recipient(tried.delivery), key=None),
        column(None, lambda tried: tried.delivery.address.channel, key="channel"),
        column(None, lambda tried: tried.delivery.address.recipient, key="recipient"),
        column(None, lambda tried: tried.delivery.queued, key="queued"),
        column("tries", lambda tried: tried.delivery.attempts, "number", key="attempts"),
        column(None, _next_attempt, key="next_attempt"),
        column("next try", lambda tried: clock(_next_attempt(tried), zone), key=None),
        column(None, lambda tried: tried.delivery.reason, key="reason"),
        column(None, lambda tried: tried.delivery.who, key="who"),
        column(None, lambda tried: tried.delivery.is_repeat, key="repeat"),
        column("why", lambda tried: _why(tried, zone), key=None),
        column(None, lambda tried: table(TRIES, tried.attempts), key="tries"),
    )


def _next_attempt(tried: DeliveryAttempts) -> datetime | None:
    return tried.delivery.next_attempt if tried.delivery.state is DeliveryState.DUE else None


def _why(tried: DeliveryAttempts, zone: ZoneInfo) -> tuple[str, ...]:
    """What somebody decided about it, and what came of its last try."""
    decided = decision(tried.delivery)
    last = tried.attempts[-1] if tried.attempts and tried.attempts[-1].reason else None
    return (*([decided] if decided else ()), *([attempt_line(last, zone)] if last else ()))


def recipient(delivery: Delivery) -> str:
    """To whom it goes, and how."""
    return f"{delivery.address.recipient} ({delivery.address.channel})"


def decision(delivery: Delivery) -> str:
    """What somebody decided about it, and why; empty if nobody did."""
    if not delivery.reason:
        return f"tried again by {delivery.who}" if delivery.who else ""
    what = "repeat" if delivery.is_repeat else "cancelled"
    return f"{what}{f' by {delivery.who}' if delivery.who else ''}: {delivery.reason}"


def attempt_line(attempt: Attempt, zone: ZoneInfo) -> str:
    """One try in a line."""
    return f"{clock(attempt.at, zone)} {attempt.outcome}{f': {attempt.reason}' if attempt.reason else ''}"
