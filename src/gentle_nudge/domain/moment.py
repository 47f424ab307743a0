"""When something happens: the business day, the instant, the library's zone, and the person who asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A run's day and instant; `who` is the login name when a person decided something, else None."""

    day: date
    now: datetime
    zone: ZoneInfo
    who: str | None = None

    @property
    def today(self) -> date:
        """The calendar day of the instant in the library's zone."""
        return self.now.astimezone(self.zone).date()
