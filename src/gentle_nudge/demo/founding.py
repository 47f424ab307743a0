"""The sample library on its opening day: codes, preferences, patrons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain, islice

from sqlalchemy import Table, insert

from gentle_nudge.demo.counter import Desk
from gentle_nudge.demo.people import names
from gentle_nudge.demo.roles import ANONYMOUS, SELF_CHECK, Charge, Sample, lost, overdue, sample, special
from gentle_nudge.koha import koha_tables

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
    return tuple(islice(chain(special(day), ordinary(day)), HOW_MANY))


def ordinary(day: date) -> Iterator[Sample]:
    """Patrons who owe nothing, a little, or only what is too new or too old to count."""
    for number, (surname, firstname) in enumerate(names()):
        born = day - timedelta(days=19 * 366 + number * 97 % 20_000)
        yield sample(surname, firstname, *little(number), born=born)


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


STRIDE = 77  # shares no factor with the number of patrons, so that everybody gets a number of their own


def numbered(samples: tuple[Sample, ...]) -> dict[int, Sample]:
    """The patrons by borrowernumber, well mixed."""
    mixed = {1 + place * STRIDE % len(samples): sample for place, sample in enumerate(samples)}
    return dict(sorted(mixed.items()))


def found_library(desk: Desk, samples: Mapping[int, Sample]) -> None:
    """Make Koha's tables with codes, preferences and these patrons."""
    koha_tables.koha.create_all(desk.conn)
    anonymous = next(number for number, sample in samples.items() if sample.surname == ANONYMOUS)
    preferences = {**PREFERENCES, "AnonymousPatron": str(anonymous)}
    rows: dict[Table, list[dict[str, object]]] = {
        koha_tables.systempreferences: [{"variable": name, "value": value} for name, value in preferences.items()],
        koha_tables.branches: [{"branchcode": code, "branchname": name} for code, name in BRANCHES.items()],
        koha_tables.categories: [
            {"categorycode": code, "description": name, "category_type": kind}
            for code, (name, kind) in CATEGORIES.items()
        ],
        koha_tables.account_debit_types: [
            {"code": code, "description": text, "archived": 0} for code, text in DEBIT_TYPES.items()
        ],
        koha_tables.restriction_types: [{"code": code} for code in RESTRICTION_TYPES],
        koha_tables.borrower_attribute_types: [
            {"code": code, "repeatable": 0, "unique_id": 0, "opac_editable": 0} for code in ATTRIBUTE_TYPES
        ],
    }
    for table, values in rows.items():
        desk.conn.execute(insert(table), values)
    desk.register(samples)
