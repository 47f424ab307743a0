"""Wishes: what people want done, until it is taken, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gentle_nudge.domain.wish import Wish
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store.meta import missing_or_old
from gentle_nudge.store.tables import fitted, wish

COLUMNS = tuple(wish.c[field.name] for field in fields(Wish))
WRITTEN = ("door", "origin", "what", "section", "list_day", "patron", "reason", "until", "note", "who", "at")


def waiting(conn: Connection) -> list[Wish]:
    """The wishes that nobody has taken, in the order in which they were written; none before `init`."""
    return [] if missing_or_old(conn) else _wishes(conn, waiting_query())


def waiting_query() -> Select[Any]:
    """The wishes that nobody has taken, in the order in which they were written.

    Index: gentle_nudge_wish gentle_nudge_wish_taken.
    """
    return select(*COLUMNS).where(wish.c.taken_at.is_(None)).order_by(wish.c.id)


def refused(conn: Connection, *, after: datetime | None) -> list[Wish]:
    """The wishes taken after this instant (None: ever) that could not be done, oldest first."""
    taken = wish.c.taken_at > after if after else wish.c.taken_at.is_not(None)
    return _wishes(conn, select(*COLUMNS).where(taken, ~wish.c.done).order_by(wish.c.id))


def of_patron(conn: Connection, patron: int) -> list[Wish]:
    """Every wish about this patron, taken or not, oldest first."""
    return _wishes(conn, select(*COLUMNS).where(wish.c.patron == patron).order_by(wish.c.id))


def _wishes(conn: Connection, query: Select[Any]) -> list[Wish]:
    """The wishes that the query finds; a day that is none (others may write `0000-00-00`) is no day."""
    return [
        Wish(**{**row, **{name: day if isinstance(day := row[name], date) else None for name in ("list_day", "until")}})
        for row in conn.execute(query).mappings()
    ]


def add(conn: Connection, new: Wish) -> int | None:
    """The id of the new wish; None if the same origin has asked at this door before."""
    values = {name: fitted(value, wish.c[name]) for name, value in asdict(new).items() if name in WRITTEN}
    try:
        (number,) = conn.execute(insert(wish).values(values)).inserted_primary_key or (None,)
    except IntegrityError:
        if not is_known(conn, new):
            raise
        return None
    return number


def is_known(conn: Connection, asked: Wish) -> bool:
    """Whether the same origin has asked at this door before."""
    same = (wish.c.door == asked.door, wish.c.origin == asked.origin)
    return bool(conn.scalar(select(func.count()).select_from(wish).where(*same)))


def take(conn: Connection, number: int, now: datetime) -> bool:
    """The wish is taken now; false if another has taken it."""
    still_waits = (wish.c.id == number, wish.c.taken_at.is_(None))
    return bool(conn.execute(update(wish).where(*still_waits).values(taken_at=now)).rowcount)


def answer(conn: Connection, number: int, sentence: str, *, done: bool) -> None:
    """The wish is answered: it was done or could not be done, as the sentence says."""
    answered = {"done": done, "answer": fitted(sentence, wish.c.answer)}
    conn.execute(update(wish).where(wish.c.id == number).values(answered))


def forget(conn: Connection, patrons: Iterable[int]) -> None:
    """Reason and note are removed from the wishes about these patrons."""
    for chunk in a_thousand_at_a_time(patrons):
        conn.execute(update(wish).where(wish.c.patron.in_(chunk)).values(reason=None, note=None))


def forget_before(conn: Connection, instant: datetime) -> None:
    """The wishes taken before this instant are deleted."""
    conn.execute(delete(wish).where(wish.c.taken_at < instant))
