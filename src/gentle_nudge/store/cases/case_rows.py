"""Rows of `gentle_nudge_case` as values."""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import ColumnElement, Connection, select

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.store.tables import case

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
