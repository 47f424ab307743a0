"""Watching: a monitor hears when a night begins and how it ends, and the figures of the library are kept current."""

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
from gentle_nudge.errors import EXIT_TEMPFAIL, GentleNudgeError
from gentle_nudge.jobs.identity import is_here
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.koha.read.administration import preferences
from gentle_nudge.store import meta

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Watch:
    """Who watches a night, and how it ends: `exit_code` is that of failure until the night says otherwise.

    `notes` are sentences about watchers that could not be told; that never makes a night fail.
    """

    url: str | None = field(default=None, repr=False)
    metrics: Path | None = None
    exit_code: int = 1
    notes: list[str] = field(default_factory=list)


@contextmanager
def watched(library: Library, moment: Moment, clock: Callable[[], datetime]) -> Iterator[Watch]:
    """The monitor hears of the start and of the end, and the figures are written, whatever becomes of the night.

    While another run is at work the end is left to that one.
    """
    watch = _watch(library)
    if watch.url:
        ping(watch.url, "start")
    try:
        yield watch
    finally:
        if watch.exit_code != EXIT_TEMPFAIL:
            if watch.metrics:
                from gentle_nudge.jobs.monitor.metrics import keep_figures  # noqa: PLC0415 - not every library keeps them

                well = watch.exit_code == 0
                watch.notes += keep_figures(library, watch.metrics, replace(moment, now=clock()), well=well)
            if watch.url:
                ping(watch.url, "fail" if watch.exit_code else "")


def _watch(library: Library) -> Watch:
    """Who watches: nobody where this is not the library itself. A database that is away is a failure to be told."""
    monitoring = library.settings.monitoring
    here = Watch(url=monitoring.ping_url, metrics=monitoring.metrics_file)
    try:
        with read_only(library.engine) as conn:
            our_row = meta.read_meta(conn)
            if our_row and (our_row.is_copy or not is_here(conn, library.instance, our_row)):
                return Watch()
            if preferences(conn, ["SendAllEmailsTo"])["SendAllEmailsTo"].strip():
                return Watch(metrics=monitoring.metrics_file)
            return here
    except (GentleNudgeError, SQLAlchemyError):
        log.debug("the database, asked whether this is the library itself", exc_info=True)
        return here
