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


NEAR = {"yesterday": -1, "today": 0, "tomorrow": 1}
DAY_WORDS = frozenset((*NEAR, *(weekday.name.lower() for weekday in Weekday)))


def named_day(word: str, today: date, *, ahead: bool) -> date:
    """The day that one of the DAY_WORDS means; ValueError for any other word.

    A weekday is the coming one where a question looks `ahead`, else the last one; today is either.
    """
    word = word.casefold()
    if word in NEAR:
        return today + timedelta(days=NEAR[word])
    days_ahead = (Weekday.parse(word) - today.weekday()) % 7
    return today + timedelta(days=days_ahead if ahead or not days_ahead else days_ahead - 7)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The aware UTC instant at which this calendar day begins in the zone."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
