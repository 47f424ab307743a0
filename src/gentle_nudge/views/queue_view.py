"""The queue of deliveries: what waits, what was tried, what somebody decided about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from gentle_nudge.domain.outbox import Attempt, Delivery, DeliveryAttempts, DeliveryState
from gentle_nudge.views.plain import Column, View, clock, column, figures, notes, table, unseen

TRIES = unseen(at="at", outcome="outcome", reason="reason")


def queue_view(counts: Mapping[DeliveryState, int], deliveries: Sequence[DeliveryAttempts], zone: ZoneInfo) -> View:
    """How many deliveries are in each state, and those asked for with their tries."""
    numbers = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "Nothing was queued yet."
    queue = table(_columns(zone), deliveries, "deliveries", level=1)
    return View(parts=[*notes(numbers), *figures(counts=counts), queue])


def _columns(zone: ZoneInfo) -> tuple[Column[DeliveryAttempts], ...]:
    return (
        column("id", lambda tried: tried.delivery.id, "number"),
        column("state", lambda tried: tried.delivery.state),
        column("since", lambda tried: clock(tried.delivery.since, zone), "day", key=None),
        *unseen(since="delivery.since", section="delivery.section", report="delivery.kind", day="delivery.day"),
        column("report", lambda tried: tried.delivery.file_name, key="file"),
        column("to", lambda tried: recipient(tried.delivery), key=None),
        *unseen(channel="delivery.address.channel", recipient="delivery.address.recipient", queued="delivery.queued"),
        column("tries", lambda tried: tried.delivery.attempts, "number", key="attempts"),
        column(None, _next_attempt, key="next_attempt"),
        column("next try", lambda tried: clock(_next_attempt(tried), zone), "day", key=None),
        *unseen(reason="delivery.reason", who="delivery.who", repeat="delivery.is_repeat"),
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
