"""How many patrons the groups of the outcomes have, and the names of the libraries."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from sqlalchemy import Connection, Select, func, select

from gentle_nudge.koha.koha_tables import borrowers, branches


def patrons_by(conn: Connection, grouped_by: Literal["branchcode", "categorycode"]) -> dict[str, int]:
    """Code -> the number of its patrons."""
    return {code: number for code, number in conn.execute(patrons_by_query(grouped_by))}  # noqa: C416 - typed


def patrons_by_query(grouped_by: str) -> Select[Any]:
    """How many patrons there are of each branch or category (`outcomes --by`).

    Index: borrowers branchcode.
    """
    column = borrowers.c[grouped_by]
    return select(column, func.count()).group_by(column)


def patrons_by_birth(conn: Connection) -> dict[date | None, int]:
    """Date of birth -> the number of its patrons."""
    return {born: number for born, number in conn.execute(patrons_by_birth_query())}  # noqa: C416 - typed


def patrons_by_birth_query() -> Select[Any]:
    """How many patrons were born on each day (`outcomes --by age`).

    Index: borrowers none.
    """
    return select(borrowers.c.dateofbirth, func.count()).group_by(borrowers.c.dateofbirth)


def branch_names(conn: Connection) -> dict[str, str]:
    """Code -> the name of the library; those without a name are left out."""
    return {code: name for code, name in conn.execute(branch_names_query()) if name}


def branch_names_query() -> Select[Any]:
    """The names of the libraries (`outcomes --by branch`).

    Index: branches none.
    """
    return select(branches.c.branchcode, branches.c.branchname)
