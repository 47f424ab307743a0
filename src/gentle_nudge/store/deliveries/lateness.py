"""What the queue has to tell those who look after it: what was sent, and who has been waiting since when."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING

from sqlalchemy import select

from gentle_nudge.domain.outbox import UNDELIVERED, Channel, Delivery, DeliveryState, LateDelivery
from gentle_nudge.domain.restore_journal import SentDelivery
from gentle_nudge.store.deliveries.delivery_order import BALANCES
from gentle_nudge.store.deliveries.waiting import by_state, deliveries
from gentle_nudge.store.tables import delivery, report, run

if TYPE_CHECKING:
    from sqlalchemy import Connection


def sent_since(conn: Connection, instant: datetime) -> tuple[SentDelivery, ...]:
    """Everything sent from that instant on, in the order of queueing; copies in the archive are left out."""
    columns = (delivery.c.id, delivery.c.channel, delivery.c.recipient, report.c.file_name, report.c.sha256)
    chosen = (
        select(*columns, delivery.c.since)
        .join(report, report.c.id == delivery.c.report_id)
        .where(delivery.c.state == DeliveryState.SENT, delivery.c.since >= instant)
        .where(delivery.c.channel != Channel.FILE)
        .order_by(delivery.c.id)
    )
    return tuple(
        SentDelivery(
            delivery=number, channel=Channel(channel), recipient=recipient, file_name=name, sha256=sha256, at=at
        )
        for number, channel, recipient, name, sha256, at in conn.execute(chosen)
    )


def late_deliveries(conn: Connection) -> list[LateDelivery]:
    """All that is undelivered, in the order of queueing."""
    return [LateDelivery(delivery=one, since=_since(conn, one)) for one in by_state(conn, *UNDELIVERED)]


def _since(conn: Connection, one: Delivery) -> datetime:
    """Updates overtake each other: the wait began with the first that nobody got."""
    if not one.keeps_order:
        return one.queued
    same = (run.c.section == one.section, run.c.report.in_(BALANCES), ~delivery.c.is_repeat)
    there = (delivery.c.channel == one.address.channel, delivery.c.recipient == one.address.recipient)
    earlier = deliveries(conn, *same, *there, delivery.c.report_id < one.report)
    missed = takewhile(lambda each: each.state is not DeliveryState.SENT, reversed(earlier))
    return min([each.queued for each in missed if each.state is not DeliveryState.CANCELLED], default=one.queued)
