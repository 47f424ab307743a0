"""A patron of another library made here: the row, the attribute that names the home, the messages of the category."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Column, Connection, Date, Integer, MetaData, String, Table, insert, literal, null, select

from gentle_nudge.domain.passport.mapping import COLUMNS
from gentle_nudge.koha.koha_tables import (
    borrower_attributes,
    borrower_message_preferences,
    borrower_message_transport_preferences,
    borrowers,
    columns_of,
)

# Apart from the columns that we read: nobody needs the right to read passwords.
NEW_PATRON = Table(
    "borrowers",
    MetaData(),
    *(Column(name, Date if name == "dateofbirth" else String) for name in COLUMNS),
    *(Column(name, String) for name in ("cardnumber", "userid", "categorycode", "branchcode", "password")),
    *(Column(name, Date) for name in ("dateenrolled", "dateexpiry")),
    Column("privacy", Integer),
    Column("borrowernumber", Integer, primary_key=True),
)


def present_columns(conn: Connection) -> frozenset[str]:
    """The columns of a patron that this Koha has."""
    return columns_of(conn, borrowers)


def add_patron(conn: Connection, values: Mapping[str, object], *, attribute: str, home: str) -> int:
    """The patron is there with these columns, and with the attribute that names the home; the new number."""
    made = conn.execute(insert(NEW_PATRON).values(values))
    number = int(made.inserted_primary_key[0]) if made.inserted_primary_key else 0
    conn.execute(insert(borrower_attributes).values(borrowernumber=number, code=attribute, attribute=home))
    return number


def add_messages(conn: Connection, patron: int, wanted: Mapping[int, list[str]]) -> None:
    """The patron has a copy of each of these preferences of the category (C4::Members::Messaging)."""
    wish = borrower_message_preferences.c
    copied = (wish.message_attribute_id, wish.days_in_advance, wish.wants_digest)
    names = ["borrowernumber", "categorycode", *(column.name for column in copied)]
    for preference, transports in wanted.items():
        row = select(literal(patron), null(), *copied).where(wish.borrower_message_preference_id == preference)
        made = conn.execute(insert(borrower_message_preferences).from_select(names, row)).lastrowid
        ways = [{"borrower_message_preference_id": made, "message_transport_type": each} for each in transports]
        if ways:
            conn.execute(insert(borrower_message_transport_preferences), ways)
