"""Koha's tables: the columns we touch, and what may be missing in older versions."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Column, Connection, Date, DateTime, Dialect, Integer, MetaData, String, Table, text
from sqlalchemy.types import TypeDecorator, TypeEngine

from gentle_nudge.sqltypes import Instant, Money


class Day(TypeDecorator[date]):
    """A calendar day; MariaDB's `0000-00-00` is none."""

    impl = Date
    cache_ok = True

    def process_result_value(self, value: Any | None, dialect: Dialect) -> date | None:  # noqa: ARG002 - interface
        """None for everything that is no day."""
        return value if isinstance(value, date) else None


koha = MetaData()
circulation = MetaData()  # what `timeline` reads, and a little of it the passport; of two layouts a Koha has one
Columns = tuple[type[TypeEngine[Any]], str]


def _table(name: str, key: Columns, *columns: Columns, of: MetaData = koha) -> Table:
    """A table of Koha's: its key, and the other columns in Koha's order, neighbours of one kind together."""
    keys = (Column(each, key[0], primary_key=True) for each in key[1].split())
    return Table(name, of, *keys, *(Column(each, kind) for kind, names in columns for each in names.split()))


borrowers = _table(
    "borrowers",
    (Integer, "borrowernumber"),
    (String, "cardnumber surname firstname address address2 city zipcode state phone mobile phonepro B_phone email"),
    (String, "branchcode categorycode sort1 sort2 debarredcomment userid title country emailpro B_email lang"),
    (
        String,
        "streetnumber streettype B_streetnumber B_streettype B_address B_address2 B_city B_state B_zipcode B_country",
    ),
    (Day, "dateofbirth debarred dateexpiry"),
    (Integer, "gonenoaddress protected anonymized flags"),
    (Instant, "updated_on"),
)
# No key in Koha: a number that was used again and again has as many rows.
deletedborrowers = _table("deletedborrowers", (Integer, "borrowernumber"))
categories = _table(
    "categories",
    (String, "categorycode"),
    (String, "description category_type default_privacy"),
    (Integer, "overduenoticerequired noissuescharge enrolmentperiod dateofbirthrequired can_be_guarantee"),
    (Day, "enrolmentperioddate"),
    (Money, "enrolmentfee"),
)
branches = _table(
    "branches",
    (String, "branchcode"),
    (String, "branchname branchaddress1 branchaddress2 branchaddress3 branchzip branchcity branchstate branchcountry"),
    (String, "branchphone branchemail branchurl"),
)
accountlines = _table(
    "accountlines",
    (Integer, "accountlines_id"),
    (Integer, "issue_id old_issue_id borrowernumber itemnumber"),
    (Instant, "date"),
    (Money, "amount amountoutstanding"),
    (String, "description note credit_type_code debit_type_code status"),
    (Integer, "manager_id"),
    (String, "interface branchcode"),
)
account_offsets = _table(
    "account_offsets",
    (Integer, "id"),
    (Integer, "credit_id debit_id"),
    (String, "type"),
    (Money, "amount"),
    (Instant, "created_on"),
)
account_debit_types = _table(
    "account_debit_types", (String, "code"), (String, "description"), (Integer, "archived restricts_checkouts")
)
account_credit_types = _table("account_credit_types", (String, "code"), (String, "description"))
issues = _table(
    "issues",
    (Integer, "issue_id"),
    (Integer, "borrowernumber itemnumber"),
    (DateTime, "date_due"),
    (String, "branchcode"),
)
old_issues = _table("old_issues", (Integer, "issue_id"), (DateTime, "date_due"))
biblio = _table("biblio", (Integer, "biblionumber"), (String, "title"))
items = _table(
    "items",
    (Integer, "itemnumber"),
    (Integer, "biblionumber itemlost"),
    (Money, "replacementprice"),
    (String, "barcode homebranch location itemcallnumber itype"),
)
reserves = _table(
    "reserves",
    (Integer, "reserve_id"),
    (Integer, "borrowernumber biblionumber suspend"),
    (String, "found"),
    (Day, "cancellationdate"),
)
return_claims = _table(
    "return_claims", (Integer, "id"), (Integer, "itemnumber borrowernumber"), (Instant, "resolved_on")
)
borrower_attributes = _table(
    "borrower_attributes", (Integer, "id"), (Integer, "borrowernumber"), (String, "code attribute")
)
borrower_attribute_types = _table(
    "borrower_attribute_types",
    (String, "code"),
    (Integer, "repeatable unique_id opac_editable is_date"),
    (String, "authorised_value_category"),
)
authorised_values = _table("authorised_values", (Integer, "id"), (String, "category authorised_value"))
borrower_debarments = _table(
    "borrower_debarments",
    (Integer, "borrower_debarment_id"),
    (Integer, "borrowernumber"),
    (Day, "expiration"),
    (String, "type comment"),
    (Integer, "manager_id"),
    (Instant, "created updated"),
)
user_permissions = _table("user_permissions", (Integer, "borrowernumber"))
restriction_types = _table("restriction_types", (String, "code"), (Integer, "lift_after_payment"), (Money, "fee_limit"))
borrower_relationships = _table("borrower_relationships", (Integer, "id"), (Integer, "guarantor_id guarantee_id"))
library_groups = _table("library_groups", (Integer, "id"), (Integer, "parent_id"), (String, "branchcode title"))
action_logs = _table(
    "action_logs",
    (Integer, "action_id"),
    (Instant, "timestamp"),
    (Integer, "user"),
    (String, "module action"),
    (Integer, "object"),
    (String, "info interface script trace diff"),
)
smtp_servers = _table(
    "smtp_servers",
    (Integer, "id"),
    (String, "host"),
    (Integer, "port timeout"),
    (String, "ssl_mode user_name password"),
    (Integer, "is_default"),
)
letter = _table(
    "letter",
    (Integer, "id"),
    (String, "module code branchcode"),
    (Integer, "is_html"),
    (String, "title content message_transport_type lang"),
)
message_queue = _table(
    "message_queue",
    (Integer, "message_id"),
    (Integer, "borrowernumber"),
    (String, "letter_code message_transport_type status failure_code"),
    (Instant, "time_queued updated_on"),
)
systempreferences = _table("systempreferences", (String, "variable"), (String, "value"))
plugin_data = _table("plugin_data", (String, "plugin_class plugin_key"), (String, "plugin_value"))
plugin_methods = _table("plugin_methods", (String, "plugin_class plugin_method"))

# Circulation, as `timeline` asks for it
circulation_rules = _table(
    "circulation_rules",
    (Integer, "id"),
    (String, "branchcode categorycode itemtype rule_name rule_value"),
    of=circulation,
)
itemtypes = _table(
    "itemtypes", (String, "itemtype"), (String, "description"), (Money, "defaultreplacecost processfee"), of=circulation
)
# Triggers of overdue notices, as tables until they became rules.
overduerules = _table(
    "overduerules",
    (Integer, "overduerules_id"),
    (String, "branchcode categorycode"),
    (Integer, "delay1 delay2 delay3"),
    (String, "letter1 letter2 letter3 debarred1 debarred2 debarred3"),
    of=circulation,
)
overduerules_transport_types = _table(
    "overduerules_transport_types",
    (Integer, "id"),
    (Integer, "overduerules_id letternumber"),
    (String, "message_transport_type"),
    of=circulation,
)
# The calendar of libraries: the older two tables, the newer four.
repeatable_holidays = _table(
    "repeatable_holidays", (Integer, "id"), (String, "branchcode"), (Integer, "weekday day month"), of=circulation
)
special_holidays = _table(
    "special_holidays", (Integer, "id"), (String, "branchcode"), (Integer, "day month year isexception"), of=circulation
)
library_weekly_closures = _table(
    "library_weekly_closures",
    (Integer, "library_weekly_closure_id"),
    (String, "library_id"),
    (Integer, "weekday"),
    of=circulation,
)
library_repeating_closures = _table(
    "library_repeating_closures",
    (Integer, "library_repeating_closure_id"),
    (String, "library_id"),
    (Integer, "day month"),
    of=circulation,
)
library_single_closures = _table(
    "library_single_closures",
    (Integer, "library_single_closure_id"),
    (String, "library_id"),
    (Day, "date"),
    of=circulation,
)
library_closure_exceptions = _table(
    "library_closure_exceptions",
    (Integer, "library_closure_exception_id"),
    (String, "library_id"),
    (Day, "date"),
    of=circulation,
)
# Who wants which message: patrons, and categories as templates for new ones.
message_attributes = _table(
    "message_attributes", (Integer, "message_attribute_id"), (String, "message_name"), of=circulation
)
borrower_message_preferences = _table(
    "borrower_message_preferences",
    (Integer, "borrower_message_preference_id"),
    (Integer, "borrowernumber"),
    (String, "categorycode"),
    (Integer, "message_attribute_id days_in_advance wants_digest"),
    of=circulation,
)
borrower_message_transport_preferences = _table(
    "borrower_message_transport_preferences",
    (Integer, "borrower_message_preference_id"),
    (String, "message_transport_type"),
    of=circulation,
)

# To ask for the table's definition instead takes rights to the whole table.
COLUMNS = text(
    "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = :name"
)
COLUMNS_IN_SQLITE = text("SELECT name FROM pragma_table_info(:name)")


def columns_of(conn: Connection, table: Table) -> frozenset[str]:
    """The columns this Koha really has of a table, looked up once per connection; none: no such table.

    Columns that the database user has no right to are not among them.
    """
    columns: dict[str, frozenset[str]] = conn.info.setdefault("koha_columns", {})
    if table.name not in columns:
        query = COLUMNS_IN_SQLITE if conn.dialect.name == "sqlite" else COLUMNS
        columns[table.name] = frozenset(conn.scalars(query, {"name": table.name}))
    return columns[table.name]
