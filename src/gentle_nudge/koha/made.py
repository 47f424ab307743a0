"""The rows just made of one of Koha's tables, found again without reading their numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import and_, func, select

from gentle_nudge.columns import among

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """The rows just made of a table, at most one for each patron: those numbered above `after`.

    Nobody else makes one for these patrons while their rows in `borrowers` are locked.
    """

    number: Column[int]
    after: int

    @classmethod
    def from_now_on(cls, conn: Connection, number: Column[int]) -> Self:
        """The rows that will be made, told by the column of their numbers."""
        return cls(number=number, after=conn.scalar(select(func.max(number))) or 0)

    def among(self, patrons: Collection[int]) -> ColumnElement[bool]:
        """Whether a row is one that was made for these patrons."""
        return and_(self.number > self.after, among(self.number.table.c.borrowernumber, patrons))

    def of(self, patron: ColumnElement[Any]) -> ColumnElement[Any]:
        """The number of the row that was made for the patron of this column; NULL if none was."""
        theirs = and_(self.number > self.after, self.number.table.c.borrowernumber == patron)
        return select(self.number).where(theirs).order_by(self.number.desc()).limit(1).scalar_subquery()


def numbers_of(conn: Connection, made: Made, patrons: Collection[int]) -> dict[int, int]:
    """The number of the row made for each of these patrons."""
    query = select(made.number.table.c.borrowernumber, made.number).where(made.among(patrons))
    return {patron: number for patron, number in conn.execute(query)}  # noqa: C416 - dict(rows) is not typed
