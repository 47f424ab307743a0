"""Column types that Koha's tables and ours share, and values taken a thousand at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Connection, DateTime, Dialect, Numeric, Select, bindparam
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

T = TypeVar("T")
AT_A_TIME = 1000
MILLIONTHS = Decimal(1_000_000)


class Money(TypeDecorator[Decimal]):
    """An amount: DECIMAL(28,6) as in Koha; on SQLite millionths as integers, so that sums stay exact."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else Numeric(28, 6))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | int | None:
        """Turn an amount into what the database holds."""
        if value is None or dialect.name != "sqlite":
            return value
        return int((Decimal(value) * MILLIONTHS).to_integral_value())

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        """Turn what the database holds into an amount."""
        if value is None or dialect.name != "sqlite":
            return value
        return Decimal(value) / MILLIONTHS


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept in UTC: DATETIME(6) in our tables, TIMESTAMP in Koha's (our session speaks UTC)."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type."""
        return dialect.type_descriptor(DateTime() if dialect.name == "sqlite" else mysql.DATETIME(fsp=6))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - interface
        """Turn an aware instant into naive UTC."""
        return value if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - interface
        """Turn naive UTC into an aware instant; MariaDB's zero date counts as none."""
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) else None


def a_thousand_at_a_time(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists of at most a thousand."""
    rest = iter(values)
    while chunk := list(islice(rest, AT_A_TIME)):
        yield chunk


def rows_by_thousands(
    conn: Connection, query: Callable[[list[int]], Select[Any]], numbers: Iterable[int]
) -> Iterator[Any]:
    """The rows that the query finds for these numbers, in their order, with a statement for every thousand."""
    for chunk in a_thousand_at_a_time(sorted(numbers)):
        yield from conn.execute(query(chunk))


class _Numbers(UserDefinedType[Collection[int]]):
    """Numbers in parentheses, written into the statement as one text."""

    cache_ok = True

    def literal_processor(self, dialect: Dialect) -> Callable[[Collection[int]], str]:  # noqa: ARG002 - interface
        """Write the numbers; if there are none NULL, which no column equals."""
        return lambda numbers: f"({', '.join(map(str, map(int, numbers))) or 'NULL'})"


def among(column: ColumnElement[int], numbers: Collection[int]) -> ColumnElement[bool]:
    """Whether the column holds one of these numbers, written into the statement: much faster than bound values."""
    return column.bool_op("IN")(bindparam(None, numbers, literal_execute=True, type_=_Numbers))
