"""Which machine and database this is; refuse to act where `init` was not run."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import TELLS_NOBODY, UNDELIVERED, Standing
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.koha_log import log_ours
from gentle_nudge.koha.connect.engine import server_of
from gentle_nudge.koha.connect.instance import Instance
from gentle_nudge.store import deliveries, meta, upgrade
from gentle_nudge.store.meta import Meta

LOGGED_AS = "INIT"


def is_here(conn: Connection, instance: Instance, our_row: Meta) -> bool:
    """Whether our tables were initialised on this machine, as this database.

    A machine that the settings name is known by that name, wherever its database server runs: that is for clusters. An
    id of the server tells a cloned machine from its original; it is not asked if `init` or this server does not know
    it.
    """
    here = server_of(conn)
    if (our_row.machine, our_row.database_name) != (instance.machine, here.database_name):
        return False
    if instance.machine_is_named:
        return True
    same_id = our_row.server_uid == here.server_uid or None in {our_row.server_uid, here.server_uid}
    return same_id and (our_row.host, our_row.port) == (here.host, here.port)


def note_here(conn: Connection, instance: Instance, now: datetime, *, is_copy: bool = False, revision: int = 0) -> None:
    """Note that our tables belong to this machine and this database."""
    here = asdict(server_of(conn))
    meta.write_meta(conn, Meta(machine=instance.machine, **here, is_copy=is_copy, revision=revision, initialised=now))


def refuse_elsewhere(conn: Connection, instance: Instance) -> Meta:
    """Our row, if this is where our tables were initialised; UserError on another machine or database."""
    our_row = meta.ready(conn)
    if not is_here(conn, instance, our_row):
        raise UserError(
            "This database was initialised on another machine, or as another database: it may be a copy.",
            "If the library moved here, or its server got another network card, run gentle-nudge init --moved; if this "
            "is a copy, gentle-nudge init --copy.",
        )
    return our_row


def settle(conn: Connection, instance: Instance, moment: Moment, *, is_copy: bool) -> int:
    """Note that our tables belong here from now on, as the library's or as a copy's, and who decided it.

    A copy's open deliveries are cancelled; the result is how many.
    """
    upgrade.create_or_upgrade(conn)
    former = meta.read_meta(conn)
    note_here(conn, instance, moment.now, is_copy=is_copy, revision=former.revision if former else 0)
    undelivered = [delivery.id for delivery in deliveries.by_state(conn, *UNDELIVERED)] if is_copy else []
    cancelled = len(
        deliveries.cancel(conn, undelivered, now=moment.now, reason=TELLS_NOBODY[Standing.COPY], who=moment.who)
    )
    what = {"option": "copy" if is_copy else "moved", "who": moment.who, "cancelled": cancelled}
    log_ours(conn, LOGGED_AS, what, moment)
    return cancelled
