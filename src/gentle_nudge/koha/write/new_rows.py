"""Rows that this run makes: written at once for all patrons alike, and found again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Self, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, func, insert, literal, null, select

from gentle_nudge.domain.actions import ChargeFee, ClearFlag, Restrict, SetFlag
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.koha.koha_tables import borrowers
from gentle_nudge.sqltypes import among

A = TypeVar("A", Restrict, ChargeFee, SetFlag | ClearFlag)

# Attribute row ids are unique per patron and never appear in the logged text, so they do not split a group.
BUT_FOR_THE_ROW = attrgetter("__class__", "flag", "before.value")


def alike(actions: Iterable[A]) -> Iterator[tuple[A, list[int]]]:
    """The first action of each group, and the patrons of all of them, in order."""
    tell: dict[type[Any], Callable[[Any], Hashable]] = {SetFlag: BUT_FOR_THE_ROW, ClearFlag: BUT_FOR_THE_ROW}
    groups: defaultdict[Hashable, list[A]] = defaultdict(list)
    for action in actions:
        kind = type(action)
        if kind not in tell:
            tell[kind] = attrgetter(*(field.name for field in fields(action) if field.name != "patron"))
        groups[tell[kind](action)].append(action)
    for group in groups.values():
        yield group[0], [action.patron for action in group]


Values = Mapping[str, str | datetime | Decimal | None]


def insert_for_patrons(conn: Connection, into: Table, values: Values, numbers: list[int]) -> None:
    """A row with these values is there for each of the patrons."""
    columns: dict[str, ColumnElement[Any]] = {
        name: null() if value is None else literal(value, into.c[name].type) for name, value in values.items()
    }
    who = borrowers.c.borrowernumber
    chosen = select(who, *columns.values()).where(among(who, numbers)).order_by(who)
    if conn.execute(insert(into).from_select(["borrowernumber", *columns], chosen)).rowcount != len(numbers):
        raise GentleNudgeError("A patron was deleted from Koha while this was under way.", "Run it again.")


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRows:
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
        is_new = and_(self.number > self.after, self.number.table.c.borrowernumber == patron)
        return select(self.number).where(is_new).order_by(self.number.desc()).limit(1).scalar_subquery()


def numbers_of(conn: Connection, made: NewRows, patrons: Collection[int]) -> dict[int, int]:
    """The number of the row made for each of these patrons."""
    query = select(made.number.table.c.borrowernumber, made.number).where(made.among(patrons))
    return {patron: number for patron, number in conn.execute(query)}  # noqa: C416 - dict(rows) is not typed
