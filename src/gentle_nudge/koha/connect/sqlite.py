"""An engine for SQLite, for the demo and for trying things out: one file, one user at a time."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool, StaticPool

from gentle_nudge.errors import UserError

LOCKED_SECONDS = 10


def sqlite(url: URL) -> Engine:
    """An engine for a SQLite file that is there, or for `:memory:`; foreign keys hold, BEGIN means BEGIN."""
    in_memory = url.database == ":memory:"
    new_engine = create_engine(
        url,
        poolclass=StaticPool if in_memory else NullPool,
        hide_parameters=True,
        connect_args={"timeout": LOCKED_SECONDS},
    )
    event.listen(new_engine, "do_connect", _open_file)
    event.listen(new_engine, "connect", _prepare_sqlite)
    event.listen(new_engine, "begin", _begin_sqlite)
    return new_engine


def _open_file(
    dialect: Dialect, _record: object, arguments: tuple[Any, ...], options: dict[str, Any]
) -> DBAPIConnection:
    file = str(arguments[0])
    if file != ":memory:" and not Path(file).is_file():
        raise UserError(f"There is no database file {file}.", "Check [koha] url.")
    return dialect.connect(*arguments, **options)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver leaves BEGIN to us
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")
    except sqlite3.DatabaseError as trouble:
        raise UserError(f"The database file cannot be used: {trouble}.", "Check [koha] url.") from None


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA query_only = OFF")
    connection.exec_driver_sql("BEGIN")
