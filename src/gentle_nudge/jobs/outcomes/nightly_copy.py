"""The nightly copy: what became of recorded lines is kept, before Koha purges it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, Engine, Select

from gentle_nudge.domain.collections.policy import Policy
from gentle_nudge.domain.moment import Moment
from gentle_nudge.errors import AnotherRunInProgress, GentleNudgeError, UserError
from gentle_nudge.jobs.transaction import writing
from gentle_nudge.koha.read import account_offsets
from gentle_nudge.store import meta, outcome_log
from gentle_nudge.store.outcome_log import SeenLine
from gentle_nudge.store.tables import outcome, outcome_line

WATCHED_DAYS = 180  # so long after its end a case is watched, longer if it may be reopened for longer
LATEST = timedelta(days=7)  # no case is dated further back than a late submission
ONE_STATE = "REPEATABLE READ"
AGAIN = "The next night copies all that is still in Koha."
log = logging.getLogger(__name__)


def copy_outcomes(engine: Engine, policies: Iterable[Policy], moment: Moment) -> GentleNudgeError | None:
    """The offsets of all watched lines are kept, with what the lines owe; an error in its place if that failed.

    Everything is read as of one instant, so that what a line owes agrees with its offsets. Nothing is lost by a copy
    that failed: the next one takes all that is still there.
    """
    days = max([WATCHED_DAYS, *(policy.reopen_days for policy in policies)])
    one_state = engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level=ONE_STATE)
    started = perf_counter()
    try:
        writing(one_state, partial(_copy, moment=moment, days=timedelta(days=days)))
    except AnotherRunInProgress as failure:
        return failure
    except GentleNudgeError as failure:
        sentence = f"What became of the cases was not copied: {failure.sentence}"
        return GentleNudgeError(sentence, failure.hint or AGAIN)
    except Exception as error:
        log.debug("the copy of outcomes", exc_info=error)
        return GentleNudgeError(f"What became of the cases was not copied: {type(error).__name__}.", AGAIN)
    log.info("what became of the cases copied (%.1f s)", perf_counter() - started)
    return None


def _copy(conn: Connection, moment: Moment, days: timedelta) -> None:
    try:
        meta.lock(conn)  # before anything is read: what is read is the state of that instant
    except UserError:
        return  # our tables are missing or old: the night says so
    since, today = moment.today - days, moment.today
    if outcome_log.is_any_watched(conn, since):
        copied = outcome_log.last_copied(conn)
        new_since = copied.astimezone(moment.zone).date() - LATEST if copied else date.min
        for recorded in (outcome_log.watched_lines(since, new_since), outcome_log.watched_fees(since)):
            for offsets in _batches(conn, account_offsets.new_offsets_query(recorded, outcome.c.offset_id)):
                outcome_log.keep(conn, offsets, moment.now)
            for lines in _batches(conn, account_offsets.changed_lines_query(recorded, outcome_line)):
                seen = (
                    SeenLine(
                        line=line,
                        owing=owing,
                        found_on=found_on or (today if found else None),
                        gone_on=(gone_on or today) if gone else None,
                    )
                    for line, owing, found, gone, found_on, gone_on in lines
                )
                outcome_log.see(conn, seen, today)
    outcome_log.note_copied(conn, moment.now)


def _batches(conn: Connection, query: Select[Any]) -> Iterator[Sequence[Any]]:
    """The rows of the query, so many at a time; what was kept of one batch is not found by the next."""
    rows: Sequence[Any] | None = None
    while rows is None or len(rows) == account_offsets.MOST_AT_ONCE:
        rows = conn.execute(query).all()
        yield rows
