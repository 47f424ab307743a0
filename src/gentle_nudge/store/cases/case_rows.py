"""Rows of `gentle_nudge_case` as values."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING

from sqlalchemy import select

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.sqltypes import AT_A_TIME
from gentle_nudge.store.tables import case

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

NAMES = tuple(field.name for field in fields(Case))
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


def cases_where(conn: Connection, *conditions: ColumnElement[bool]) -> list[Case]:
    """The cases that meet the conditions, in order of id."""
    query = select(*(case.c[name] for name in NAMES)).where(*conditions).order_by(case.c.id)
    rows = (dict(zip(NAMES, row, strict=True)) for row in conn.execute(query))
    return [Case(**{**values, "state": CaseState(values["state"])}) for values in rows]


def open_cases(conn: Connection, sections: Collection[str]) -> Iterator[Case]:
    """The open cases of these sections, in order of id, without the amounts and days that a night never asks for.

    A thousand are read at a time, when the caller gets to them.
    """
    is_open = (case.c.state == CaseState.OPEN, case.c.section.in_(sections))
    query = select(*(case.c[name] for name in OF_A_NIGHT)).where(*is_open).order_by(case.c.id).limit(AT_A_TIME)
    rows = conn.execute(query).all()
    while rows:
        yield from (Case(**dict(zip(OF_A_NIGHT, row, strict=True))) for row in rows)
        rows = conn.execute(query.where(case.c.id > rows[-1].id)).all() if len(rows) == AT_A_TIME else []
