"""Days and instants of our tables that lie ahead: they were written while a clock was wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, func, or_, select, update

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import CLOCKS_APART, LONGEST_PAUSE, Delivery, DeliveryState
from gentle_nudge.domain.run import RecordedRun
from gentle_nudge.store import deliveries, runs
from gentle_nudge.store.deliveries.waiting import deliveries as select_deliveries
from gentle_nudge.store.tables import (
    alert,
    attempt,
    case,
    case_pause,
    delivery,
    hold,
    invoice,
    meta,
    night,
    notice,
    outcome_line,
    passport,
    passport_log,
    reminder,
    report,
    review_list,
    review_list_row,
    run,
    series,
    wish,
)

NONE = timedelta(0)
# How far ahead each may lie. The day of a run has a number beside it and is not among them, nor are days that Koha
# says, of charges and checkouts; an alert and the values of a night are deleted. The day of a list and the end of a
# hold are to come.
DAYS: tuple[Column[Any], ...] = (
    meta.c.outcomes_since,
    case.c.referred_on,
    case.c.closed_on,
    case.c.paused_on,
    case_pause.c.since,
    case_pause.c.until,
    report.c.pruned_on,
    review_list.c.made,
    notice.c.sent_on,
    outcome_line.c.seen_on,
    outcome_line.c.found_on,
    outcome_line.c.gone_on,
    series.c.opened_on,
    series.c.closed_on,
    series.c.lifted_on,
    reminder.c.day,
    passport.c.first_seen,
    passport.c.last_seen,
    passport.c.not_found_since,
)
INSTANTS: Mapping[Column[Any], timedelta] = {
    meta.c.initialised: NONE,
    meta.c.outcomes_copied: NONE,
    run.c.started: NONE,
    run.c.finished: NONE,
    case.c.closed_at: NONE,
    case.c.forgotten: NONE,
    delivery.c.queued: NONE,
    delivery.c.since: NONE,
    delivery.c.next_attempt: LONGEST_PAUSE,
    attempt.c.at: NONE,
    wish.c.at: NONE,
    wish.c.taken_at: NONE,
    hold.c.since: NONE,
    hold.c.ended: NONE,
    review_list.c.at: NONE,
    review_list_row.c.at: NONE,
    invoice.c.read_at: NONE,
    reminder.c.at: NONE,
    passport_log.c.at: NONE,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class DatesAhead:
    """Runs dated after today, deliveries claimed at an instant ahead, and the number of all other values ahead."""

    runs: tuple[RecordedRun, ...] = ()
    claims: tuple[Delivery, ...] = ()
    others: int = 0

    def __bool__(self) -> bool:
        """Whether anything is dated ahead."""
        return bool(self.runs or self.claims or self.others)


def dates_ahead(conn: Connection, moment: Moment) -> DatesAhead:
    """Everything dated ahead, runs and deliveries in the order they were made."""
    claimed = (delivery.c.state == DeliveryState.SENDING, delivery.c.since > moment.now + CLOCKS_APART)
    others = [select(func.count()).where(column > limit) for column, limit, _ in _values(moment)]
    others += [select(func.count()).select_from(table).where(ahead) for table, ahead in _rows(moment).items()]
    return DatesAhead(
        runs=tuple(runs.after(conn, moment.today)),
        claims=tuple(select_deliveries(conn, *claimed)),
        others=sum(conn.scalar(query) or 0 for query in others),
    )


def last_closed(conn: Connection) -> date | None:
    """The latest day on which a case was closed."""
    latest: date | None = conn.scalar(select(func.max(case.c.closed_on)))
    return latest


def bring_back(conn: Connection, moment: Moment) -> None:
    """Everything dated ahead is of today, or of now; runs get the next number of today.

    A message keeps its id: the first instant of queueing stays beside the mended one.
    """
    deliveries.fall_back(conn, moment.now)
    for ahead in runs.after(conn, moment.today):
        runs.redate(conn, ahead, moment.today)
    queued_ahead = (delivery.c.queued > moment.now + CLOCKS_APART, delivery.c.first_queued.is_(None))
    conn.execute(update(delivery).where(*queued_ahead).values(first_queued=delivery.c.queued))
    for column, limit, today in _values(moment):
        conn.execute(update(column.table).where(column > limit).values({column.key: today}))
    for table, is_ahead in _rows(moment).items():
        conn.execute(delete(table).where(is_ahead))


def _values(moment: Moment) -> Iterator[tuple[Column[Any], date, date]]:
    """Each column, the latest day or instant that is not ahead, and what is written instead of a later one."""
    yield from ((column, moment.today, moment.today) for column in DAYS)
    yield from ((column, moment.now + CLOCKS_APART + more, moment.now) for column, more in INSTANTS.items())


def _rows(moment: Moment) -> dict[Table, ColumnElement[bool]]:
    """The rows that are deleted if they are dated ahead."""
    limit = moment.now + CLOCKS_APART
    return {
        alert: or_(alert.c.day > moment.today, alert.c.at > limit),
        night: or_(night.c.day > moment.today, night.c.made > limit),
    }
