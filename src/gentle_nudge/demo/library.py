"""The sample library: its codes, its preferences, its two hundred patrons."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice

from gentle_nudge.demo.cast import cast, tonight
from gentle_nudge.demo.left_out import ANONYMOUS, SELF_CHECK, left_out
from gentle_nudge.demo.people import names
from gentle_nudge.demo.sample import Charge, Sample, lost, named, overdue

LIBRARY = "Fernwood Public Library"
ZONE = "America/New_York"
HOW_MANY = 200
BRANCHES = {"MAIN": "Fernwood Main Library", "EAST": "East Branch", "BUS": "Bookmobile"}
CATEGORIES = {"PT": ("Patron", "A"), "KID": ("Young patron", "C"), "STAFF": ("Staff", "S"), "SCHOOL": ("School", "I")}
DEBIT_TYPES = {
    "LOST": "Lost item",
    "MANUAL": "Manual fee",
    "OVERDUE": "Overdue fine",
    "PROCESSING": "Lost item processing fee",
    "RENT": "Rental fee",
}
ATTRIBUTE_TYPES = ("EXEMPT",)
RESTRICTION_TYPES = ("MANUAL", "OVERDUES", "SUSPENSION", "DISCHARGE")
PREFERENCES = {
    "LibraryName": LIBRARY,
    "KohaAdminEmailAddress": "koha@fernwood.example",
    "AutoSelfCheckID": SELF_CHECK,
    "BorrowersLog": "1",
    "FinesLog": "1",
    "SendAllEmailsTo": "",
    "timeformat": "24hr",
}


def patrons(day: date) -> tuple[Sample, ...]:
    """Everybody, as they were before the first night; `day` is the Sunday shown."""
    special = [Sample(name=named(ANONYMOUS, ""), born=None), *cast(), *tonight(day), *left_out(day)]
    return (*special, *islice(ordinary(day), HOW_MANY - len(special)))


def ordinary(day: date) -> Iterator[Sample]:
    """Patrons who owe nothing, a little, or only what is too new or too old to count."""
    for number, name in enumerate(names()):
        yield Sample(
            name=name,
            born=day - timedelta(days=19 * 366 + number * 97 % 20_000),
            charges=tuple(little(number)),
        )


def little(number: int) -> Iterator[Charge]:
    """What an ordinary patron owes, or has paid: never enough in the window of any of the three nights."""
    cost = Decimal(number * 37 % 2300 + 95) / 100
    match number % 7:
        case 0 | 1:
            yield overdue(number % 120 + 1, f"{cost:.2f}", paid=True)
        case 2:
            yield overdue(number % 55 + 1, f"{cost / 4:.2f}")
        case 3:
            yield lost(number % 30 + 62, f"{cost:.2f}")
        case 4:
            yield lost(number % 200 + 120, f"{cost * 3:.2f}")
        case 5:
            yield lost(number % 50 + 5, f"{cost * 2:.2f}")
        case _:
            pass
