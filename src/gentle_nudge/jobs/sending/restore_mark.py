"""How far we got, told to the archive: a database that knows less has been restored from a backup."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from sqlalchemy import Connection, Engine

from gentle_nudge.delivery.archive import ArchiveOutlet
from gentle_nudge.delivery.outlet import DeliveryFailed
from gentle_nudge.domain.restore_journal import REACHES_BACK, Journal, SentDelivery, from_text
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.store import deliveries, meta


def tell_archive(engine: Engine, archive: ArchiveOutlet, now: datetime) -> None:
    """The archive's note is this database's: its own note, and what it sent lately. DeliveryFailed if it cannot be."""
    with read_only(engine) as conn:
        since = now - REACHES_BACK
        journal = Journal(
            revision=meta.ready(conn).revision, since=since.date(), sent=deliveries.sent_since(conn, since)
        )
    archive.note(journal.written())


def journal_of(archive: ArchiveOutlet | None) -> Journal:
    """What the archive remembers; nothing without one, or where it cannot be read (whoever writes there will say).

    To be read before the database is: a note is written after the commit it tells of.
    """
    with suppress(DeliveryFailed):
        marker = archive.marker() if archive else None
        if archive and marker and marker.database == archive.database:
            return from_text(marker.payload)
    return Journal()


def forgotten(conn: Connection, journal: Journal) -> tuple[SentDelivery, ...]:
    """The deliveries that the archive knows as sent and this database does not, in the order of queueing."""
    if not journal.sent:
        return ()
    return journal.unknown_to(deliveries.sent_since(conn, min(entry.at for entry in journal.sent)))


def is_restored(conn: Connection, journal: Journal) -> bool:
    """Whether this database is older than what the archive remembers of it."""
    return meta.ready(conn).revision < journal.revision or bool(forgotten(conn, journal))


def refuse_restored(conn: Connection, journal: Journal) -> None:
    """UserError if this database has been restored from a backup, and nobody has looked into it yet."""
    if is_restored(conn, journal):
        raise UserError(
            "This database is older than the archive's last note of it: it was restored from a backup.",
            "To see what was delivered since that backup, and to go on from there: gentle-nudge init --restored.",
        )
