"""The one row that says where our tables belong, and that is our lock."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, inspect, select, update
from sqlalchemy.exc import OperationalError

from gentle_nudge.errors import AnotherRunInProgress, UserError
from gentle_nudge.store.tables import SCHEMA_VERSION, meta

THE_ROW = 1
OTHERS_SECONDS = 10  # how long another run may hold the row until we give way
LOCK_WAIT_TIMEOUT = 1205
AS_BEFORE = "innodb_lock_wait_timeout = @waited"
OF_OUTCOMES = {"outcomes_copied", "outcomes_offset", "outcomes_since"}
NOT_IN_META = {"id", *OF_OUTCOMES}  # columns without a field: they stay as they are when the library moves
RUN_INIT = "Run: gentle-nudge init"


@dataclass(frozen=True, kw_only=True, slots=True)
class Meta:
    """Where this database belongs.

    `revision` grows whenever our row is locked for changes and with every finished run. If `is_copy`, nothing leaves
    the machine.
    """

    schema_version: int = SCHEMA_VERSION
    machine: str
    host: str
    port: int
    database_name: str
    is_copy: bool = False
    revision: int = 0
    initialised: datetime
    server_uid: str | None = None


def missing_or_old(conn: Connection) -> str | None:
    """What is wrong with our tables, in a sentence; None if they are there and of this program's version."""
    row = read_meta(conn)
    return None if row is not None and row.schema_version == SCHEMA_VERSION else unfit(row).sentence


def ready(conn: Connection) -> Meta:
    """The row of meta, not locked; UserError when our tables are missing, or older or newer than the program."""
    row = read_meta(conn)
    if row is None or row.schema_version != SCHEMA_VERSION:
        raise unfit(row)
    return row


def unfit(row: Meta | None) -> UserError:
    """The error for tables that are missing, or not of this program's version."""
    if row is None:
        return UserError("Our tables are not in this database, or not visible to this user.", RUN_INIT)
    sentence = f"Our tables are of version {row.schema_version}, this program's of version {SCHEMA_VERSION}."
    if row.schema_version < SCHEMA_VERSION:
        return UserError(sentence, RUN_INIT)
    return UserError(sentence, "A newer program has been here: use that one.")


def read_meta(conn: Connection) -> Meta | None:
    """The row of meta; None when our tables are not there, hidden from this user, or never initialised."""
    present = _columns(conn)
    if not present:
        return None
    columns = (column.label(column.key) for column in meta.c if column.name in present - NOT_IN_META)
    row = conn.execute(select(*columns).where(meta.c.id == THE_ROW)).mappings().one_or_none()
    return Meta(**row) if row else None


def _columns(conn: Connection) -> frozenset[str]:
    """The columns of the table, none if it is missing; a connection that has seen it does not ask again."""
    # Not by asking for the table: to a user without rights to it, it is forbidden rather than missing.
    if not conn.info.get(meta.name):
        is_there = meta.name in inspect(conn).get_table_names()
        conn.info[meta.name] = frozenset(
            each["name"] for each in (inspect(conn).get_columns(meta.name) if is_there else ())
        )
    return frozenset(conn.info[meta.name])


def write_meta(conn: Connection, value: Meta) -> None:
    """The row of meta has these values."""
    changed = conn.execute(update(meta).where(meta.c.id == THE_ROW).values(**asdict(value)))
    if changed.rowcount == 0:
        conn.execute(insert(meta).values(id=THE_ROW, **asdict(value)))


def lock(conn: Connection) -> Meta:
    """The row of meta as it was when it was locked, until the transaction ends; its revision has grown by one.

    AnotherRunInProgress when another holds it for longer than the session waits; UserError when our tables are
    missing, or older or newer than the program.
    """
    if not _columns(conn):
        raise unfit(None)
    hold(conn)
    row = ready(conn)
    conn.execute(update(meta).values(revision=row.revision + 1))
    return row


def hold(conn: Connection) -> None:
    """The row of meta is locked until the transaction ends; AnotherRunInProgress when another holds it for too long."""
    _set_session(conn, f"@waited = @@innodb_lock_wait_timeout, innodb_lock_wait_timeout = {OTHERS_SECONDS}")
    try:
        conn.execute(select(meta.c.id).where(meta.c.id == THE_ROW).with_for_update())
    except OperationalError as error:
        _set_session(conn, AS_BEFORE)
        if error.orig is not None and error.orig.args[:1] == (LOCK_WAIT_TIMEOUT,):
            raise AnotherRunInProgress(
                "Another run is at work.", "It has the lock; this one may be started again later."
            ) from error
        raise
    _set_session(conn, AS_BEFORE)


def _set_session(conn: Connection, variables: str) -> None:
    if conn.dialect.name != "sqlite":
        conn.exec_driver_sql(f"SET {variables}")
