"""Locks of others: who holds rows of Koha's waits for none in the server, but is refused and tries again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from time import sleep
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext

SECONDS = 2  # in all from the first lock to the commit: nobody at a desk waits longer for the rows that we have locked
PAUSE = 0.02
PAUSES = "pauses"  # of a connection that holds rows of Koha's: those that are left
TAKEN = {1205, 3572}  # as MariaDB and as MySQL say it
# MySQL knows no less than a second; there only FOR UPDATE NOWAIT does not wait.
NO_WAITING = "SET innodb_lock_wait_timeout = 1 /*M!100318 , innodb_lock_wait_timeout = 0 */"
AS_BEFORE = f"SET innodb_lock_wait_timeout = {SECONDS}"


def never_wait_from_now_on(conn: Connection) -> None:
    """Until the transaction ends, a statement that meets a lock of others is tried again, for two seconds in all.

    Whoever waits in the server while holding locks may be part of a deadlock, and the server would undo the desk's
    transaction, which has written less than ours. That holds for our new rows too: a merge of cards holds the gaps
    between rows.
    """
    if conn.dialect.name != "sqlite" and PAUSES not in conn.info:
        conn.exec_driver_sql(NO_WAITING)
        conn.info[PAUSES] = repeat(PAUSE, round(SECONDS / PAUSE))


def try_again(engine: Engine) -> None:
    """Prepare the engine for `never_wait_from_now_on`."""
    event.listen(engine, "begin", _begin)
    event.listen(engine, "do_execute", _execute)
    event.listen(engine, "do_executemany", _execute_many)


def _begin(conn: Connection) -> None:
    if conn.info.pop(PAUSES, None):
        conn.exec_driver_sql(AS_BEFORE)


def _execute(cursor: DBAPICursor, statement: str, parameters: Any, context: ExecutionContext) -> bool:
    return _until_free(lambda: cursor.execute(statement, parameters), cursor, context)


def _execute_many(cursor: DBAPICursor, statement: str, parameters: Any, context: ExecutionContext) -> bool:
    """The same for many rows, which the driver sends as several statements if they are long; False: not our affair."""
    if PAUSES not in context.root_connection.info:
        return False
    cursor.execute("SAVEPOINT before_many")

    def execute() -> None:
        cursor.execute("ROLLBACK TO SAVEPOINT before_many")
        cursor.executemany(statement, parameters)

    return _until_free(execute, cursor, context)


def _until_free(execute: Callable[[], object], cursor: DBAPICursor, context: ExecutionContext) -> bool:
    """Execute once others have let go of what is needed; the server's error if they do not. True: it is done."""
    while True:
        try:
            execute()
        except context.dialect.loaded_dbapi.OperationalError as error:
            pauses = context.root_connection.info.get(PAUSES) if error.args[0] in TAKEN else None
            pause = next(pauses, None) if pauses else None
            if pause is None or _was_undone(cursor):
                raise
            sleep(pause)
        else:
            return True


def _was_undone(cursor: DBAPICursor) -> bool:
    """Whether the server undoes the whole transaction, not the statement alone, when a lock is not to be had."""
    cursor.execute("SELECT @@innodb_rollback_on_timeout", ())
    return bool(cursor.fetchall()[0][0])
