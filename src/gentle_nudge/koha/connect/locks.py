"""Locks of others: no statement waits for one in the server. It is refused, and tried again for two seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from time import sleep
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext

SECONDS = (
    2  # for all statements of a transaction: nobody at a desk waits longer for the rows that we have locked already
)
PAUSE = 0.02
PATIENCE = "patience"  # of a connection: the pauses left; as an execution option of a statement: seconds
TAKEN = {1205, 3572}  # as MariaDB and as MySQL say it

# Whoever waits in the server while holding locks may be part of a deadlock, and the server would undo the desk's
# transaction, which has written less than ours. MySQL knows no less than a second; there at least FOR UPDATE NOWAIT
# does not wait.
NO_WAITING = "innodb_lock_wait_timeout = 2 /*M!100318 , innodb_lock_wait_timeout = 0 */"


def never_wait(engine: Engine) -> None:
    """Let each statement of the engine that is refused a lock be tried again; its sessions begin with NO_WAITING."""
    event.listen(engine, "begin", _begin)
    event.listen(engine, "do_execute", _execute)
    event.listen(engine, "do_executemany", _execute_many)


def patience(seconds: float) -> Iterator[float]:
    """The pauses between tries, that many seconds in all."""
    return repeat(PAUSE, round(seconds / PAUSE))


def _begin(conn: Connection) -> None:
    conn.info[PATIENCE] = patience(SECONDS)


def _execute(cursor: DBAPICursor, statement: str, parameters: Any, context: ExecutionContext) -> bool:
    return _until_free(lambda: cursor.execute(statement, parameters), cursor, context)


def _execute_many(cursor: DBAPICursor, statement: str, parameters: Any, context: ExecutionContext) -> bool:
    """The same for many rows, which the driver sends as several statements if they are long."""
    cursor.execute("SAVEPOINT before_many")

    def execute() -> None:
        cursor.execute("ROLLBACK TO SAVEPOINT before_many")
        cursor.executemany(statement, parameters)

    return _until_free(execute, cursor, context)


def _until_free(execute: Callable[[], object], cursor: DBAPICursor, context: ExecutionContext) -> bool:
    """Execute once others have let go of what is needed; the server's error if they do not. True: it is done."""
    seconds = context.execution_options.get(PATIENCE)
    pauses = patience(seconds) if seconds else None
    while True:
        try:
            execute()
        except context.dialect.loaded_dbapi.OperationalError as error:
            if error.args[0] not in TAKEN or _was_undone(cursor):
                raise
            pauses = pauses or context.root_connection.info[PATIENCE]
            pause = next(pauses, None)
            if pause is None:
                raise
            sleep(pause)
        else:
            return True


def _was_undone(cursor: DBAPICursor) -> bool:
    """Whether the server undoes the whole transaction, not the statement alone, when a lock is not to be had."""
    cursor.execute("SELECT @@innodb_rollback_on_timeout", ())
    return bool(cursor.fetchall()[0][0])
