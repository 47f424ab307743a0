"""Many rows changed by one statement, each to a value of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, literal

if TYPE_CHECKING:
    from sqlalchemy import Case, Column, Table


def one_for_each(table: Table[Any], column: Column[Any], values: Mapping[int, Any]) -> Case[Any]:
    """The value of the column by the id of the row, as an SQL expression; NULL for other ids."""
    return case({key: literal(value, column.type) for key, value in values.items()}, value=table.c.id)
