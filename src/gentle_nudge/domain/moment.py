"""The business day, the instant, the zone, and who asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from typing import Literal
from zoneinfo import ZoneInfo

CLOCKS_MAY_DIFFER = timedelta(minutes=10)  # ours and the database server's
Interface = Literal["cron", "commandline"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A run's day and instant; `who` is the login name when a person decided something, else None.

    `interface` is what Koha calls this program: `cron` for the commands of a crontab, whoever types them, `commandline`
    for all others.
    """

    day: date
    now: datetime
    zone: ZoneInfo
    who: str | None = None
    interface: Interface = "cron"

    @property
    def today(self) -> date:
        """The calendar day of the instant in the library's zone."""
        return self.now.astimezone(self.zone).date()


class Weekday(IntEnum):
    """Days as `date.weekday()` counts them."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6

    @classmethod
    def parse(cls, text: str) -> Weekday:
        """Read the English name of a day; ValueError for anything else."""
        if text.upper() not in cls.__members__:
            raise ValueError("a day of the week is needed, such as sunday")
        return cls[text.upper()]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The aware UTC instant at which this calendar day begins in the zone."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
