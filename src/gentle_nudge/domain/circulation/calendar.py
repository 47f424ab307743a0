"""Open and closed days of a library, counted as Koha counts them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, timedelta
from functools import lru_cache

from gentle_nudge.domain.circulation.loan import NotComputed
from gentle_nudge.domain.circulation.snapshot import Closures

ALWAYS_OPEN = Closures()
DAY = timedelta(days=1)
LOOKED_AHEAD = 5_000  # days; so far Koha's own search for an open day would be of no use to anybody


def is_open(closures: Closures, day: date) -> bool:
    """Whether the library is open on this day: a single date decides, then the weekday, then day and month."""
    if day in closures.exceptions:
        return True
    if day in closures.single or day.isoweekday() % 7 in closures.weekly:
        return False
    return day.month * 100 + day.day not in closures.yearly


@lru_cache(maxsize=4_096)
def closed_days_of(closures: Closures, year: int) -> tuple[date, ...]:
    """The closed days of a year, in order."""
    if closures == ALWAYS_OPEN:
        return ()
    days = (date(year, 1, 1) + timedelta(days=number) for number in range(366))
    return tuple(day for day in days if day.year == year and not is_open(closures, day))


def closed_days(closures: Closures, first: date, last: date) -> list[date]:
    """The closed days from the first to the last, both included."""
    years = (closed_days_of(closures, year) for year in range(first.year, last.year + 1))
    return [day for days in years for day in days[bisect_left(days, first) : bisect_right(days, last)]]


def open_days(closures: Closures, first: date, last: date) -> int:
    """The days from the first to the last, less the closed ones of that interval, both ends included."""
    return (last - first).days - len(closed_days(closures, first, last))


def next_open_day(closures: Closures, day: date, *, step: int = 1, from_open: bool = False) -> date:
    """The day itself if it is open, else the next open one; with `step` -1 the last one; `from_open`: not the day."""
    for number in range(int(from_open), LOOKED_AHEAD + 1):
        candidate = day + timedelta(days=number * step)
        if is_open(closures, candidate):
            return candidate
    raise NotComputed(
        f"the calendar has no open day within {LOOKED_AHEAD:,} days of {day}",
        "see the closed weekdays of this library in Koha's tool Calendar",
    )


def day_of_open_age(closures: Closures, due: date, age: int) -> date:
    """The first open day after the due date on which a loan is so many open days late."""
    day = due + timedelta(days=max(age, 1))
    while True:
        day = next_open_day(closures, day)
        missing = age - open_days(closures, due, day)
        if missing <= 0:
            return day
        day += timedelta(days=missing)
