"""Rows of `gentle_nudge_case` as values."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.store.tables import case

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


NAMES = tuple(field.name for field in fields(Case))


STATE = NAMES.index("state")


OF_A_NIGHT = (
    "id",
    "section",
    "patron",
    "number",
    "flag",
    "restriction",
    "restriction_type",
    "restriction_comment",
    "last_due",
    "surname",
    "firstname",
    "card",
    "to_report",
)


STATES = {state.value: state for state in CaseState}


def these(*conditions: ColumnElement[bool]) -> Select[Any]:
    """The query for the cases that meet the conditions, in order of id."""
    return select(*(case.c[name] for name in NAMES)).where(*conditions).order_by(case.c.id)


def open_ones(*conditions: ColumnElement[bool]) -> Select[Any]:
    """The query for the open cases that meet the conditions, with what a night asks of them alone."""
    columns = (case.c[name] for name in OF_A_NIGHT)
    return select(*columns).where(case.c.state == CaseState.OPEN, *conditions).order_by(case.c.id)


def read_open(conn: Connection, query: Select[Any]) -> list[Case]:
    """The cases that the query (made by `open_ones`) finds."""
    return [Case(**dict(zip(OF_A_NIGHT, row, strict=True))) for row in conn.execute(query)]


def read(conn: Connection, query: Select[Any]) -> list[Case]:
    """The cases that the query (made by `these`) finds."""
    return [_case(row) for row in conn.execute(query)]


def _case(row: Any) -> Case:
    values = dict(zip(NAMES, row, strict=True))
    values["state"] = STATES[row[STATE]]
    return Case(**values)
