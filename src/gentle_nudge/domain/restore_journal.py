"""How far a database had got: kept in the archive, so that a restored backup is recognised."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from gentle_nudge.domain.outbox import Channel

REACHES_BACK = timedelta(days=60)


@dataclass(frozen=True, kw_only=True, slots=True)
class SentDelivery:
    """A delivery sent at this instant; `sha256` is that of the report."""

    delivery: int
    channel: Channel
    recipient: str
    file_name: str
    sha256: str
    at: datetime

    @property
    def identity(self) -> tuple[object, ...]:
        """What identifies it, even if a restored database gives its number a second time."""
        return (self.delivery, self.channel, self.recipient, self.file_name, self.sha256)


@dataclass(frozen=True, kw_only=True, slots=True)
class Journal:
    """The revision of a database, and the deliveries sent from the day `since` on, without copies in the archive."""

    revision: int = 0
    since: date | None = None
    sent: tuple[SentDelivery, ...] = ()

    def unknown_to(self, sent: Collection[SentDelivery]) -> tuple[SentDelivery, ...]:
        """The sent deliveries of this journal that are not among those sent according to a database."""
        identities = {entry.identity for entry in sent}
        return tuple(entry for entry in self.sent if entry.identity not in identities)

    def was_delivered(self, sha256: str, day: date) -> bool:
        """Whether a report of this day went to anybody; before `since` this is taken for granted."""
        if self.since is None or day < self.since:
            return True
        return any(entry.sha256 == sha256 for entry in self.sent)

    def written(self) -> str:
        """The journal as one line of text."""
        rows = [(e.delivery, e.channel, e.recipient, e.file_name, e.sha256, e.at.isoformat()) for e in self.sent]
        return json.dumps({"note": self.revision, "since": self.since and self.since.isoformat(), "sent": rows})


def from_text(text: str) -> Journal:
    """The journal as `written`; an empty one if the text is no journal."""
    try:
        journal = json.loads(text)
        return Journal(
            revision=int(journal["note"]),
            since=date.fromisoformat(journal["since"]) if journal["since"] else None,
            sent=tuple(map(_entry, journal["sent"])),
        )
    except (ValueError, TypeError, KeyError):
        return Journal()


def _entry(row: Any) -> SentDelivery:
    delivery, channel, recipient, file_name, sha256, at = row
    return SentDelivery(
        delivery=int(delivery),
        channel=Channel(channel),
        recipient=str(recipient),
        file_name=str(file_name),
        sha256=str(sha256),
        at=datetime.fromisoformat(at),
    )
