"""Locks on the rows of Koha's tables, never waited for in the server: a module of its own, as two tables need it."""

from __future__ import annotations

from collections.abc import Sequence
from time import sleep
from typing import Any

from sqlalchemy import Connection, Select
from sqlalchemy.exc import OperationalError

# Two seconds in all: nobody at a desk waits longer for the rows that we have locked already.
PAUSE = 0.02
TRIES = 100
TAKEN = {1205, 3572}  # as MariaDB and as MySQL say it


def locked(conn: Connection, query: Select[Any]) -> Sequence[Any]:
    """The rows that the query finds, locked until the transaction ends.

    Rows that somebody else has locked are asked for again and again for two seconds; then the server's error is raised.
    Whoever waits in the server while holding locks may be part of a deadlock, and the server would undo the desk's
    transaction, which has written less than ours.
    """
    query = query.with_for_update(nowait=True)
    for _ in range(TRIES - 1):
        try:
            return conn.execute(query).all()
        except OperationalError as error:
            if error.orig is None or error.orig.args[0] not in TAKEN or _was_undone(conn):
                raise
        sleep(PAUSE)
    return conn.execute(query).all()


def _was_undone(conn: Connection) -> bool:
    """Whether the server undoes the whole transaction, not the statement alone, when a lock is not to be had."""
    return bool(conn.exec_driver_sql("SELECT @@innodb_rollback_on_timeout").scalar_one())
