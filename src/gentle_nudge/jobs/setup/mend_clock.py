"""Init after a clock was wrong: what was dated ahead is of today."""

from __future__ import annotations

from sqlalchemy import Connection

from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.identity import LOGGED_AS
from gentle_nudge.jobs.koha_log import log_ours
from gentle_nudge.store import dates_ahead, meta
from gentle_nudge.store.dates_ahead import DatesAhead


def mend_clock(conn: Connection, moment: Moment) -> DatesAhead:
    """Everything dated ahead is of today; what it was. Koha's log says who decided.

    Koha's own rows, stored reports and their file names stay as they are.
    """
    meta.lock(conn)
    ahead = dates_ahead.dates_ahead(conn, moment)
    dates_ahead.bring_back(conn, moment)
    what = {"option": "clock-mended", "who": moment.who, "runs": len(ahead.runs), "claims": len(ahead.claims)}
    log_ours(conn, LOGGED_AS, what, moment)
    return ahead
