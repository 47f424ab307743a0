"""How numbers and zones stand in sentences."""

from __future__ import annotations

from datetime import timedelta

# The kinds of charges for lost and overdue items, one and several.
KINDS_OF_CHARGES = {
    "LOST": ("lost item", "lost items"),
    "PROCESSING": ("processing charge", "processing charges"),
    "OVERDUE": ("fine", "fines"),
}


def counted(number: int, one: str, many: str = "") -> str:
    """The number and what is counted: `1 patron`, `2 patrons`; `many` if that is more than an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def is_blank(text: str) -> bool:
    """Whether nobody could read anything in it: blanks of all kinds, and the apostrophe of a spreadsheet."""
    return not any(character.isprintable() and not character.isspace() for character in text.strip().lstrip("'"))


def ordinal(place: int) -> str:
    """The place in a row: `1st`, `2nd`, `11th`."""
    ending = "th" if place // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def utc_offset(offset: timedelta) -> str:
    """A zone by its distance from UTC: `UTC-5`, `UTC+5:30`."""
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    sign = "-" if offset < timedelta(0) else "+"
    return f"UTC{sign}{hours}{f':{minutes:02}' if minutes else ''}" if offset else "UTC"
