"""The notices of a night: what Koha has sent is kept, before Koha deletes it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sqlalchemy import Connection, Engine

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.patron import SentNotice
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.koha.read import message_queue
from gentle_nudge.store import meta, notices_sent


def collect_notices(engine: Engine, sections: Iterable[Section], moment: Moment) -> None:
    """The letters of `prior_notice` that Koha has sent are kept, with the day of their first being seen as sent.

    Nothing is read where no section asks for notices, and nothing is locked where all are kept.
    """
    letters = {letter for section in sections for letter in section.policy.prior_notice}
    if not letters:
        return
    with read_only(engine) as conn:
        if meta.missing_or_old(conn):
            return  # the night says so
        new = notices_sent.missing(conn, message_queue.sent(conn, letters, moment.zone))
    if new:
        writing(engine, partial(_keep, notices=new))


def _keep(conn: Connection, notices: Iterable[SentNotice]) -> None:
    meta.lock(conn)
    notices_sent.keep(conn, notices_sent.missing(conn, notices))
