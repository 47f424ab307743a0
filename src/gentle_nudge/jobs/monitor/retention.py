"""Retention: delete names and reports that were kept long enough, each kind in its own transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from sqlalchemy import Connection

from gentle_nudge.delivery.archive import ArchiveOutlet
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.report_row import PAGES
from gentle_nudge.errors import AnotherRunInProgress, GentleNudgeError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.night.lists import end_lists_of_gone_sections
from gentle_nudge.jobs.sending.manage import copies
from gentle_nudge.jobs.transaction import writing
from gentle_nudge.store import (
    cases,
    holds,
    meta,
    night_values,
    notices_sent,
    passports,
    reminder_series,
    report_files,
    review_lists,
    wishes,
)

log = logging.getLogger(__name__)
LOG_KEPT = 365  # days for what is left of a passport that is gone from the settings


def apply_retention(library: Library, moment: Moment) -> Iterator[GentleNudgeError]:
    """Everything kept long enough is deleted; the errors, each of which stops nothing else.

    Nothing is done while another run has the lock: that run does it.
    """
    works: dict[str, Callable[[Connection], None]] = {
        "Dropping the names of deleted patrons": lambda conn: _forget_deleted_patrons(conn, library),
        "Dropping old lists and notices, and the names of old closed cases": lambda conn: _forget_old(
            conn, library, moment
        ),
        "Deleting old reports": lambda conn: _prune(conn, library, moment),
        "Deleting old pages": lambda conn: _prune_pages(conn, library, moment),
    }
    for title, work in works.items():
        started = perf_counter()
        try:
            writing(library.engine, work)
            log.info("%s: done (%.1f s)", title, perf_counter() - started)
        except AnotherRunInProgress:
            return
        except GentleNudgeError as failure:
            yield GentleNudgeError(f"{title} failed: {failure.sentence}", failure.hint)
        except Exception as error:
            log.debug("%s", title, exc_info=error)
            yield GentleNudgeError(f"{title} failed: {type(error).__name__}.", "It is tried again the next night.")


def _forget_deleted_patrons(conn: Connection, library: Library) -> None:
    meta.lock(conn)
    cases.forget_names(conn, cases.names_no_longer_needed(conn, _heard(conn, library)))


def _forget_old(conn: Connection, library: Library, moment: Moment) -> None:
    meta.lock(conn)
    kept = timedelta(days=library.settings.archive.keep_cases_days)
    cases.forget(conn, cases.closed_before(conn, moment.today - kept, _heard(conn, library)), moment.now)
    wishes.forget_before(conn, moment.now - kept)
    holds.forget_before(conn, moment.now - kept)
    review_lists.delete_before(conn, moment.today - kept)
    reminder_series.forget_before(conn, moment.today - kept)
    passport = library.settings.passport
    passports.forget_before(conn, moment.now - timedelta(days=passport.keep_days if passport else LOG_KEPT))
    end_lists_of_gone_sections(conn, library.known_sections(conn), moment.now)
    notices_sent.forget_before(
        conn, min(draft.policy.kept_notices_since(moment.today) for draft in library.settings.drafts)
    )


def _heard(conn: Connection, library: Library) -> cases.HeardOf:
    """What the agencies of all sections hear of."""
    return {own: names for section in library.known_sections(conn) for own, names in section.heard.items()}


def _prune(conn: Connection, library: Library, moment: Moment) -> None:
    """Old reports are deleted here and in the archive folders, or in neither; with them the values of nights."""
    meta.lock(conn)
    before = moment.today - timedelta(days=library.settings.archive.keep_days)
    night_values.prune(conn, before=before)
    for stored in report_files.prune(conn, before=before, today=moment.today):
        for folder in filter(Path.is_dir, copies(conn, stored)):
            archive = ArchiveOutlet(directory=folder, database=library.instance.database)
            archive.remove(stored.file_name, stored.sha256)


def _prune_pages(conn: Connection, library: Library, moment: Moment) -> None:
    """Old pages are deleted here and in the folder of staff, which no copy touches."""
    meta.lock(conn)
    kept = timedelta(days=library.settings.staff.keep_days)
    report_files.prune(conn, before=moment.today - kept, today=moment.today, kinds=PAGES)
    if folder := library.outlets(conn).staff_folder:
        folder.tidy(moment.today - kept, moment.now - kept)
