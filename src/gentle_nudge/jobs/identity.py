"""Which machine and database this is, and the refusal to act anywhere else than where `init` was run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import UNDELIVERED
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.koha_log import log_ours
from gentle_nudge.koha.connect.engine import server_of
from gentle_nudge.koha.connect.instance import Instance
from gentle_nudge.store import deliveries, meta, upgrade
from gentle_nudge.store.meta import Meta

if TYPE_CHECKING:
    from sqlalchemy import Connection


A_COPY = "this database is a copy"


LOGGED_AS = "INIT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """A database on a machine."""

    machine: str
    host: str
    port: int
    database: str

    @classmethod
    def of(cls, conn: Connection, instance: Instance) -> Identity:
        """Where this connection leads."""
        host, port, database = server_of(conn)
        return cls(machine=instance.machine, host=host, port=port, database=database)

    def is_of(self, our_row: Meta) -> bool:
        """Whether our tables were initialised here."""
        return (our_row.machine, our_row.host, our_row.port, our_row.database_name) == (
            self.machine,
            self.host,
            self.port,
            self.database,
        )

    def meta(self, now: datetime, *, is_copy: bool = False, revision: int = 0) -> Meta:
        """The row that says so."""
        return Meta(
            machine=self.machine,
            host=self.host,
            port=self.port,
            database_name=self.database,
            is_copy=is_copy,
            revision=revision,
            initialised=now,
        )


def refuse_elsewhere(conn: Connection, instance: Instance) -> Meta:
    """Our row, if this is where our tables were initialised; UserError on another machine or database."""
    our_row = meta.ready(conn)
    if not Identity.of(conn, instance).is_of(our_row):
        raise UserError(
            "This database was initialised on another machine, or as another database: it may be a copy.",
            "If the library moved here, run gentle-nudge init --moved; if this is a copy, gentle-nudge init --copy.",
        )
    return our_row


def settle(conn: Connection, instance: Instance, moment: Moment, *, is_copy: bool) -> int:
    """Our tables belong here from now on, as the library's (it has moved) or as a copy of it.

    Of a copy every open delivery is cancelled: how many. Koha's log says who decided it.
    """
    upgrade.create_or_upgrade(conn)
    known = meta.read_meta(conn)
    revision = known.revision if known else 0
    meta.write_meta(conn, Identity.of(conn, instance).meta(moment.now, is_copy=is_copy, revision=revision))
    open_ones = [delivery.id for delivery in deliveries.by_state(conn, *UNDELIVERED)] if is_copy else []
    cancelled = deliveries.cancel(conn, open_ones, now=moment.now, reason=A_COPY, who=moment.who)
    what = {"option": "copy" if is_copy else "moved", "who": moment.who, "cancelled": len(cancelled)}
    log_ours(conn, LOGGED_AS, what, moment)
    return len(cancelled)
