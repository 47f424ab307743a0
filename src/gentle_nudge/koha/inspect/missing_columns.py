"""Whether this Koha has the tables and columns that the program knows, and whether they can hold our words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import Column, Connection, Table, text

from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.passport.mapping import SECOND_ADDRESS
from gentle_nudge.koha.koha_tables import (
    borrower_message_preferences,
    borrower_message_transport_preferences,
    branches,
    categories,
    circulation_rules,
    columns_of,
    koha,
    letter,
)

# What only reminders read, besides the tables that are theirs alone.
REMINDED: Mapping[str, frozenset[str]] = {
    "borrowers": frozenset({"title", "country", "emailpro", "B_email", "lang"}),
    "branches": frozenset(column.name for column in branches.columns if column.name.startswith("branch"))
    - {"branchcode", "branchname"},
    "letter": frozenset(column.name for column in letter.columns) - {"id", "code"},
    "message_queue": frozenset({"message_transport_type", "failure_code", "time_queued"}),
}

# What only `timeline` reads, besides the tables of circulation.
CIRCULATED: Mapping[str, frozenset[str]] = {
    "account_debit_types": frozenset({"restricts_checkouts"}),
    "borrowers": frozenset({"dateexpiry"}),
    "categories": frozenset({"overduenoticerequired", "noissuescharge"}),
    "issues": frozenset({"borrowernumber", "itemnumber", "branchcode"}),
    "items": frozenset({"replacementprice", "itype"}),
}

# The same of the passport; and the tables of circulation that it reads, which may be missing.
PASSPORTED: Mapping[str, frozenset[str]] = {
    "borrowers": frozenset({"country", "emailpro", "flags", "streetnumber", "streettype", *SECOND_ADDRESS, "B_email"}),
    "categories": frozenset(column.name for column in categories.columns)
    - {"categorycode", "description", "category_type", *CIRCULATED["categories"]},
}
OF_THE_PASSPORT = (borrower_message_preferences, borrower_message_transport_preferences, circulation_rules)

# What older versions of Koha lack, and the program does without.
OPTIONAL: Mapping[str, frozenset[str]] = {
    "accountlines": frozenset({"old_issue_id"}),
    "action_logs": frozenset({"object", "interface", "script", "trace", "diff"}),
    "borrowers": frozenset({"protected", "anonymized"}).union(
        *(system["borrowers"] for system in (REMINDED, CIRCULATED, PASSPORTED))
    ),
    **{table: columns for table, columns in CIRCULATED.items() if table != "borrowers"},
    **{table: columns for table, columns in REMINDED.items() if table != "borrowers"},
    "categories": PASSPORTED["categories"] | CIRCULATED["categories"],
    "user_permissions": frozenset({"borrowernumber"}),
    "borrower_attribute_types": frozenset({"is_date"}),
    "return_claims": frozenset({"id", "itemnumber", "borrowernumber", "resolved_on"}),
    "restriction_types": frozenset({"code", "lift_after_payment", "fee_limit"}),
    "smtp_servers": frozenset({"id", "host", "port", "timeout", "ssl_mode", "user_name", "password", "is_default"}),
    "plugin_methods": frozenset({"plugin_class", "plugin_method"}),
    "reserves": frozenset({"reserve_id", "borrowernumber", "biblionumber", "suspend", "found", "cancellationdate"}),
}

WHY = "The program reads or writes it, so every night would fail."

WAY_OUT = (
    "Is this the database of a Koha, of release 22.11 or later? If Koha is newer than this program, look for a newer "
    "release of it."
)

CHARACTER_SET = text(
    "SELECT character_set_name FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name = :table AND column_name = :column"
)


def names_of(table: Table) -> tuple[str, ...]:
    """The names of a table's columns."""
    return tuple(column.name for column in table.columns)


def unfit(conn: Connection, hidden: Collection[str] = ()) -> Iterator[Finding]:
    """A finding for each missing table and column, except in hidden tables: not granted, or not used."""
    for table in koha.sorted_tables:
        optional = OPTIONAL.get(table.name, frozenset())
        present = {name.casefold() for name in columns_of(conn, table)}
        missing = [name for name in names_of(table) if name not in optional and name.casefold() not in present]
        if table.name in hidden or not missing:
            continue
        if not present:
            what = f"Koha's table {table.name} is not there."
            yield Finding(name="koha-table-missing", what=what, why=WHY, way_out=WAY_OUT)
            continue
        for name in missing:
            what = f"Koha's table {table.name} has no column {name}."
            yield Finding(name="koha-column-missing", what=what, why=WHY, way_out=WAY_OUT)


def character_set_lacking(conn: Connection, column: Column[str], word: str) -> str | None:
    """The column's character set if it lacks a character of the word; None if the column can hold it."""
    if word.isascii() or conn.dialect.name == "sqlite":
        return None
    name = conn.execute(CHARACTER_SET, {"table": column.table.name, "column": column.name}).scalar()
    if name is None or not str(name).isalnum():
        return None
    converted = text(f"SELECT CONVERT(CONVERT(:word USING {name}) USING utf8mb4)")
    return None if conn.execute(converted, {"word": word}).scalar() == word else str(name)
