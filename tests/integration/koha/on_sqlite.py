"""The same library in SQLite, as the demo has it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, insert, make_url, select

from gentle_nudge.koha import koha_tables
from gentle_nudge.koha.connect.sqlite import sqlite


@contextmanager
def a_copy_in_sqlite(conn: Connection) -> Iterator[Connection]:
    """The patrons, items and lines of a Koha in the tables that the product makes in SQLite."""
    engine = sqlite(make_url("sqlite://").set(database=":memory:"))
    with engine.begin() as copy:
        koha_tables.koha.create_all(copy)
        for table in (koha_tables.borrowers, koha_tables.items, koha_tables.accountlines):
            rows = [dict(row) for row in conn.execute(select(table)).mappings()]
            if rows:
                copy.execute(insert(table), rows)
        yield copy
    engine.dispose()
