"""The order in which balances leave: an older one never after a newer one to the same recipient.

The order is that of the reports' ids: reports are stored under our lock, so a greater id holds newer balances.
A section that was renamed, or that goes on with the cases of another, continues their stream: `names` are all their
names. A repeat waits for nothing and nothing waits for it; but once it was sent, nothing older is sent.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, FromClause, and_, or_, select

from gentle_nudge.domain.outbox import TELLS_AGENCY, UNDELIVERED, Delivery, DeliveryState
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.store.deliveries.waiting import deliveries
from gentle_nudge.store.tables import delivery, report, run

BALANCES = (ReportKind.UPDATE, ReportKind.SYNC)

WAITING = (DeliveryState.DUE, DeliveryState.FAILED)


def waits_for(conn: Connection, later: Delivery, names: Collection[str] = ()) -> list[Delivery]:
    """The older undelivered deliveries of the same stream, oldest first."""
    if not later.keeps_order:
        return []
    older = (delivery.c.report_id < later.report, ~delivery.c.is_repeat)
    return deliveries(conn, *_to_the_same(later, names), *older, delivery.c.state.in_(UNDELIVERED))


def overtaken_by(conn: Connection, earlier: Delivery, names: Collection[str] = ()) -> list[Delivery]:
    """The newer updates and syncs of the section to the same recipient that were sent or will be, oldest first.

    A submission may be overtaken too: the updates after it do not wait for it.
    """
    newer = delivery.c.report_id > earlier.report
    return deliveries(conn, *_to_the_same(earlier, names), newer, _overtakes(delivery))


def since(conn: Connection, submission: int, sections: Collection[str]) -> list[Delivery]:
    """Every delivery that tells the agency of a submission's patrons: its own, and those of newer updates and syncs.

    Only deliveries of these sections, in the order of queueing, without copies in the archive.
    """
    balances = and_(run.c.section.in_(sections), run.c.report.in_(BALANCES), delivery.c.report_id > submission)
    concerned = or_(delivery.c.report_id == submission, balances)
    return deliveries(conn, concerned, delivery.c.channel.in_(TELLS_AGENCY))


def is_its_turn(conn: Connection, wanted: Delivery, *, strictly: bool, names: Collection[str] = ()) -> bool:
    """True if this delivery may leave now: none to the same recipient is in flight and no newer one was sent.

    With `strictly`, no older one may wait either, and a newer repeat that was sent is no obstacle: its original is
    still to come.
    """
    if not wanted.keeps_order:
        return True
    newer = and_(delivery.c.report_id > wanted.report, delivery.c.state == DeliveryState.SENT)
    overtaken = and_(newer, ~delivery.c.is_repeat) if strictly else newer
    in_the_way = or_(delivery.c.state == DeliveryState.SENDING, overtaken)
    if deliveries(conn, *_to_the_same(wanted, names), in_the_way):
        return False
    return not (strictly and waits_for(conn, wanted, names))


def overtaken(conn: Connection, sections: Collection[str]) -> list[int]:
    """Every waiting delivery but the newest in the streams of a section with these names."""
    older, newer = delivery.alias("older"), delivery.alias("newer")
    older_report, older_run = report.alias("older_report"), run.alias("older_run")
    newer_report, newer_run = report.alias("newer_report"), run.alias("newer_run")
    query = (
        select(older.c.id)
        .distinct()
        .join(older_report, older_report.c.id == older.c.report_id)
        .join(older_run, older_run.c.id == older_report.c.run_id)
        .join(newer, and_(newer.c.channel == older.c.channel, newer.c.recipient == older.c.recipient))
        .join(newer_report, newer_report.c.id == newer.c.report_id)
        .join(newer_run, newer_run.c.id == newer_report.c.run_id)
        .where(older.c.state.in_(WAITING), older_run.c.section.in_(sections))
        .where(_overtakes(newer), newer_run.c.section.in_(sections))
        .where(newer.c.report_id > older.c.report_id, older.c.channel.in_(TELLS_AGENCY))
        .where(older_run.c.report.in_(BALANCES), newer_run.c.report.in_(BALANCES))
        .where(~older.c.is_repeat)
    )
    return list(conn.scalars(query))


def _to_the_same(other: Delivery, names: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return (
        run.c.section.in_({other.section, *names}),
        run.c.report.in_(BALANCES),
        delivery.c.channel == other.address.channel,
        delivery.c.recipient == other.address.recipient,
    )


def _overtakes(newer: FromClause) -> ColumnElement[bool]:
    """True if the newer delivery was sent or will be. Nothing waits for a repeat: it counts only once it was sent."""
    will_be = and_(~newer.c.is_repeat, newer.c.state.in_(UNDELIVERED))
    return or_(newer.c.state == DeliveryState.SENT, will_be)
