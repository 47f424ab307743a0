"""Watching: ping the monitor when a night begins and ends, and write the metrics file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from gentle_nudge.delivery.ping import ping
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import Standing
from gentle_nudge.errors import EXIT_FAILURE, EXIT_TEMPFAIL, GentleNudgeError
from gentle_nudge.jobs.identity import is_here
from gentle_nudge.jobs.interruption import Interrupted
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.monitor.metrics import keep_figures
from gentle_nudge.jobs.sending.outlets import standing_of
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.store import meta

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Watch:
    """The watchers of a night, and its `exit_code`, which is failure until the night sets it.

    `notes` are sentences about a metrics file that could not be written and a ping that was refused; neither makes a
    night fail.
    """

    url: str | None = field(default=None, repr=False)
    metrics: Path | None = None
    exit_code: int = EXIT_FAILURE
    notes: list[str] = field(default_factory=list)


@contextmanager
def watched(library: Library, moment: Moment, clock: Callable[[], datetime]) -> Iterator[Watch]:
    """The monitor is told the start and the end, and the metrics are written, even if the night fails.

    If another run has the lock, the end is left to that run; after an interrupt, to the next.
    """
    watch = _watch(library)
    if watch.url:
        ping(watch.url, "start")
    try:
        yield watch
    except Interrupted:
        watch.exit_code = EXIT_TEMPFAIL
        raise
    finally:
        if watch.exit_code != EXIT_TEMPFAIL:
            if watch.metrics:
                well = watch.exit_code == 0
                watch.notes += keep_figures(library, watch.metrics, replace(moment, now=clock()), well=well)
            if watch.url and (refusal := ping(watch.url, "fail" if watch.exit_code else "")):
                watch.notes.append(refusal)


def _watch(library: Library) -> Watch:
    """The watchers: none in a copy, and no ping from a test copy. A database that is down is a failure to report."""
    monitoring = library.settings.monitoring
    everybody = Watch(url=monitoring.ping_url, metrics=monitoring.metrics_file)
    try:
        with read_only(library.engine) as conn:
            our_row = meta.read_meta(conn)
            if our_row and (our_row.is_copy or not is_here(conn, library.instance, our_row)):
                return Watch()
            if standing_of(conn) is Standing.TEST_COPY:
                return Watch(metrics=monitoring.metrics_file)
    except (GentleNudgeError, SQLAlchemyError):
        log.debug("the database, asked whether this is the library itself", exc_info=True)
    return everybody
