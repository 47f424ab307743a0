"""Names and numbers removed from cases; the sums stay."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, or_, select, update

from gentle_nudge.domain.case import CaseState
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import outcome_log
from gentle_nudge.store.cases.open_cases import NOBODY_ELSE, HeardOf, sections, to_report
from gentle_nudge.store.tables import case, case_line

NAMELESS = {"surname": None, "firstname": None, "card": None}
# The fee line and the restriction are rows of Koha's that bear the borrowernumber; a reason may name somebody.
LEADING = ("patron", "number", "fee_line", "restriction", "why", "branch", "category", "age")
NOBODYS = NAMELESS | dict.fromkeys(LEADING)


def closed_before(conn: Connection, day: date, heard: HeardOf = NOBODY_ELSE) -> list[int]:
    """The cases closed before this day and not yet forgotten, except those whose last row must still be reported."""
    old = (case.c.state != CaseState.OPEN, case.c.closed_on < day, case.c.forgotten.is_(None))
    return _told(conn, select(case.c.id).where(*old), heard)


def names_no_longer_needed(conn: Connection, heard: HeardOf = NOBODY_ELSE) -> list[int]:
    """The cases of deleted patrons that still hold a name or card although their last row has arrived."""
    has_a_name = or_(*(case.c[column].is_not(None) for column in NAMELESS))
    was_told = case.c.told_in.is_not(None)
    return _told(conn, select(case.c.id).where(case.c.state == CaseState.DELETED, has_a_name, was_told), heard)


def _told(conn: Connection, ids: Select[Any], heard: HeardOf) -> list[int]:
    """The cases that the query finds, without those that a next update must list."""
    waiting = {each.id for each in to_report(conn, sections(conn), heard)}
    return [number for number in conn.scalars(ids.order_by(case.c.id)) if number not in waiting]


def forget_names(conn: Connection, cases: Iterable[int]) -> None:
    """Name and card are removed from these cases, open or closed."""
    for chunk in a_thousand_at_a_time(cases):
        conn.execute(update(case).where(case.c.id.in_(chunk)).values(NAMELESS))


def forget_names_of(conn: Connection, patrons: Iterable[int]) -> None:
    """Name and card are removed from all cases of these patrons."""
    for chunk in a_thousand_at_a_time(patrons):
        conn.execute(update(case).where(case.c.patron.in_(chunk)).values(NAMELESS))


def forget(conn: Connection, cases: Iterable[int], now: datetime) -> None:
    """Names, numbers, lines and reasons, which lead to the patron, are removed from the closed ones of these cases."""
    for chunk in a_thousand_at_a_time(cases):
        closed = (case.c.id.in_(chunk), case.c.state != CaseState.OPEN)
        lines = outcome_log.lines_of(conn, conn.scalars(select(case.c.id).where(*closed)).all())
        conn.execute(delete(case_line).where(case_line.c.case_id.in_(select(case.c.id).where(*closed))))
        conn.execute(update(case).where(*closed).values(NOBODYS | {"forgotten": now}))
        outcome_log.forget(conn, lines)
