"""The queue of deliveries, with their tries and the decisions about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from gentle_nudge.domain.outbox import Attempt, Delivery, DeliveryAttempts, DeliveryState
from gentle_nudge.views.plain import Column, View, clock, column, figures, notes, table, unseen

TRIES = unseen(at="at", outcome="outcome", reason="reason")


def queue_view(
    counts: Mapping[DeliveryState, int], deliveries: Sequence[DeliveryAttempts], held: Mapping[int, str], zone: ZoneInfo
) -> View:
    """How many deliveries are in each state, and these deliveries with their tries; `held`: why, by delivery."""
    numbers = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "Nothing was queued yet."
    queue = table(_columns(held, zone), deliveries, "deliveries", level=1)
    count = notes(f"{len(deliveries)} deliveries") if len(deliveries) > 1 else []
    return View(parts=[*notes(numbers), *figures(counts=counts), queue, *count])


def _columns(held: Mapping[int, str], zone: ZoneInfo) -> tuple[Column[DeliveryAttempts], ...]:
    return (
        column("id", lambda row: row.delivery.id, "number"),
        column("state", lambda row: row.delivery.state, "word"),
        column("since", lambda row: clock(row.delivery.since, zone), "time", key=None),
        *unseen(since="delivery.since", section="delivery.section", report="delivery.kind", day="delivery.day"),
        column("report", lambda row: row.delivery.file_name, key="file"),
        column("to", lambda row: recipient(row.delivery), key=None),
        *unseen(channel="delivery.address.channel", recipient="delivery.address.recipient", queued="delivery.queued"),
        *unseen(went_to="delivery.went_to", named="delivery.address.named"),
        column(None, lambda row: row.delivery.id in held, key="held"),
        column("tries", lambda row: row.delivery.attempts, "number", key="attempts"),
        column(None, _next_attempt, key="next_attempt"),
        column("next try", lambda row: clock(_next_attempt(row), zone), "time", key=None),
        *unseen(reason="delivery.reason", who="delivery.who", repeat="delivery.is_repeat"),
        column("why", lambda row: _why(row, held, zone), key=None),
        column(None, lambda row: table(TRIES, row.attempts), "nested", key="tries"),
    )


def _next_attempt(row: DeliveryAttempts) -> datetime | None:
    return row.delivery.next_attempt if row.delivery.state is DeliveryState.DUE else None


def _why(row: DeliveryAttempts, held: Mapping[int, str], zone: ZoneInfo) -> tuple[str, ...]:
    """Why the delivery is held, the decision about it, where it went, and the outcome of its last try."""
    delivery = row.delivery
    kept_back = f"held: {held[delivery.id]}" if delivery.id in held else ""
    last = [attempt_line(attempt, zone) for attempt in row.attempts[-1:] if attempt.reason]
    return tuple(filter(None, (kept_back, decision(delivery), place(delivery), *last)))


def recipient(delivery: Delivery) -> str:
    """The recipient and the channel."""
    return f"{delivery.address.recipient} ({delivery.address.channel})"


def place(delivery: Delivery) -> str:
    """Where the delivery really went, if that is not its recipient: the settings had been changed."""
    elsewhere = delivery.went_to not in {None, delivery.address.recipient}
    return f"went to {delivery.went_to}" if elsewhere else ""


def decision(delivery: Delivery) -> str:
    """A person's decision about the delivery, with its reason; empty without one."""
    by = f" by {delivery.who}" if delivery.who else ""
    if not delivery.reason:
        return f"tried again{by}" if by else ""
    return f"{'repeat' if delivery.is_repeat else 'cancelled'}{by}: {delivery.reason}"


def attempt_line(attempt: Attempt, zone: ZoneInfo) -> str:
    """One try in a line."""
    return f"{clock(attempt.at, zone)} {attempt.outcome}{f': {attempt.reason}' if attempt.reason else ''}"
