"""The days of the tests: a Sunday in November, and the days around it."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/New_York")
SUNDAY = date(2026, 11, 22)
MONDAY, TUESDAY, WEDNESDAY = (SUNDAY + timedelta(days=days) for days in (1, 2, 3))
LAST_SUNDAY, NEXT_SUNDAY = SUNDAY - timedelta(days=7), SUNDAY + timedelta(days=7)
IN_THE_WINDOW = SUNDAY - timedelta(days=75)
