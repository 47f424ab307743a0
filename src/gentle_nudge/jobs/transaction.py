"""The two kinds of transaction: one that cannot write, one that locks, writes and is tried again."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import sleep
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.jobs.interruption import interruptible, undisturbed
from gentle_nudge.koha.connect.engine import cannot_write
from gentle_nudge.koha.connect.server_errors import WORDS, error_of, number_of

T = TypeVar("T")
log = logging.getLogger(__name__)
AHEAD = 8  # results that wait at most for whoever asks for them
PAUSES = (1, 2, 4, 8)  # seconds between the tries of a transaction
TRIES = len(PAUSES) + 1
DEADLOCK, LOCK_TIMEOUT, LOCKED, CHANGED_SINCE_READ = 1213, 1205, 3572, 1020
WORTH_ANOTHER_TRY = {DEADLOCK, LOCK_TIMEOUT, LOCKED, CHANGED_SINCE_READ}


def log_statements(engine: Engine) -> None:
    """Log every statement of this engine at DEBUG, without its values and without numbers of patrons."""

    def log_statement(_conn: Any, _cursor: Any, statement: str, _values: Any, context: Any, *_: Any) -> None:
        log.debug("%s", getattr(context, "compiled", None) or statement)

    if log.isEnabledFor(logging.DEBUG):
        event.listen(engine, "before_cursor_execute", log_statement)


@contextmanager
def in_our_words() -> Iterator[None]:
    """An error of the database leaves the block as a sentence of ours with the server's number."""
    try:
        yield
    except DBAPIError as error:
        number = number_of(error)
        if number not in WORDS:
            log.debug("error %s of the database", number, exc_info=error)
        raise error_of(number) from error


@contextmanager
def read_only(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the database and cannot write."""
    with interruptible(), in_our_words(), engine.connect() as conn:
        cannot_write(conn)
        try:
            yield conn
        finally:
            conn.rollback()


@contextmanager
def alongside(
    conn: Connection, work: Callable[[Connection], Iterator[T]], *, at_one_moment: bool = False
) -> Iterator[Iterator[T]]:
    """Yield what `work` yields, which is done in a reading transaction of its own beside the block, a little ahead.

    If it must see the same moment as the block, the work is done on this connection, when its results are asked for. So
    it is on SQLite, which does one thing at a time.
    """
    if at_one_moment or conn.dialect.name == "sqlite":
        yield work(conn)
        return
    with read_only(conn.engine) as second, ThreadPoolExecutor(max_workers=1) as pool:
        results = work(second)
        begun = deque(pool.submit(next, results, None) for _ in range(AHEAD))

        def in_order() -> Iterator[T]:
            while (result := begun.popleft().result()) is not None:
                begun.append(pool.submit(next, results, None))
                yield result

        try:
            yield in_order()
        finally:
            pool.shutdown(cancel_futures=True)


def writing(engine: Engine, work: Callable[[Connection], T]) -> T:
    """What `work` returns, committed; undone and tried again after a pause where it met locks of others."""
    for pause in (*PAUSES, None):
        with in_our_words():
            try:
                with interruptible(), engine.connect() as conn, conn.begin() as transaction:
                    result = work(conn)
                    with undisturbed():
                        transaction.commit()
                    return result
            except DBAPIError as error:
                refused = number_of(error)
                if refused not in WORTH_ANOTHER_TRY:
                    raise
                log.debug("error %s: the transaction was undone", refused)
        if pause is not None:
            sleep(pause)
    raise GentleNudgeError(
        f"the database refused the changes {TRIES} times because of locks held by others (error {refused})",
        "nothing was changed; it will be tried again at the next run",
    )
