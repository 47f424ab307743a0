"""The deliveries in the queue."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from gentle_nudge.domain.outbox import (
    CLOCKS_APART,
    LONGEST_PAUSE,
    Address,
    Attempt,
    AttemptOutcome,
    Channel,
    Delivery,
    DeliveryState,
)
from gentle_nudge.domain.report_row import TO_AGENCY, ReportKind
from gentle_nudge.sqltypes import among
from gentle_nudge.store.tables import attempt, delivery, report, run


def due(conn: Connection, now: datetime, *, failed_too: bool = False) -> list[Delivery]:
    """The deliveries to try now, in the order of queueing; with `failed_too` (once a night) also those given up."""
    ripe = is_ripe(now)
    return deliveries(conn, or_(ripe, delivery.c.state == DeliveryState.FAILED) if failed_too else ripe)


def is_ripe(now: datetime) -> ColumnElement[bool]:
    """True if it is due and its time has come, or lies farther ahead than any pause: then a clock was wrong."""
    never = now + LONGEST_PAUSE + CLOCKS_APART
    time_has_come = or_(delivery.c.next_attempt <= now, delivery.c.next_attempt > never)
    return and_(delivery.c.state == DeliveryState.DUE, time_has_come)


def by_state(conn: Connection, *states: DeliveryState) -> list[Delivery]:
    """The deliveries in these states, in the order of queueing."""
    return deliveries(conn, delivery.c.state.in_(states))


def of_report(conn: Connection, stored: int) -> list[Delivery]:
    """The deliveries of a stored report, in the order of queueing."""
    return deliveries(conn, delivery.c.report_id == stored)


def had_report(conn: Connection, recipient: str, sections: Collection[str]) -> bool:
    """Whether a report of one of these sections, no page, was ever sent to this recipient in any letter case."""
    to_recipient = (func.lower(delivery.c.recipient) == recipient.lower(), run.c.report.in_(TO_AGENCY))
    return bool(deliveries(conn, *to_recipient, delivery.c.state == DeliveryState.SENT, run.c.section.in_(sections)))


def cancelled_submissions(conn: Connection) -> list[int]:
    """The stored submissions with a delivery to the agency that was cancelled, oldest first."""
    to_the_agency = (delivery.c.state == DeliveryState.CANCELLED, delivery.c.tells, ~delivery.c.is_repeat)
    ids = {each.report for each in deliveries(conn, *to_the_agency, run.c.report == ReportKind.SUBMISSION)}
    return sorted(ids)


def get(conn: Connection, ids: Collection[int]) -> list[Delivery]:
    """The deliveries with these ids, in the order of queueing; those that do not exist are left out."""
    return deliveries(conn, among(delivery.c.id, ids))


def counts(conn: Connection) -> dict[DeliveryState, int]:
    """The number of deliveries in each state; zero for a state without one."""
    rows = conn.execute(select(delivery.c.state, func.count()).group_by(delivery.c.state))
    return dict.fromkeys(DeliveryState, 0) | {DeliveryState(state): number for state, number in rows}


def attempts_of(conn: Connection, delivery_id: int) -> list[Attempt]:
    """The tries of a delivery, oldest first."""
    query = select(attempt).where(attempt.c.delivery_id == delivery_id).order_by(attempt.c.id)
    return [
        Attempt(delivery=row.delivery_id, at=row.at, outcome=AttemptOutcome(row.outcome), reason=row.reason)
        for row in conn.execute(query)
    ]


def unsure(conn: Connection, ids: Collection[int]) -> frozenset[int]:
    """The deliveries among these with an attempt of which nobody knows whether it arrived."""
    lost = select(attempt.c.delivery_id).where(attempt.c.outcome == AttemptOutcome.LOST)
    return frozenset(conn.scalars(lost.where(among(attempt.c.delivery_id, ids))))


def deliveries(conn: Connection, *conditions: ColumnElement[bool]) -> list[Delivery]:
    """The deliveries (joined with report and run) that meet the conditions, in the order of queueing."""
    own = (column for column in delivery.c if column is not delivery.c.report_id)
    joined = (delivery.c.report_id.label("report"), run.c.section, run.c.report.label("kind"), run.c.day)
    query = (
        select(*own, *joined, report.c.file_name)
        .join(report, report.c.id == delivery.c.report_id)
        .join(run, run.c.id == report.c.run_id)
        .where(*conditions)
        .order_by(delivery.c.id)
    )
    return [_delivery(**row) for row in conn.execute(query).mappings()]


def _delivery(
    *, kind: str, channel: str, recipient: str, tells: bool, named: bool, state: str, **same: Any
) -> Delivery:
    address = Address(channel=Channel(channel), recipient=recipient, tells=tells, named=named)
    return Delivery(kind=ReportKind(kind), address=address, state=DeliveryState(state), **same)
