"""Housekeeping: what has been kept long enough goes, each kind in a small transaction of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from time import perf_counter

from sqlalchemy import Connection, Engine

from gentle_nudge.delivery.archive import ArchiveOutlet
from gentle_nudge.domain.moment import Moment
from gentle_nudge.errors import AnotherRunInProgress, GentleNudgeError
from gentle_nudge.jobs.sending.manage import copies
from gentle_nudge.jobs.transaction import writing
from gentle_nudge.settings.keys import Archive
from gentle_nudge.store import cases, meta, report_files

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class RetentionPeriods:
    """How long things are kept, in days after the day they are of; `database` is whose archive folders we clear."""

    reports: int
    cases: int
    database: str

    @classmethod
    def of(cls, archive: Archive, database: str) -> RetentionPeriods:
        """As the settings say."""
        return cls(reports=archive.keep_days, cases=archive.keep_cases_days, database=database)


def apply_retention(engine: Engine, keeping: RetentionPeriods, moment: Moment) -> Iterator[GentleNudgeError]:
    """What has been kept long enough is gone; every trouble with that, which stops nothing else.

    Another run at work is no trouble: it keeps house as well.
    """
    for what, work in _works(keeping, moment):
        started = perf_counter()
        try:
            writing(engine, work)
            log.info("%s: done (%.1f s)", what, perf_counter() - started)
        except AnotherRunInProgress:
            return
        except GentleNudgeError as trouble:
            yield trouble
        except Exception as error:
            log.debug("%s", what, exc_info=error)
            yield GentleNudgeError(f"{what} failed: {type(error).__name__}.", "It is tried again the next night.")


def _works(keeping: RetentionPeriods, moment: Moment) -> Iterable[tuple[str, Callable[[Connection], None]]]:
    return (
        ("Dropping the names of deleted patrons", _forget_the_deleted),
        ("Dropping the names of old closed cases", partial(_forget_old_cases, keeping=keeping, moment=moment)),
        ("Deleting old reports", partial(_prune, keeping=keeping, moment=moment)),
    )


def _forget_the_deleted(conn: Connection) -> None:
    meta.lock(conn)
    cases.forget_names(conn, cases.names_no_longer_needed(conn))


def _forget_old_cases(conn: Connection, keeping: RetentionPeriods, moment: Moment) -> None:
    meta.lock(conn)
    day = moment.today - timedelta(days=keeping.cases)
    cases.forget(conn, cases.closed_before(conn, day), moment.now)


def _prune(conn: Connection, keeping: RetentionPeriods, moment: Moment) -> None:
    """Old reports are gone: the bytes here with the copies in the archive, or neither."""
    meta.lock(conn)
    before = moment.today - timedelta(days=keeping.reports)
    for stored in report_files.prune(conn, before=before, today=moment.today):
        for folder in copies(conn, stored):
            if folder.is_dir():
                ArchiveOutlet(directory=folder, database=keeping.database).remove(stored.file_name, stored.sha256)
