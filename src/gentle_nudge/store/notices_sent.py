"""Notices that Koha has sent, kept after Koha deletes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select

from gentle_nudge.domain.patron import SentNotice
from gentle_nudge.sqltypes import a_thousand_at_a_time, among, rows_by_thousands
from gentle_nudge.store.tables import fitted, notice


def missing(conn: Connection, notices: Iterable[SentNotice]) -> list[SentNotice]:
    """Those among these notices that are not kept yet."""
    by_message = {each.message: each for each in notices}
    kept = {message for (message,) in rows_by_thousands(conn, kept_notices_query, by_message)}
    return [each for message, each in by_message.items() if message not in kept]


def kept_notices_query(messages: Collection[int]) -> Select[Any]:
    """Which of these messages are kept.

    Index: gentle_nudge_notice PRIMARY.
    """
    return select(notice.c.message_id).where(among(notice.c.message_id, messages))


def keep(conn: Connection, notices: Iterable[SentNotice]) -> None:
    """The notices are kept; none of them was before."""
    for chunk in a_thousand_at_a_time(notices):
        rows = [
            {
                "message_id": each.message,
                "patron": each.patron,
                "letter": fitted(each.letter, notice.c.letter),
                "sent_on": each.sent_on,
            }
            for each in chunk
        ]
        conn.execute(insert(notice), rows)


def kept_of(conn: Connection, letters: Collection[str], numbers: Iterable[int]) -> list[SentNotice]:
    """The kept notices of these letters that were sent to these patrons."""
    rows = rows_by_thousands(conn, partial(notices_query, letters), numbers)
    return [SentNotice(message=message, patron=number, letter=code, sent_on=day) for message, number, code, day in rows]


def notices_query(letters: Collection[str], numbers: Collection[int]) -> Select[Any]:
    """The kept notices of these letters that were sent to these patrons.

    Index: gentle_nudge_notice gentle_nudge_notice_patron.
    """
    sent = notice.c
    return select(sent.message_id, sent.patron, sent.letter, sent.sent_on).where(
        among(sent.patron, numbers), sent.letter.in_(sorted(letters))
    )


def first_day(conn: Connection, letters: Collection[str]) -> date | None:
    """The day of the oldest notice of these letters that is kept."""
    earliest: date | None = conn.scalar(select(func.min(notice.c.sent_on)).where(notice.c.letter.in_(sorted(letters))))
    return earliest


def forget_before(conn: Connection, day: date) -> None:
    """No notice from before this day is kept."""
    conn.execute(delete(notice).where(notice.c.sent_on < day))
