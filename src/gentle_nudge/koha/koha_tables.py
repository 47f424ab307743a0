"""Koha's tables: the columns we touch, and what may be missing in older versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Column, Connection, Date, Dialect, Integer, MetaData, String, Table, inspect, text
from sqlalchemy.types import TypeDecorator, TypeEngine

from gentle_nudge.sqltypes import Instant, Money


class Day(TypeDecorator[date]):
    """A calendar day; MariaDB's `0000-00-00` is none."""

    impl = Date
    cache_ok = True

    def process_result_value(self, value: Any | None, dialect: Dialect) -> date | None:  # noqa: ARG002 - interface
        """Leave out what is no day."""
        return value if isinstance(value, date) else None


def _columns(kind: type[TypeEngine[Any]], names: str) -> Iterator[Column[Any]]:
    """Columns of one kind, named in Koha's order."""
    return (Column(name, kind) for name in names.split())


koha = MetaData()

borrowers = Table(
    "borrowers",
    koha,
    Column("borrowernumber", Integer, primary_key=True),
    *_columns(
        String,
        "cardnumber surname firstname address address2 city zipcode state phone mobile phonepro B_phone email "
        "branchcode categorycode sort1 sort2 debarredcomment userid",
    ),
    *_columns(Day, "dateofbirth debarred"),
    *_columns(Integer, "protected anonymized"),
    Column("updated_on", Instant),
)

categories = Table(
    "categories",
    koha,
    Column("categorycode", String, primary_key=True),
    *_columns(String, "description category_type"),
)

branches = Table("branches", koha, Column("branchcode", String, primary_key=True), Column("branchname", String))

accountlines = Table(
    "accountlines",
    koha,
    Column("accountlines_id", Integer, primary_key=True),
    *_columns(Integer, "borrowernumber itemnumber"),
    Column("date", Instant),
    *_columns(Money, "amount amountoutstanding"),
    *_columns(String, "description note credit_type_code debit_type_code status"),
    Column("manager_id", Integer),
    *_columns(String, "interface branchcode"),
)

account_offsets = Table(
    "account_offsets",
    koha,
    Column("id", Integer, primary_key=True),
    *_columns(Integer, "credit_id debit_id"),
    Column("type", String),
    Column("amount", Money),
    Column("created_on", Instant),
)

account_debit_types = Table(
    "account_debit_types",
    koha,
    Column("code", String, primary_key=True),
    Column("description", String),
    Column("archived", Integer),
)

items = Table("items", koha, Column("itemnumber", Integer, primary_key=True), Column("homebranch", String))

borrower_attributes = Table(
    "borrower_attributes",
    koha,
    Column("id", Integer, primary_key=True),
    Column("borrowernumber", Integer),
    *_columns(String, "code attribute"),
)

borrower_attribute_types = Table(
    "borrower_attribute_types",
    koha,
    Column("code", String, primary_key=True),
    *_columns(Integer, "repeatable unique_id opac_editable"),
    Column("authorised_value_category", String),
)

authorised_values = Table(
    "authorised_values",
    koha,
    Column("id", Integer, primary_key=True),
    *_columns(String, "category authorised_value"),
)

borrower_debarments = Table(
    "borrower_debarments",
    koha,
    Column("borrower_debarment_id", Integer, primary_key=True),
    Column("borrowernumber", Integer),
    Column("expiration", Day),
    *_columns(String, "type comment"),
    Column("manager_id", Integer),
    *_columns(Instant, "created updated"),
)

restriction_types = Table(
    "restriction_types",
    koha,
    Column("code", String, primary_key=True),
    Column("lift_after_payment", Integer),
    Column("fee_limit", Money),
)

borrower_relationships = Table(
    "borrower_relationships",
    koha,
    Column("id", Integer, primary_key=True),
    *_columns(Integer, "guarantor_id guarantee_id"),
)

library_groups = Table(
    "library_groups",
    koha,
    Column("id", Integer, primary_key=True),
    Column("parent_id", Integer),
    *_columns(String, "branchcode title"),
)

action_logs = Table(
    "action_logs",
    koha,
    Column("action_id", Integer, primary_key=True),
    Column("timestamp", Instant),
    Column("user", Integer),
    *_columns(String, "module action"),
    Column("object", Integer),
    *_columns(String, "info interface script trace diff"),
)

smtp_servers = Table(
    "smtp_servers",
    koha,
    Column("id", Integer, primary_key=True),
    Column("host", String),
    *_columns(Integer, "port timeout"),
    *_columns(String, "ssl_mode user_name password"),
    Column("is_default", Integer),
)

systempreferences = Table(
    "systempreferences",
    koha,
    Column("variable", String, primary_key=True),
    Column("value", String),
)

plugin_data = Table(
    "plugin_data",
    koha,
    Column("plugin_class", String, primary_key=True),
    Column("plugin_key", String, primary_key=True),
    Column("plugin_value", String),
)

plugin_methods = Table(
    "plugin_methods",
    koha,
    Column("plugin_class", String, primary_key=True),
    Column("plugin_method", String, primary_key=True),
)

# To ask for the table's definition instead takes rights to the whole table.
COLUMNS = text(
    "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = :name"
)


def columns_of(conn: Connection, table: Table) -> frozenset[str]:
    """The columns this Koha really has of a table, looked up once per connection; none: no such table.

    Columns that the database user has no right to are not among them.
    """
    columns: dict[str, frozenset[str]] = conn.info.setdefault("koha_columns", {})
    if table.name not in columns:
        columns[table.name] = frozenset(_names_in(conn, table.name))
    return columns[table.name]


def _names_in(conn: Connection, table: str) -> Iterator[str]:
    if conn.dialect.name != "sqlite":
        yield from conn.scalars(COLUMNS, {"name": table})
        return
    schema = inspect(conn)
    if schema.has_table(table):
        yield from (str(column["name"]) for column in schema.get_columns(table))
