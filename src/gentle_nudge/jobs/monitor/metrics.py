"""The metrics file: figures about cases, reports and deliveries for a monitoring system."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gentle_nudge.delivery.metrics_file import Figures, write_metrics
from gentle_nudge.delivery.outlet import DeliveryFailed
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import UNDELIVERED
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.monitor.standing import status
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.store import cases, deliveries
from gentle_nudge.views.status_view import Status

log = logging.getLogger(__name__)


def keep_figures(library: Library, file: Path, moment: Moment, *, well: bool) -> Iterator[str]:
    """The file has all figures, or at least how the night ended; a sentence if it cannot be written."""
    try:
        with read_only(library.engine) as conn:
            figures = _figures(conn, status(conn, library, moment), moment, well=well)
    except (GentleNudgeError, SQLAlchemyError):
        log.debug("the metrics", exc_info=True)
        figures = Figures(night=moment.now, well=well)
    try:
        write_metrics(file, figures)
    except DeliveryFailed as failure:
        yield failure.sentence


def _figures(conn: Connection, now: Status, moment: Moment, *, well: bool) -> Figures:
    open_cases = Counter(name for sections in cases.open_case_patrons(conn).values() for name in sections)
    states = Counter(deliveries.counts(conn))
    states.subtract(late.delivery.state for late in now.undelivered if late.delivery.id in now.held)
    return Figures(
        night=moment.now,
        well=well,
        runs=now.runs,
        open_cases=open_cases,
        late=frozenset(late.section for late in now.late),
        deliveries={state.value: states[state] for state in UNDELIVERED} | {"held": len(now.held)},
    )
