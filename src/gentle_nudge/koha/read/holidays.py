"""When libraries are closed, in the older layout of the calendar and in the newer one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, select

from gentle_nudge.domain.circulation.snapshot import Closures
from gentle_nudge.koha.koha_tables import (
    columns_of,
    library_closure_exceptions,
    library_repeating_closures,
    library_single_closures,
    library_weekly_closures,
    repeatable_holidays,
    special_holidays,
)


def closures(conn: Connection) -> dict[str, Closures]:
    """When each library is closed, by its code as the calendar has it; one that is always open is left out."""
    calendars: defaultdict[str, defaultdict[str, set[Any]]] = defaultdict(lambda: defaultdict(set))
    older = bool(columns_of(conn, repeatable_holidays))
    for library, kind, day in _in_two_tables(conn) if older else _in_four_tables(conn):
        calendars[library][kind].add(day)
    return {
        library: Closures(**{kind: frozenset(days) for kind, days in each.items()})
        for library, each in calendars.items()
    }


def _in_two_tables(conn: Connection) -> Iterator[tuple[str, str, int | date]]:
    for library, weekday, day, month in conn.execute(repeatable_holidays_query()):
        if weekday is not None:
            yield library, "weekly", weekday
        elif day and month:
            yield library, "yearly", 100 * month + day
    for library, day, month, year, is_exception in conn.execute(special_holidays_query()):
        with suppress(ValueError):  # nothing keeps 31 June out of these columns
            yield library, "exceptions" if is_exception else "single", date(year, month, day)


def _in_four_tables(conn: Connection) -> Iterator[tuple[str, str, int | date]]:
    queries: dict[str, Callable[[], Select[Any]]] = {
        "weekly": weekly_closures_query,
        "single": single_closures_query,
        "exceptions": closure_exceptions_query,
    }
    for kind, query in queries.items():
        yield from ((library, kind, day) for library, day in conn.execute(query()) if day is not None)
    for library, day, month in conn.execute(repeating_closures_query()):
        yield library, "yearly", 100 * month + day


def repeatable_holidays_query() -> Select[Any]:
    """Weekdays and days of the year on which libraries are closed, in the older layout (`timeline`).

    Index: repeatable_holidays none.
    """
    row = repeatable_holidays.c
    return select(row.branchcode, row.weekday, row.day, row.month)


def special_holidays_query() -> Select[Any]:
    """Dates on which libraries are closed, or open, in the older layout (`timeline`).

    Index: special_holidays none.
    """
    row = special_holidays.c
    return select(row.branchcode, row.day, row.month, row.year, row.isexception)


def weekly_closures_query() -> Select[Any]:
    """Weekdays on which libraries are closed, in the newer layout (`timeline`).

    Index: library_weekly_closures library_id_weekday.
    """
    return select(library_weekly_closures.c.library_id, library_weekly_closures.c.weekday)


def repeating_closures_query() -> Select[Any]:
    """Days of the year on which libraries are closed, in the newer layout (`timeline`).

    Index: library_repeating_closures library_id_day_month.
    """
    row = library_repeating_closures.c
    return select(row.library_id, row.day, row.month)


def single_closures_query() -> Select[Any]:
    """Dates on which libraries are closed, in the newer layout (`timeline`).

    Index: library_single_closures library_id_date.
    """
    return select(library_single_closures.c.library_id, library_single_closures.c.date)


def closure_exceptions_query() -> Select[Any]:
    """Dates on which libraries are open all the same, in the newer layout (`timeline`).

    Index: library_closure_exceptions library_id_date.
    """
    return select(library_closure_exceptions.c.library_id, library_closure_exceptions.c.date)
