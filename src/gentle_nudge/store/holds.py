"""Holds: who is kept back, and for how long it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update

from gentle_nudge.domain.hold import Hold, HoldEnd, HoldSource
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store.tables import fitted, hold

COLUMNS = tuple(hold.c[field.name] for field in fields(Hold))


def open_holds(conn: Connection) -> list[Hold]:
    """Every hold that has not ended, oldest first."""
    return sorted(_holds(conn, open_holds_query()), key=attrgetter("id"))


def open_holds_query() -> Select[Any]:
    """Every hold that has not ended.

    Index: gentle_nudge_hold gentle_nudge_hold_one_open.
    """
    return select(*COLUMNS).where(hold.c.open_key.is_not(None))


def of_patron(conn: Connection, patron: int) -> list[Hold]:
    """Every hold of this patron, oldest first."""
    return _holds(conn, select(*COLUMNS).where(hold.c.patron == patron).order_by(hold.c.id))


def all_holds(conn: Connection) -> list[Hold]:
    """Every hold, also those that have ended, oldest first."""
    return _holds(conn, select(*COLUMNS).order_by(hold.c.id))


def _holds(conn: Connection, query: Select[Any]) -> list[Hold]:
    return [
        Hold(**{**row, "source": HoldSource(row["source"]), "ended_by": row["ended_by"] and HoldEnd(row["ended_by"])})
        for row in conn.execute(query).mappings()
    ]


def begin(conn: Connection, holds: Iterable[Hold], now: datetime) -> None:
    """The holds begin now; IntegrityError if one of the same patron, source and section is open."""
    for chunk in a_thousand_at_a_time(holds):
        rows = [asdict(each) | {"id": None, "since": now, "open_key": each.open_key} for each in chunk]
        conn.execute(insert(hold), [{name: fitted(value, hold.c[name]) for name, value in row.items()} for row in rows])


def end(conn: Connection, holds: Iterable[Hold], now: datetime) -> None:
    """The holds end now, each as it says; one that has ended stays as it is."""
    by_cause: defaultdict[HoldEnd | None, list[int | None]] = defaultdict(list)
    for each in holds:
        by_cause[each.ended_by].append(each.id)
    for cause, ids in by_cause.items():
        for chunk in a_thousand_at_a_time(ids):
            is_open = (hold.c.id.in_(chunk), hold.c.open_key.is_not(None))
            conn.execute(update(hold).where(*is_open).values(ended=now, ended_by=cause, open_key=None))


def move(conn: Connection, holds: Iterable[Hold]) -> None:
    """The holds are those of the patrons that they say now."""
    for each in holds:
        conn.execute(update(hold).where(hold.c.id == each.id).values(patron=each.patron, open_key=each.open_key))


def forget(conn: Connection, patrons: Iterable[int]) -> None:
    """The notes of these patrons' holds are removed."""
    for chunk in a_thousand_at_a_time(patrons):
        conn.execute(update(hold).where(hold.c.patron.in_(chunk)).values(note=None))


def forget_before(conn: Connection, instant: datetime) -> None:
    """The holds that ended before this instant are deleted."""
    conn.execute(delete(hold).where(hold.c.ended < instant))
