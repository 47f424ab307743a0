"""The sample library on its opening day: codes and preferences; and its cast."""

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
STRIDE = 77  # shares no factor with HOW_MANY, so that every patron has a number
PREFERENCES = {
    "LibraryName": LIBRARY,
    "KohaAdminEmailAddress": "koha@fernwood.example",
    "AutoSelfCheckID": SELF_CHECK,
    "BorrowersLog": "1",
    "FinesLog": "1",
    "SendAllEmailsTo": "",
    "timeformat": "24hr",
    "staffClientBaseURL": "https://staff.fernwood.example",
}

# The library's notices, as Koha keeps them under Tools, Notices & slips.
LETTERS = {
    "DEBTREM1": ("You owe <<debt.total>>", "Please pay before <<debt.next>>, or bring back what is lost."),
    "DEBTREM2": ("You still owe <<debt.total>>", "Please pay before <<debt.next>>. Then we send a bill, with a fee."),
    "DEBTBILL": ("Bill of <<today>>: <<debt.total>>", "A fee of <<debt.fee>> is in it. Please pay now."),
}
LETTER_BEGINS = """Dear <<borrowers.firstname>> <<borrowers.surname>>,

since <<debt.since>> you owe the <<branches.branchname>>:

<debt><<line.date>>  <<line.type>>  <<line.outstanding>></debt>
in all <<debt.total>>

"""
LETTER_ENDS = "Your library"

# The columns of a table, and the rows that are in it.
CODES: dict[Table, tuple[str, list[tuple[str | int, ...]]]] = {
    koha_tables.branches: (
        "branchcode branchname",
        [("MAIN", "Fernwood Main Library"), ("EAST", "East Branch"), ("BUS", "Bookmobile")],
    ),
    koha_tables.categories: (
        "categorycode description category_type",
        [
            ("PT", "Patron", "A"),
            ("COLLEGE", "College student", "A"),
            ("SENIOR", "Senior", "A"),
            ("KID", "Young patron", "C"),
            ("STAFF", "Staff", "S"),
            ("SCHOOL", "School", "I"),
        ],
    ),
    koha_tables.account_debit_types: (
        "code description archived",
        [
            ("ACCOUNT", "Account creation fee", 0),
            ("ACCOUNT_RENEW", "Account renewal fee", 0),
            ("LOST", "Lost item", 0),
            ("MANUAL", "Manual fee", 0),
            ("OVERDUE", "Overdue fine", 0),
            ("PROCESSING", "Lost item processing fee", 0),
            ("RENT", "Rental fee", 0),
        ],
    ),
    koha_tables.restriction_types: ("code", [("MANUAL",), ("OVERDUES",), ("SUSPENSION",), ("DISCHARGE",)]),
    koha_tables.letter: (
        "module code branchcode message_transport_type lang is_html title content",
        [
            ("circulation", code, "", transport, "default", 0, title, f"{LETTER_BEGINS}{text}\n{LETTER_ENDS}")
            for code, (title, text) in LETTERS.items()
            for transport in ("email", "print")
        ],
    ),
    koha_tables.borrower_attribute_types: ("code repeatable unique_id opac_editable", [("EXEMPT", 0, 0, 0)]),
}


def patrons(day: date) -> dict[int, Sample]:
    """The cast as before its first night, well mixed, by borrowernumber; `day` is the Sunday shown."""
    samples = islice(chain(special(day), ordinary(day)), HOW_MANY)
    mixed = {1 + place * STRIDE % HOW_MANY: patron for place, patron in enumerate(samples)}
    return dict(sorted(mixed.items()))


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


def found_library(desk: Desk, samples: Mapping[int, Sample]) -> None:
    """Make Koha's tables with codes and preferences; one of these patrons is to be the anonymous one."""
    koha_tables.koha.create_all(desk.conn)
    for table, (columns, rows) in CODES.items():
        desk.conn.execute(insert(table), [dict(zip(columns.split(), row, strict=True)) for row in rows])
    anonymous = next(number for number, patron in samples.items() if patron.surname == ANONYMOUS)
    preferences = {**PREFERENCES, "AnonymousPatron": str(anonymous)}
    values = [{"variable": name, "value": value} for name, value in preferences.items()]
    desk.conn.execute(insert(koha_tables.systempreferences), values)
