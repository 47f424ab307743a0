"""Rows that this run makes: inserted at once for all patrons alike, and found again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Self, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, func, insert, literal, select

from gentle_nudge.domain.actions import ChargeFee, ClearFlag, Restrict, SetFlag
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.koha.koha_tables import borrowers
from gentle_nudge.sqltypes import a_thousand_at_a_time, among

A = TypeVar("A", Restrict, ChargeFee, SetFlag | ClearFlag)
# For an UPDATE by number: a small table would be read from end to end, and rows that a desk has locked be met.
BY_NUMBER = "FORCE INDEX (PRIMARY)"
Values = Mapping[str, ColumnElement[Any] | str | int | date | Decimal | None]


def alike(actions: Iterable[A]) -> Iterator[tuple[A, list[int]]]:
    """One of at most a thousand actions that differ in the patron alone, and the patrons of all of them, in order."""
    groups: defaultdict[Hashable, list[A]] = defaultdict(list)
    for action in actions:
        groups[_but_for_the_patron(action)].append(action)
    for group in groups.values():
        for chunk in a_thousand_at_a_time(group):
            yield chunk[0], [action.patron for action in chunk]


def _but_for_the_patron(action: Restrict | ChargeFee | SetFlag | ClearFlag) -> Hashable:
    match action:
        # Attribute row ids are unique per patron and never appear in the logged text, so they do not split a group.
        case SetFlag() | ClearFlag():
            return type(action), action.flag, action.before.value
        case _:
            return replace(action, patron=0)


def insert_for_patrons(conn: Connection, into: Table, values: Values, numbers: list[int]) -> None:
    """A row with these values is there for each of the patrons."""
    who = borrowers.c.borrowernumber
    if insert_selected(conn, into, {"borrowernumber": who, **values}, among(who, numbers)) != len(numbers):
        raise GentleNudgeError("A patron was deleted from Koha while this was under way.", "Run it again.")


def insert_selected(conn: Connection, into: Table, values: Values, where: ColumnElement[bool]) -> int:
    """One row is there for every row selected, in the order of the first value; returns how many."""
    columns = [
        value if isinstance(value, ColumnElement) else literal(value, into.c[name].type)
        for name, value in values.items()
    ]
    chosen = select(*columns).where(where).order_by(columns[0])
    return conn.execute(insert(into).from_select(list(values), chosen)).rowcount


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRows:
    """The rows just made of a table, at most one for each patron: those numbered above `after`.

    Nobody else makes one for these patrons while their rows in `borrowers` are locked.
    """

    number: Column[int]
    after: int

    @classmethod
    def from_now_on(cls, conn: Connection, number: Column[int]) -> Self:
        """The rows that will be made from now on; `number` is the column of their numbers."""
        return cls(number=number, after=conn.scalar(select(func.max(number))) or 0)

    def among(self, patrons: Collection[int]) -> ColumnElement[bool]:
        """Whether a row was made for one of these patrons."""
        return and_(self.number > self.after, among(self.number.table.c.borrowernumber, patrons))

    def of(self, patron: ColumnElement[Any]) -> ColumnElement[Any]:
        """The number of the row that was made for the patron of this column; NULL if none was."""
        is_new = and_(self.number > self.after, self.number.table.c.borrowernumber == patron)
        return select(self.number).where(is_new).order_by(self.number.desc()).limit(1).scalar_subquery()


def numbers_of(conn: Connection, made: NewRows, patrons: Collection[int]) -> dict[int, int]:
    """The number of the row made for each of these patrons."""
    query = select(made.number.table.c.borrowernumber, made.number).where(made.among(patrons))
    return {patron: number for patron, number in conn.execute(query)}  # noqa: C416 - dict(rows) is not typed
