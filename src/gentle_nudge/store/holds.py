"""Holds: who is kept back, and for how long it was."""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
        rows = [asdict(each) | {"since": now, "open_key": each.open_key} for each in chunk]
        for row in rows:
            del row["id"]
        fitting = [{name: fitted(value, hold.c[name]) for name, value in row.items()} for row in rows]
        conn.execute(insert(hold), fitting)


def end(conn: Connection, holds: Collection[Hold], by: HoldEnd, now: datetime) -> None:
    """The holds end now."""
    for chunk in a_thousand_at_a_time(each.id for each in holds):
        ended = {"ended": now, "ended_by": by, "open_key": None}
        conn.execute(update(hold).where(hold.c.id.in_(chunk)).values(ended))


def forget(conn: Connection, patrons: Collection[int]) -> None:
    """The notes of these patrons' holds are removed."""
    conn.execute(update(hold).where(hold.c.patron.in_(patrons)).values(note=None))


def forget_before(conn: Connection, instant: datetime) -> None:
    """The holds that ended before this instant are deleted."""
    conn.execute(delete(hold).where(hold.c.ended < instant))
