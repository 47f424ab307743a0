"""The nightly copy: what became of recorded lines is kept, before Koha purges it.

A night asks only for the offsets of lines that owe something else than before, are new, or have an offset above the
last one that a day had passed over when the copy before was made: Koha numbers offsets as they are made, but a
transaction that takes long shows its own later than others with higher numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
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
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import meta, outcome_copy
from gentle_nudge.store.outcome_copy import CopiedUpTo, SeenLine, Watched
from gentle_nudge.store.tables import outcome, outcome_line

WATCHED_DAYS = 180  # so long after its end a case is watched, longer if it may be reopened for longer
LATEST = timedelta(days=7)  # no case is dated further back than a late submission
A_DAY = timedelta(days=1)  # no transaction of Koha's takes so long
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
    since, today, up_to = moment.today - days, moment.today, None
    if outcome_copy.is_any_watched(conn, since):
        before, copied = outcome_copy.copied_up_to(conn), outcome_copy.last_copied(conn)
        new_since = copied.astimezone(moment.zone).date() - LATEST if copied else date.min
        lines = Watched(since=since, new_since=new_since)
        touched: set[int] | None = None
        if before and before.since <= since:
            query = account_offsets.touched_lines_query(before.offset, outcome_line, outcome.c.offset_id)
            touched = {*conn.scalars(query), *lines.of_new_cases(conn)}
        for watched in (lines, replace(lines, fees=True)):
            changed = _see(conn, watched, today)
            _keep(conn, watched, None if touched is None else touched | changed, moment)
        latest = conn.scalar(account_offsets.last_offset_query(moment.now - A_DAY))
        up_to = CopiedUpTo(offset=latest or 0, since=since)
    outcome_copy.note_copied(conn, moment.now, up_to)


def _see(conn: Connection, watched: Watched, today: date) -> set[int]:
    """What is seen of the watched lines is up to date; those that are new or have changed."""
    changed: set[int] = set()
    for lines in _batches(conn, account_offsets.changed_lines_query(watched.recorded(), outcome_line)):
        seen = [
            SeenLine(
                line=line,
                owing=owing,
                found_on=found_on or (today if found else None),
                gone_on=(gone_on or today) if gone else None,
            )
            for line, owing, found, gone, found_on, gone_on in lines
        ]
        outcome_copy.see(conn, seen, today)
        changed.update(each.line for each in seen)
    return changed


def _keep(conn: Connection, watched: Watched, lines: Collection[int] | None, moment: Moment) -> None:
    """The offsets of these among the watched lines (None: of all) are kept."""
    for chunk in [None] if lines is None else a_thousand_at_a_time(sorted(lines)):
        query = account_offsets.new_offsets_query(watched.recorded(chunk), outcome.c.offset_id)
        for offsets in _batches(conn, query):
            outcome_copy.keep(conn, offsets, moment.now)


def _batches(conn: Connection, query: Select[Any]) -> Iterator[Sequence[Any]]:
    """The rows of the query, so many at a time; what was kept of one batch is not found by the next."""
    rows: Sequence[Any] | None = None
    while rows is None or len(rows) == account_offsets.MOST_AT_ONCE:
        rows = conn.execute(query).all()
        yield rows
