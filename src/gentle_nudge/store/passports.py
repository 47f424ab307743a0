"""Patrons of other libraries: what their homes said when they were last asked, and what was changed here."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, delete, func, insert, select

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.passport.difference import Memory
from gentle_nudge.sqltypes import a_thousand_at_a_time, among, rows_by_thousands
from gentle_nudge.store.tables import fitted, passport, passport_log

What = Literal["made", "refreshed", "restricted", "lifted", "not_found", "found_again"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """Something that changed for a patron; `columns` are those of `borrowers`."""

    what: What
    server: str
    patron: int
    columns: tuple[str, ...] = ()


def memories(conn: Connection, numbers: Iterable[int]) -> dict[int, Memory]:
    """What was last seen of these patrons at their homes."""
    names = [column.name for column in passport.columns]
    rows = (dict(zip(names, row, strict=True)) for row in rows_by_thousands(conn, memories_query, set(numbers)))
    return {row["patron"]: Memory(**row | {"home": json.loads(row["home"])}) for row in rows}


def memories_query(numbers: Collection[int]) -> Select[Any]:
    """What was last seen of these patrons at their homes.

    Index: gentle_nudge_passport PRIMARY.
    """
    return select(passport).where(among(passport.c.patron, numbers))


def remember(conn: Connection, seen: Sequence[Memory]) -> None:
    """This was seen now; what is known already is not written again."""
    before = memories(conn, [memory.patron for memory in seen])
    new = [memory for memory in seen if before.get(memory.patron) != memory]
    for chunk in a_thousand_at_a_time(new):
        forget_memory(conn, [memory.patron for memory in chunk])
        conn.execute(insert(passport), [asdict(memory) | {"home": json.dumps(memory.home)} for memory in chunk])


def note(conn: Connection, changes: Iterable[Noted], moment: Moment) -> None:
    """These changes stand in our log."""
    run = {"at": moment.now, "who": fitted(moment.who, passport_log.c.who)}
    for chunk in a_thousand_at_a_time(changes):
        columns = (fitted(",".join(each.columns), passport_log.c.columns) or None for each in chunk)
        rows = [asdict(each) | run | {"columns": named} for each, named in zip(chunk, columns, strict=True)]
        conn.execute(insert(passport_log), rows)


def remembered(conn: Connection) -> frozenset[int]:
    """The patrons of whom something is remembered."""
    return frozenset(conn.scalars(select(passport.c.patron)))


def long_gone(conn: Connection, before: date) -> dict[str, int]:
    """How many patrons of each server have not been found there since before this day."""
    query = select(passport.c.server, func.count()).where(passport.c.not_found_since < before)
    return {server: patrons for server, patrons in conn.execute(query.group_by(passport.c.server))}  # noqa: C416 - typed


def last_asked(conn: Connection) -> date | None:
    """The latest day on which a home answered for one of its patrons."""
    last: date | None = conn.scalar(select(func.max(passport.c.last_seen)))
    return last


def of_patron(conn: Connection, patron: int) -> list[int]:
    """The patron, once for each row that is about them."""
    both = select(passport.c.patron).where(passport.c.patron == patron)
    return list(conn.scalars(both.union_all(select(passport_log.c.patron).where(passport_log.c.patron == patron))))


def forget_memory(conn: Connection, patrons: Iterable[int]) -> None:
    """Nothing is remembered of these patrons; the next answer begins anew."""
    for chunk in a_thousand_at_a_time(patrons):
        conn.execute(delete(passport).where(among(passport.c.patron, chunk)))


def forget(conn: Connection, patrons: Sequence[int]) -> None:
    """No row is about these patrons."""
    forget_memory(conn, patrons)
    for chunk in a_thousand_at_a_time(patrons):
        conn.execute(delete(passport_log).where(among(passport_log.c.patron, chunk)))


def forget_before(conn: Connection, instant: datetime) -> None:
    """What was changed before this instant is forgotten."""
    conn.execute(delete(passport_log).where(passport_log.c.at < instant))
