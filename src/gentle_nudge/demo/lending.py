"""How the sample library lends: rules, a calendar, triggers and letters, with a conflict that many libraries have.

Its third notice comes after 30 open days, and its items are lost after 30 days of any kind: nobody ever gets it.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, insert

from gentle_nudge.koha import koha_tables
from gentle_nudge.koha.koha_tables import circulation

Rows = list[tuple[str | int | None, ...]]
ALL = (None, None, None)  # any library, category, item type
CATEGORIES = ("PT", "COLLEGE", "SENIOR", "KID")
LIBRARIES = ("MAIN", "EAST", "BUS")
SUNDAY = 0
LENDING: dict[Table, tuple[str, Rows]] = {
    koha_tables.itemtypes: (
        "itemtype description processfee",
        [("BK", "Book", 5), ("DVD", "DVD", 5), ("MAG", "Magazine", 0)],
    ),
    koha_tables.circulation_rules: (
        "branchcode categorycode itemtype rule_name rule_value",
        [
            (*ALL, "issuelength", "14"),
            (*ALL, "lengthunit", "days"),
            (*ALL, "daysmode", "Datedue"),
            (*ALL, "fine", "0.25"),
            (*ALL, "chargeperiod", "1"),
            (*ALL, "firstremind", "2"),
            (*ALL, "overduefinescap", "8.00"),
            (None, None, "DVD", "issuelength", "7"),
            (None, None, "DVD", "fine", "1.00"),
            (None, "KID", None, "fine", ""),
            ("EAST", "PT", "DVD", "fine", "0.50"),
            ("BUS", "PT", "MAG", "issuelength", "28"),
        ],
    ),
    koha_tables.repeatable_holidays: (
        "branchcode weekday day month",
        [(library, *day) for library in LIBRARIES for day in ((SUNDAY, None, None), (None, 4, 7), (None, 25, 12))],
    ),
    koha_tables.overduerules: (
        "overduerules_id branchcode categorycode delay1 letter1 debarred1 delay2 letter2 debarred2 delay3 letter3",
        [
            (number, "", category, 7, "ODUE", "0", 14, "ODUE2", "1", 30, "ODUE3")
            for number, category in enumerate(CATEGORIES, start=1)
        ],
    ),
    koha_tables.overduerules_transport_types: (
        "overduerules_id letternumber message_transport_type",
        [(number, level, "email") for number, _ in enumerate(CATEGORIES, start=1) for level in (1, 2, 3)],
    ),
    koha_tables.letter: (
        "module code branchcode is_html title content message_transport_type lang",
        [
            ("circulation", code, "", 0, title, f"{title}: <<biblio.title>>", "email", "default")
            for code, title in (
                ("PREDUE", "Due soon"),
                ("ODUE", "Overdue"),
                ("ODUE2", "Still overdue"),
                ("ODUE3", "Last notice before the item is lost"),
            )
        ],
    ),
    koha_tables.message_attributes: (
        "message_attribute_id message_name",
        [(1, "Item_Due"), (2, "Advance_Notice")],
    ),
    koha_tables.borrower_message_preferences: (
        "borrower_message_preference_id categorycode message_attribute_id days_in_advance wants_digest",
        [(number, category, 2, 3, 0) for number, category in enumerate(CATEGORIES, start=1)],
    ),
    koha_tables.borrower_message_transport_preferences: (
        "borrower_message_preference_id message_transport_type",
        [(number, "email") for number, _ in enumerate(CATEGORIES, start=1)],
    ),
}
PREFERENCES = {
    "finesMode": "production",
    "OverdueNoticeCalendar": "1",
    "DefaultLongOverdueDays": "30",
    "DefaultLongOverdueLostValue": "2",
    "DefaultLongOverdueChargeValue": "2",
    "WhenLostForgiveFine": "1",
}


def set_up_lending(conn: Connection) -> None:
    """Koha has what it needs to lend; its calendar and its triggers are those of the older layout."""
    tables = (table for table in LENDING if table.metadata is circulation)
    circulation.create_all(conn, tables=[*tables, koha_tables.special_holidays])
    for table, (columns, rows) in LENDING.items():
        conn.execute(insert(table), [dict(zip(columns.split(), row, strict=True)) for row in rows])
