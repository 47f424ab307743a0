"""The deliveries that were sent, and how long recipients have been waiting for the others."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from itertools import takewhile

from sqlalchemy import ColumnElement, Connection, select

from gentle_nudge.domain.outbox import TELLS_AGENCY, UNDELIVERED, Channel, Delivery, DeliveryState, LateDelivery
from gentle_nudge.domain.report_row import TO_AGENCY
from gentle_nudge.domain.restore_journal import SentDelivery
from gentle_nudge.sqltypes import among
from gentle_nudge.store.deliveries.delivery_order import to_the_same
from gentle_nudge.store.deliveries.waiting import by_state, deliveries
from gentle_nudge.store.tables import delivery, report, run


def sent_since(conn: Connection, instant: datetime) -> tuple[SentDelivery, ...]:
    """Everything that was sent from that instant on, in the order of queueing, without copies in the archive."""
    return _sent(conn, delivery.c.since >= instant)


def sent_among(conn: Connection, ids: Collection[int]) -> tuple[SentDelivery, ...]:
    """Those of these deliveries that were sent, in the order of queueing, without copies in the archive."""
    return _sent(conn, among(delivery.c.id, ids))


def _sent(conn: Connection, condition: ColumnElement[bool]) -> tuple[SentDelivery, ...]:
    query = (
        select(delivery.c.id.label("delivery"), delivery.c.channel, delivery.c.recipient)
        .add_columns(report.c.file_name, report.c.sha256, delivery.c.since.label("at"))
        .join(report, report.c.id == delivery.c.report_id)
        .where(delivery.c.state == DeliveryState.SENT, condition)
        .join(run, run.c.id == report.c.run_id)
        .where(delivery.c.channel.in_(TELLS_AGENCY), run.c.report.in_(TO_AGENCY))
        .order_by(delivery.c.id)
    )
    rows = conn.execute(query).mappings()
    return tuple(SentDelivery(**{**row, "channel": Channel(row["channel"])}) for row in rows)


def late_deliveries(conn: Connection) -> list[LateDelivery]:
    """Every report to the agency that is undelivered, in the order of queueing."""
    late_ones = (late for late in by_state(conn, *UNDELIVERED) if not late.kind.is_page)
    return [LateDelivery(delivery=late, since=_since(conn, late)) for late in late_ones]


def _since(conn: Connection, late: Delivery) -> datetime:
    """When the oldest of the updates was queued that the recipient has missed since the last one that was sent."""
    if not late.keeps_order:
        return late.queued
    earlier = deliveries(conn, *to_the_same(late), ~delivery.c.is_repeat, delivery.c.report_id < late.report)
    missed = takewhile(lambda each: each.state is not DeliveryState.SENT, reversed(earlier))
    return min([each.queued for each in missed if each.state is not DeliveryState.CANCELLED], default=late.queued)
