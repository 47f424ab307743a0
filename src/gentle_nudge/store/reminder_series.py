"""Series of reminders, their levels, and what became of each letter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, fields, replace
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, insert, or_, select, true, update

from gentle_nudge.domain.actions import Restrict
from gentle_nudge.domain.reminders.series import Message, Reminder, Series, SeriesState
from gentle_nudge.sqltypes import a_thousand_at_a_time, among, rows_by_thousands
from gentle_nudge.store.tables import fitted, reminder, reminder_message, series

HAS_RESTRICTION = and_(series.c.restriction.is_not(None), series.c.lifted_on.is_(None))
WAITS, FAILED = "pending", "failed"
FEE_LINE = reminder.c.fee_line
SERIES = tuple(series.c[field.name] for field in fields(Series) if field.name != "reminders")
REMINDER = tuple(reminder.c[field.name] for field in fields(Reminder) if field.name != "messages")
MESSAGE = tuple(field.name for field in fields(Message))


# What is there


def current(
    conn: Connection, sections: Collection[str], news: Mapping[int, tuple[str, str]] | None = None
) -> list[Series]:
    """The series of these sections that are open, or whose restriction has not been lifted.

    `news` are later states of their messages, with the reasons why they failed.
    """
    return _series(conn, current_query(sections), news or {})


def current_query(sections: Collection[str]) -> Select[Any]:
    """The series of these sections that are open, or whose restriction has not been lifted.

    Index: gentle_nudge_series gentle_nudge_series_one_open.
    """
    going_on = or_(series.c.open_key.is_not(None), HAS_RESTRICTION)
    return select(*SERIES).where(series.c.section.in_(sections), going_on)


def of_patrons(conn: Connection, numbers: Iterable[int], sections: Collection[str] | None = None) -> list[Series]:
    """Every series of these patrons, open or closed, the oldest first."""
    found = [each for chunk in a_thousand_at_a_time(numbers) for each in _series(conn, of_patrons_query(chunk))]
    return [each for each in found if sections is None or each.section in sections]


def of_patron(conn: Connection, patron: int) -> list[Series]:
    """Every series of this patron, open or closed, the oldest first."""
    return of_patrons(conn, [patron])


def of_patrons_query(numbers: Collection[int]) -> Select[Any]:
    """Every series of these patrons.

    Index: gentle_nudge_series gentle_nudge_series_patron.
    """
    return select(*SERIES).where(among(series.c.patron, numbers))


def in_state(conn: Connection, state: SeriesState | None, sections: Collection[str] | None) -> list[Series]:
    """The series in this state (None: in any), of these sections (None: of all), the oldest first."""
    in_sections = true() if sections is None else series.c.section.in_(sections)
    return _series(conn, select(*SERIES).where(in_sections, series.c.state == state if state else true()))


def since(conn: Connection, first: date, last: date) -> list[Series]:
    """The series with a letter of these days, both included; every letter of theirs is there."""
    sent = select(reminder.c.series_id).where(reminder.c.day >= first, reminder.c.day <= last)
    return _series(conn, select(*SERIES).where(series.c.id.in_(sent)))


def _series(conn: Connection, query: Select[Any], news: Mapping[int, tuple[str, str]] | None = None) -> list[Series]:
    """The series with their reminders in order of level, and with the messages of these."""
    found = [dict(row) for row in conn.execute(query.order_by(series.c.id)).mappings()]
    sent = [dict(row._mapping) for row in rows_by_thousands(conn, reminders_query, [row["id"] for row in found])]  # noqa: SLF001 - public
    messages, reminders = defaultdict[int, tuple[Message, ...]](tuple), defaultdict[int, tuple[Reminder, ...]](tuple)
    for of, *values in sorted(rows_by_thousands(conn, messages_query, [row["id"] for row in sent])):
        message = Message(**dict(zip(MESSAGE, values, strict=True)))
        state, failure = (news or {}).get(message.message, (message.state, message.failure))
        messages[of] += (replace(message, state=state, failure=failure or None),)
    for row in sent:
        reminders[row.pop("series_id")] += (Reminder(**row, messages=messages[row["id"]]),)
    return [Series(**{**row, "state": SeriesState(row["state"])}, reminders=reminders[row["id"]]) for row in found]


def reminders_query(numbers: Collection[int]) -> Select[Any]:
    """The levels of these series that have been sent, in order.

    Index: gentle_nudge_reminder gentle_nudge_reminder_once.
    """
    query = select(reminder.c.series_id, *REMINDER).where(among(reminder.c.series_id, numbers))
    return query.order_by(reminder.c.series_id, reminder.c.level)


def messages_query(numbers: Collection[int]) -> Select[Any]:
    """The messages of these levels.

    Index: gentle_nudge_reminder_message reminder_id.
    """
    message = reminder_message.c
    return select(message.reminder_id, *(message[name] for name in MESSAGE)).where(among(message.reminder_id, numbers))


def stopped_on(conn: Connection, sections: Collection[str], numbers: Iterable[int]) -> dict[int, date]:
    """The latest day on which staff stopped a series of these sections, by patron."""
    rows = rows_by_thousands(conn, partial(stopped_query, sections), numbers)
    return {number: day for number, day in rows}  # noqa: C416 - typed


def stopped_query(sections: Collection[str], numbers: Collection[int]) -> Select[Any]:
    """The latest day on which staff stopped a series of these sections, by patron.

    Index: gentle_nudge_series gentle_nudge_series_patron.
    """
    stopped = (series.c.state == SeriesState.STOPPED, series.c.section.in_(sections))
    latest = select(series.c.patron, func.max(series.c.closed_on)).where(among(series.c.patron, numbers), *stopped)
    return latest.group_by(series.c.patron).with_hint(series, "FORCE INDEX (gentle_nudge_series_patron)")


def has_fees(conn: Connection) -> bool:
    """Whether fees of reminders are recorded, paid or not."""
    return conn.scalar(select(FEE_LINE).where(FEE_LINE.is_not(None)).limit(1)) is not None


def of_fees(conn: Connection, lines: Iterable[int]) -> dict[int, tuple[int, str]]:
    """Line -> the series with which it is recorded as a fee, and the section of that; other lines are left out."""
    return {line: (id_, section) for line, id_, section in rows_by_thousands(conn, of_fees_query, lines)}


def of_fees_query(line_ids: Collection[int]) -> Select[Any]:
    """The series with which these lines are recorded as fees.

    Index: gentle_nudge_reminder gentle_nudge_reminder_fee, gentle_nudge_series PRIMARY.
    """
    fee = select(reminder.c.fee_line, series.c.id, series.c.section).join(series, series.c.id == reminder.c.series_id)
    return fee.where(among(reminder.c.fee_line, line_ids))


def unsettled(conn: Connection) -> dict[int, tuple[int, datetime]]:
    """The messages that waited when we last looked: patron, and when queued."""
    message = reminder_message.c
    query = select(message.message, series.c.patron, reminder.c.at).join_from(reminder_message, reminder).join(series)
    return {number: (patron, at) for number, patron, at in conn.execute(query.where(message.state == WAITS))}


def followed(conn: Connection, sections: Collection[str]) -> dict[int, tuple[int, str]]:
    """The messages of these sections that waited or had failed when we last looked: patron and state.

    Of the failed ones those of open series: staff may send them again in Koha.
    """
    message = reminder_message.c
    may_change = or_(message.state == WAITS, and_(message.state == FAILED, series.c.open_key.is_not(None)))
    query = select(message.message, series.c.patron, message.state).join_from(reminder_message, reminder).join(series)
    rows = conn.execute(query.where(series.c.section.in_(sections), may_change))
    return {number: (patron, state) for number, patron, state in rows}


# What a run writes


def settle(conn: Connection, news: Mapping[int, tuple[str, str]]) -> None:
    """The messages have these states, and the reasons why they failed."""
    for message, (state, failure) in news.items():
        values = {"state": state, "failure": fitted(failure, reminder_message.c.failure) or None}
        conn.execute(update(reminder_message).where(reminder_message.c.message == message).values(values))


def close(
    conn: Connection, id_: int, state: SeriesState, *, day: date, why: str | None = None, who: str | None = None
) -> None:
    """The series is closed, unless it was before."""
    ended = {"state": state, "closed_on": day, "why": fitted(why, series.c.why), "who": fitted(who, series.c.who)}
    is_open = (series.c.id == id_, series.c.open_key.is_not(None))
    conn.execute(update(series).where(*is_open).values(**ended, open_key=None))


def lifted(conn: Connection, ids: Iterable[int], day: date) -> None:
    """The restrictions of these series are no longer there, or no longer ours."""
    for chunk in a_thousand_at_a_time(ids):
        conn.execute(update(series).where(among(series.c.id, chunk)).values(lifted_on=day))


def begin(conn: Connection, new: Iterable[Series]) -> None:
    """The series are open. IntegrityError if one of the same patron and section is."""
    for chunk in a_thousand_at_a_time(new):
        conn.execute(insert(series), [_row(each, "id", "reminders", open_key=each.patron) for each in chunk])


def open_ones(conn: Connection, sections: Collection[str], patrons: Iterable[int]) -> dict[int, int]:
    """Patron -> the number of the open series."""
    query = select(series.c.open_key, series.c.id).where(series.c.section.in_(sections))
    chunks = (conn.execute(query.where(among(series.c.open_key, each))) for each in a_thousand_at_a_time(patrons))
    return {patron: id_ for rows in chunks for patron, id_ in rows}


def restrict(conn: Connection, id_: int, made: Restrict, restriction: int) -> None:
    """The restriction with this number is recorded with the series that has made it."""
    values = {"restriction": restriction, "restriction_type": made.type, "restriction_comment": made.comment}
    conn.execute(update(series).where(series.c.id == id_).values(values))


def record(conn: Connection, sent: Mapping[int, Reminder], *, run: int, now: datetime) -> None:
    """The levels are recorded with these series, and their messages. IntegrityError if one was sent before."""
    for chunk in a_thousand_at_a_time(sent.items()):
        rows = [_row(each, "id", "messages", series_id=id_, run_id=run, at=now) for id_, each in chunk]
        conn.execute(insert(reminder), rows)
        of_chunk = dict(chunk)
        of_run = (among(reminder.c.series_id, of_chunk), reminder.c.run_id == run)
        ids = conn.execute(select(reminder.c.series_id, reminder.c.id).where(*of_run))
        add_messages(conn, {number: of_chunk[id_].messages for id_, number in ids})


def add_messages(conn: Connection, messages: Mapping[int, Iterable[Message]]) -> None:
    """The messages are recorded with these reminders, by their numbers."""
    rows = [_row(each, "id", reminder_id=number) for number, of_one in messages.items() for each in of_one]
    if rows:
        _make_room(conn, [row["message"] for row in rows])
        conn.execute(insert(reminder_message), rows)


def _make_room(conn: Connection, numbers: Collection[Any]) -> None:
    """Messages with these numbers were there before Koha's queue was emptied and counted anew: theirs get negative."""
    message = reminder_message.c
    if conn.scalar(select(func.count()).where(among(message.message, numbers))):
        for number in (message.message, message.replaces):
            conn.execute(update(reminder_message).where(among(number, numbers)).values({number: -number}))


def _row(value: Series | Reminder | Message, *left_out: str, **more: object) -> dict[str, object]:
    return {name: each for name, each in asdict(value).items() if name not in left_out} | more


# What is forgotten


def forget(conn: Connection, patrons: Iterable[int]) -> None:
    """What staff wrote when they stopped a series of these patrons is removed."""
    for chunk in a_thousand_at_a_time(patrons):
        conn.execute(update(series).where(among(series.c.patron, chunk)).values(why=None))


def forget_before(conn: Connection, day: date) -> None:
    """The series that were closed before this day are deleted, unless their restriction stands."""
    conn.execute(delete(series).where(series.c.closed_on < day, ~HAS_RESTRICTION))
