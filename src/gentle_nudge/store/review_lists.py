"""Lists: who will be referred on a day, what staff decide about it, and what becomes of each patron."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, bindparam, delete, insert, select, update

from gentle_nudge.domain.collections.review import REPLACED, TO_COME, ListRow, ListState, Outcome, ReviewList
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store.tables import fitted, review_list, review_list_row

LATEST = 10
ROW = tuple(field.name for field in fields(ListRow))
each_list, each_row = review_list.c, review_list_row.c


def latest(conn: Connection, sections: Collection[str]) -> tuple[ReviewList, ...]:
    """The last ten lists of these sections, the newest day first."""
    return tuple(_list(row) for row in conn.execute(latest_query(sections)).mappings())


def latest_query(sections: Collection[str]) -> Select[Any]:
    """The last ten lists of these sections.

    Index: gentle_nudge_list gentle_nudge_list_once.
    """
    return select(review_list).where(each_list.section.in_(sections)).order_by(each_list.for_day.desc()).limit(LATEST)


def of_day(conn: Connection, for_day: date) -> list[ReviewList]:
    """The lists for that day, by section."""
    return _where(conn, each_list.for_day == for_day)


def refused(conn: Connection) -> list[ReviewList]:
    """The lists of all sections that were rejected, or that nobody approved in time, by day."""
    return _where(conn, each_list.state.in_((ListState.REJECTED, ListState.LAPSED)), each_list.reason != REPLACED)


def to_come(conn: Connection) -> list[ReviewList]:
    """The lists of all sections that are open or approved."""
    return _where(conn, each_list.state.in_(TO_COME))


def with_patron(conn: Connection, patron: int) -> list[tuple[ReviewList, ListRow]]:
    """Every list that the patron stands on, with the row, the oldest day first."""
    lists = _where(conn, each_list.id.in_(select(each_row.list_id).where(each_row.patron == patron)))
    return [(each, rows(conn, each.id, [patron])[patron]) for each in lists]


def _where(conn: Connection, *conditions: ColumnElement[bool]) -> list[ReviewList]:
    query = select(review_list).where(*conditions).order_by(each_list.for_day, each_list.section)
    return [_list(row) for row in conn.execute(query).mappings()]


def _list(row: RowMapping) -> ReviewList:
    return ReviewList(**{**row, "state": ListState(row["state"])})


def rows(conn: Connection, list_id: int, patrons: Collection[int] | None = None) -> dict[int, ListRow]:
    """The rows of a list by patron: all, or those of these patrons."""
    query = rows_query(list_id)
    asked = query if patrons is None else query.where(each_row.patron.in_(patrons))
    return {row["patron"]: _row(row) for row in conn.execute(asked).mappings()}


def rows_query(list_id: int) -> Select[Any]:
    """The rows of a list.

    Index: gentle_nudge_list_row PRIMARY.
    """
    return select(*(each_row[name] for name in ROW)).where(each_row.list_id == list_id).order_by(each_row.patron)


def _row(row: RowMapping) -> ListRow:
    marks = tuple(filter(None, row["marks"].split(",")))
    return ListRow(**{**row, "marks": marks, "outcome": Outcome(row["outcome"])})


def add(
    conn: Connection, *, section: str, for_day: date, made: date, listed: Collection[ListRow], now: datetime
) -> int:
    """A list is there with these rows, open; one of nobody has approved itself. Its id."""
    state = {"state": ListState.OPEN} if listed else {"state": ListState.APPROVED, "at": now}
    new = insert(review_list).values(section=section, for_day=for_day, made=made, **state)
    (list_id,) = conn.execute(new).inserted_primary_key or (0,)
    for chunk in a_thousand_at_a_time(listed):
        new_rows = [asdict(row) | {"list_id": list_id, "marks": ",".join(row.marks)} for row in chunk]
        conn.execute(insert(review_list_row), new_rows)
    return int(list_id)


def set_state(conn: Connection, lists: Collection[int], state: ListState, **decided: Any) -> None:
    """These lists are in this state; `reason`, `who` and `at` stay as they are unless given."""
    values = {name: fitted(value, each_list[name]) for name, value in decided.items()}
    if lists:
        conn.execute(update(review_list).where(each_list.id.in_(lists)).values(state=state, **values))


def delete_before(conn: Connection, day: date) -> None:
    """The lists for days before this one are deleted."""
    conn.execute(delete(review_list).where(each_list.for_day < day))


def forget(conn: Connection, patrons: Collection[int]) -> None:
    """What staff wrote about these patrons is gone from all lists."""
    by_staff = (each_row.patron.in_(patrons), each_row.who.is_not(None))
    conn.execute(update(review_list_row).where(*by_staff).values(why=None))


def set_row(conn: Connection, list_id: int, row: ListRow) -> None:
    """The patron's row says what became of the patron, and why."""
    said = {"why": fitted(row.why, each_row.why), "who": fitted(row.who, each_row.who), "at": row.at}
    same = (each_row.list_id == list_id, each_row.patron == row.patron)
    conn.execute(update(review_list_row).where(*same).values(outcome=row.outcome, **said))


def end_rows(conn: Connection, list_id: int, reasons: Mapping[int, str | None]) -> None:
    """The listed patrons are referred, or where there is a reason dropped; patrons who were left out stay so."""
    changed = [
        {"number": patron, "becomes": Outcome.DROPPED if why else Outcome.REFERRED, "because": why}
        for patron, why in reasons.items()
    ]
    same = (each_row.list_id == list_id, each_row.patron == bindparam("number"), each_row.outcome == Outcome.LISTED)
    if changed:
        statement = update(review_list_row).where(*same)
        conn.execute(statement.values(outcome=bindparam("becomes"), why=bindparam("because")), changed)
