"""The archive's note of how far this database got. A database that got less far was restored from a backup."""

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
    """The archive's note has our revision and the deliveries sent lately. DeliveryFailed if it cannot be written."""
    since = now - REACHES_BACK
    with read_only(engine) as conn:
        revision, sent = meta.ready(conn).revision, deliveries.sent_since(conn, since)
    journal = Journal(revision=revision, since=since.date(), sent=sent)
    archive.note(journal.written())


def journal_of(archive: ArchiveOutlet | None) -> Journal:
    """The archive's note; an empty one if there is no archive, or if it cannot be read (writing to it says so).

    Read it before the database: a note is written after the commit it tells of.
    """
    with suppress(DeliveryFailed):
        if archive and (note := archive.read_note()):
            return from_text(note)
    return Journal()


def forgotten(conn: Connection, journal: Journal) -> tuple[SentDelivery, ...]:
    """The deliveries that are sent in the archive's note and not in this database, in the order of queueing."""
    return journal.unknown_to(deliveries.sent_among(conn, [entry.delivery for entry in journal.sent]))


def is_restored(conn: Connection, journal: Journal) -> bool:
    """Whether this database is older than the archive's note of it."""
    return meta.ready(conn).revision < journal.revision or bool(forgotten(conn, journal))


def refuse_restored(conn: Connection, journal: Journal) -> None:
    """UserError if this database was restored from a backup, and `init --restored` was not run yet."""
    if is_restored(conn, journal):
        raise UserError(
            "This database is older than the archive's last note of it: it was restored from a backup.",
            "To see what was delivered since that backup, and to go on from there: gentle-nudge init --restored.",
        )
