"""How numbers and zones stand in sentences."""

from __future__ import annotations

from datetime import timedelta

ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def counted(number: int, one: str, many: str = "") -> str:
    """The number and what is counted: `1 patron`, `2 patrons`; `many` if that is more than an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def ordinal(number: int) -> str:
    """The place of something in a row: `1st`, `2nd`, `3rd`, `11th`."""
    is_teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if is_teen else ENDINGS.get(number % 10, 'th')}"


def utc_offset(offset: timedelta) -> str:
    """A zone by its distance from UTC: `UTC-5`, `UTC+5:30`."""
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    sign = "-" if offset < timedelta(0) else "+"
    return f"UTC{sign}{hours}{f':{minutes:02}' if minutes else ''}" if offset else "UTC"
