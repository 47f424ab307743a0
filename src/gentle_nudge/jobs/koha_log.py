"""Our own rows in Koha's log: which run, which file; nothing about a patron."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.jobs.transaction import writing
from gentle_nudge.koha.write import action_logs

LOGGED = {
    ReportKind.SUBMISSION: "NEW_SUBMISSIONS",
    ReportKind.UPDATE: "UPDATES",
    ReportKind.SYNC: "SYNC",
    ReportKind.REMIND: "REMINDERS",
}
LOG_MODULE = "GENTLENUDGE"
log = logging.getLogger(__name__)


def log_ours(conn: Connection, action: str, info: object, moment: Moment) -> None:
    """Write a row of our own into Koha's log."""
    row = action_logs.LogRow(module=LOG_MODULE, action=action, object=None, info=action_logs.pretty(info))
    action_logs.write(conn, [row], moment)


def log_errors(engine: Engine, report: ReportKind, errors: Sequence[Mapping[str, str]], moment: Moment) -> None:
    """Log in Koha that this report was not made, and why; if that fails, go on."""

    def log_all(conn: Connection) -> None:
        for error in errors:
            log_ours(conn, f"{LOGGED[report]}_ERROR", error, moment)

    if errors:
        try:
            writing(engine, log_all)
        except (GentleNudgeError, SQLAlchemyError):
            log.debug("Koha's log", exc_info=True)
