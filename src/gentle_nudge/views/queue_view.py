"""How the queue of deliveries looks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gentle_nudge.domain.outbox import Attempt, Delivery, DeliveryState
from gentle_nudge.jobs.sending.manage import DeliveryAttempts, Outbox
from gentle_nudge.views.terminal import table

HEADERS = ("id", "state", "since", "report", "to", "tries", "next try")


def outbox_lines(found: Outbox, zone: ZoneInfo) -> Iterator[str]:
    """The counts, then a line for each delivery asked for, and under it why it is as it is."""
    yield ", ".join(f"{count} {state}" for state, count in found.counts.items() if count) or "Nothing was queued yet."
    lines = list(table(HEADERS, (_row(one, zone) for one in found.deliveries), money=0))
    yield from lines[:1]
    for one, line in zip(found.deliveries, lines[1:], strict=True):
        yield line
        yield from (f"      {words}" for words in reasons(one, zone))


def _row(one: DeliveryAttempts, zone: ZoneInfo) -> tuple[str, ...]:
    delivery = one.delivery
    then = clock(delivery.next_attempt, zone) if delivery.state is DeliveryState.DUE else ""
    to = f"{delivery.address.recipient} ({delivery.address.channel})"
    since = clock(delivery.since, zone)
    return (str(delivery.id), delivery.state, since, delivery.file_name, to, str(delivery.attempts), then)


def reasons(one: DeliveryAttempts, zone: ZoneInfo) -> Iterator[str]:
    """Why a person or the program decided something about it, and what came of its last try."""
    decided = decision(one.delivery)
    if decided:
        yield decided
    if one.attempts and one.attempts[-1].reason:
        yield attempt_line(one.attempts[-1], zone)


def decision(delivery: Delivery) -> str:
    """What somebody decided about it, and why; empty if nobody did."""
    if not delivery.reason:
        return f"tried again by {delivery.who}" if delivery.who else ""
    what = "repeat" if delivery.is_repeat else "cancelled"
    return f"{what}{f' by {delivery.who}' if delivery.who else ''}: {delivery.reason}"


def attempt_line(attempt: Attempt, zone: ZoneInfo) -> str:
    """One try in a line."""
    return f"{clock(attempt.at, zone)} {attempt.outcome}{f': {attempt.reason}' if attempt.reason else ''}"


def clock(instant: datetime, zone: ZoneInfo) -> str:
    """The wall clock of the library, to the minute."""
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"


def outbox_json(found: Outbox) -> dict[str, Any]:
    """The queue as plain values."""
    return {
        "counts": {state.value: count for state, count in found.counts.items()},
        "deliveries": [delivery_json(one) for one in found.deliveries],
    }


def delivery_json(one: DeliveryAttempts) -> dict[str, Any]:
    """A delivery as plain values, with its tries."""
    delivery = one.delivery
    return {
        "id": delivery.id,
        "state": delivery.state.value,
        "since": delivery.since,
        "section": delivery.section,
        "report": delivery.kind.value,
        "day": delivery.day,
        "file": delivery.file_name,
        "channel": delivery.address.channel.value,
        "recipient": delivery.address.recipient,
        "queued": delivery.queued,
        "attempts": delivery.attempts,
        "next_attempt": delivery.next_attempt if delivery.state is DeliveryState.DUE else None,
        "reason": delivery.reason,
        "who": delivery.who,
        "repeat": delivery.is_repeat,
        "tries": [{"at": a.at, "outcome": a.outcome.value, "reason": a.reason} for a in one.attempts],
    }
