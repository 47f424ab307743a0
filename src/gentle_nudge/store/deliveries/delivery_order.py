"""The order in which balances leave: an older one never after a newer one to the same recipient.

The order is that of the reports' ids: reports are stored under our lock, so a greater id holds newer balances.
A stream is a section and a mail address, or a section and its uploads, wherever the settings point. A delivery that
is `strict` (its update lists changes only) waits for every older one of its stream. One that is not strict lists every
open case, and waits for strict older ones only: an update of everybody takes their place, a sync does not, because it
lists no closed cases.
A section that was renamed, or that goes on with the cases of another, continues their stream: `names` are all their
names. A repeat waits for nothing and nothing waits for it; but once it was sent, nothing older is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, Connection, and_, or_, select, true

from gentle_nudge.domain.outbox import BY_ADDRESS, TELLS_AGENCY, UNDELIVERED, WAITING, Channel, Delivery, DeliveryState
from gentle_nudge.domain.report_row import BALANCES, ReportKind
from gentle_nudge.store.deliveries.waiting import deliveries
from gentle_nudge.store.tables import delivery, report, run


def waits_for(conn: Connection, later: Delivery, names: Collection[str] = ()) -> list[Delivery]:
    """The older undelivered deliveries of the same stream that must arrive first, in the order of queueing."""
    if not later.keeps_order:
        return []
    older = (delivery.c.report_id < later.report, ~delivery.c.is_repeat, delivery.c.state.in_(UNDELIVERED))
    must_arrive = true() if later.strict else delivery.c.strict
    return deliveries(conn, *to_the_same(later, names), *older, must_arrive)


def overtaken_by(conn: Connection, earlier: Delivery, names: Collection[str] = ()) -> list[Delivery]:
    """The newer updates and syncs of the section to the same recipient that were sent or will be, oldest first.

    A submission may be overtaken too: the updates after it do not wait for it.
    """
    newer = delivery.c.report_id > earlier.report
    will_be = and_(~delivery.c.is_repeat, delivery.c.state.in_(UNDELIVERED))  # nothing waits for a repeat
    return deliveries(conn, *to_the_same(earlier, names), newer, or_(delivery.c.state == DeliveryState.SENT, will_be))


def since(conn: Connection, submission: int, sections: Collection[str]) -> list[Delivery]:
    """Every delivery that tells the agency of a submission's patrons: its own, and those of newer updates and syncs.

    Only deliveries of these sections, in the order of queueing, without copies in the archive.
    """
    balances = and_(run.c.section.in_(sections), run.c.report.in_(BALANCES), delivery.c.report_id > submission)
    concerned = or_(delivery.c.report_id == submission, balances)
    return deliveries(conn, concerned, delivery.c.channel.in_(TELLS_AGENCY))


def is_its_turn(conn: Connection, wanted: Delivery, names: Collection[str] = ()) -> bool:
    """True if this delivery may leave now: none of its stream is in flight, no newer one was sent, none must go first.

    For a strict one a newer repeat that was sent is no obstacle: its original is still to come.
    """
    if not wanted.keeps_order:
        return True
    newer = and_(delivery.c.report_id > wanted.report, delivery.c.state == DeliveryState.SENT)
    overtaken = and_(newer, ~delivery.c.is_repeat) if wanted.strict else newer
    in_the_way = or_(delivery.c.state == DeliveryState.SENDING, overtaken)
    return not (deliveries(conn, *to_the_same(wanted, names), in_the_way) or waits_for(conn, wanted, names))


def overtaken(conn: Connection, sections: Collection[str]) -> list[int]:
    """The waiting deliveries, in the streams of a section with these names, that need not or cannot leave any more."""
    return [number for channel in TELLS_AGENCY for number in _overtaken_by(conn, channel, sections)]


def _overtaken_by(conn: Connection, channel: Channel, sections: Collection[str]) -> Iterable[int]:
    older, newer = delivery.alias("older"), delivery.alias("newer")
    older_report, older_run = report.alias("older_report"), run.alias("older_run")
    newer_report, newer_run = report.alias("newer_report"), run.alias("newer_run")
    same = newer.c.recipient == older.c.recipient if channel in BY_ADDRESS else true()
    # Nothing waits for a repeat: it counts only once it was sent, and to a strict one not even then.
    passed = and_(newer.c.state == DeliveryState.SENT, or_(~newer.c.is_repeat, ~older.c.strict))
    lists_the_same = and_(~newer.c.strict, or_(~older.c.strict, newer_run.c.report == ReportKind.UPDATE))
    replaced = and_(newer.c.state.in_(UNDELIVERED), ~newer.c.is_repeat, lists_the_same)
    query = (
        select(older.c.id)
        .distinct()
        .join(older_report, older_report.c.id == older.c.report_id)
        .join(older_run, older_run.c.id == older_report.c.run_id)
        .join(newer, and_(newer.c.channel == channel, same, newer.c.report_id > older.c.report_id))
        .join(newer_report, newer_report.c.id == newer.c.report_id)
        .join(newer_run, newer_run.c.id == newer_report.c.run_id)
        .where(older.c.state.in_(WAITING), older.c.channel == channel, ~older.c.is_repeat)
        .where(older_run.c.section.in_(sections), older_run.c.report.in_(BALANCES))
        .where(newer_run.c.section.in_(sections), newer_run.c.report.in_(BALANCES))
        .where(or_(passed, replaced))
    )
    return conn.scalars(query)


def to_the_same(other: Delivery, names: Collection[str] = ()) -> tuple[ColumnElement[bool], ...]:
    """The updates and syncs of the section to the same address, or by the same channel if that has one place only."""
    address = other.address
    by_address = (delivery.c.recipient == address.recipient,) if address.channel in BY_ADDRESS else ()
    section = run.c.section.in_({other.section, *names})
    return (section, run.c.report.in_(BALANCES), delivery.c.channel == address.channel, *by_address)
