"""Which machine and database this is, and the refusal to act anywhere else than where `init` was run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gentle_nudge.errors import ToBeMended
from gentle_nudge.koha.engine import server_of
from gentle_nudge.koha.instance import Instance
from gentle_nudge.store import schema
from gentle_nudge.store.schema import Meta

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A database on a machine."""

    machine: str
    host: str
    port: int
    database: str

    @classmethod
    def of(cls, conn: Connection, instance: Instance) -> Place:
        """Where this connection leads."""
        host, port, database = server_of(conn)
        return cls(machine=instance.machine, host=host, port=port, database=database)

    def is_of(self, meta: Meta) -> bool:
        """Whether our tables were initialised here."""
        return (meta.machine, meta.host, meta.port, meta.database_name) == (
            self.machine,
            self.host,
            self.port,
            self.database,
        )

    def meta(self, now: datetime, *, is_copy: bool = False, note: int = 0) -> Meta:
        """The row that says so."""
        return Meta(
            machine=self.machine,
            host=self.host,
            port=self.port,
            database_name=self.database,
            is_copy=is_copy,
            note=note,
            initialised=now,
        )


def refuse_elsewhere(conn: Connection, instance: Instance) -> Meta:
    """Our row, if this is where our tables were initialised; ToBeMended on another machine or database."""
    meta = schema.ready(conn)
    if not Place.of(conn, instance).is_of(meta):
        raise ToBeMended(
            "This database was initialised on another machine, or as another database: it may be a copy.",
            "If the library moved here, run gentle-nudge init --moved; if this is a copy, gentle-nudge init --copy.",
        )
    return meta
