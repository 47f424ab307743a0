"""A hold: who is kept back from collections, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

REASONS = ("bankruptcy", "dispute", "plan", "deceased", "hardship", "error", "other")
WITHOUT_END = ("bankruptcy", "deceased")


class HoldSource(StrEnum):
    """Where a hold was made: by a command (or by staff in Koha, as a wish), by an edited list, or in Koha's field."""

    COMMAND = "command"
    FILE = "file"
    KOHA = "koha"


class HoldEnd(StrEnum):
    """What ended a hold."""

    RESUME = "resume"
    DATE = "date"
    FIELD = "field"
    REPLACED = "replaced"
    RELEASED = "released"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A row of `gentle_nudge_hold`, or what a patron's field in Koha says.

    `section` is None for all sections. The `reason` is one of the words for people, or the value of Koha's field. The
    last day is `until`; None: until somebody ends it.
    """

    id: int | None = None
    patron: int
    section: str | None = None
    reason: str
    note: str | None = None
    until: date | None = None
    source: HoldSource
    who: str | None = None
    since: datetime | None = None
    ended: datetime | None = None
    ended_by: HoldEnd | None = None

    @property
    def is_by_person(self) -> bool:
        """Whether somebody made it by a command or file, and not in Koha's field."""
        return self.source is not HoldSource.KOHA

    @property
    def open_key(self) -> str:
        """What only one open hold may have."""
        return f"{self.patron} {self.source} {self.section or ''}".rstrip()

    def is_in_force(self, day: date) -> bool:
        """Whether it keeps the patron back on this day; the last day is included."""
        return self.until is None or day <= self.until
