"""How far a database had got: what the archive remembers of it, so that a restored backup is recognised."""

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
    """One delivery that was sent, and when; `sha256` is that of the report."""

    delivery: int
    channel: Channel
    recipient: str
    file_name: str
    sha256: str
    at: datetime

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from every other, also once a restored database has given its number to another."""
        return (self.delivery, self.channel, self.recipient, self.file_name, self.sha256)


@dataclass(frozen=True, kw_only=True, slots=True)
class Journal:
    """The revision of a database, and the deliveries sent from the day `since` on, copies in the archive left out."""

    revision: int = 0
    since: date | None = None
    sent: tuple[SentDelivery, ...] = ()

    def unknown_to(self, sent: Collection[SentDelivery]) -> tuple[SentDelivery, ...]:
        """The deliveries that this journal knows as sent, and a database where these were sent does not."""
        known = {entry.identity for entry in sent}
        return tuple(entry for entry in self.sent if entry.identity not in known)

    def was_delivered(self, sha256: str, day: date) -> bool:
        """Whether a report of this day went to anybody, as far as is known: before `since` it is taken for granted."""
        if self.since is None or day < self.since:
            return True
        return any(entry.sha256 == sha256 for entry in self.sent)

    def written(self) -> str:
        """The journal as one line of text."""
        rows = [(e.delivery, e.channel, e.recipient, e.file_name, e.sha256, e.at.isoformat()) for e in self.sent]
        return json.dumps({"note": self.revision, "since": self.since and self.since.isoformat(), "sent": rows})


def from_text(text: str) -> Journal:
    """The journal written so; an empty one for a text that is none."""
    try:
        known = json.loads(text)
        return Journal(
            revision=int(known["note"]),
            since=date.fromisoformat(known["since"]) if known["since"] else None,
            sent=tuple(map(_entry, known["sent"])),
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
