"""What a Koha is set up with: codes, library groups, preferences, the mail server."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, func, null, select

from gentle_nudge.domain.patron import Flag
from gentle_nudge.koha.connect.conf import KohaConf, SmtpServer
from gentle_nudge.koha.koha_tables import (
    account_debit_types,
    authorised_values,
    borrower_attribute_types,
    borrower_attributes,
    borrowers,
    branches,
    categories,
    columns_of,
    library_groups,
    restriction_types,
    smtp_servers,
    systempreferences,
)

SORT_CATEGORIES = {"sort1": "Bsort1", "sort2": "Bsort2"}


@dataclass(frozen=True, kw_only=True, slots=True)
class AttributeType:
    """A kind of patron attribute; `values` is the category of its authorised values, if it has one.

    `is_date` is None where Koha is too old to know.
    """

    code: str
    repeatable: bool
    unique: bool
    opac_editable: bool
    is_date: bool | None
    values: str | None


def category_codes(conn: Connection) -> frozenset[str]:
    """The patron categories."""
    return frozenset(conn.scalars(codes_query(categories.c.categorycode)))


def branch_codes(conn: Connection) -> frozenset[str]:
    """The branches."""
    return frozenset(conn.scalars(codes_query(branches.c.branchcode)))


def restriction_type_codes(conn: Connection) -> frozenset[str] | None:
    """The types of restrictions; None where Koha is too old to have a table of them."""
    has_table = columns_of(conn, restriction_types)
    return frozenset(conn.scalars(codes_query(restriction_types.c.code))) if has_table else None


def codes_query(column: Column[str]) -> Select[str]:
    """All patron categories; in the same way all branches, and all types of restrictions.

    Index: categories categorycode.
    """
    return select(column)


def debit_type_codes(conn: Connection) -> dict[str, bool]:
    """The debit types, each with whether it is archived."""
    return {code: bool(archived) for code, archived in conn.execute(debit_types_query())}


def debit_types_query() -> Select[Any]:
    """Every debit type, and whether it is archived.

    Index: account_debit_types none.
    """
    return select(account_debit_types.c.code, account_debit_types.c.archived)


def debit_type_names(conn: Connection) -> dict[str, str]:
    """What Koha calls each debit type, for those that have a description."""
    return {code: name for code, name in conn.execute(debit_type_names_query()) if name}


def debit_type_names_query() -> Select[Any]:
    """Every debit type with its description.

    Index: account_debit_types none.
    """
    return select(account_debit_types.c.code, account_debit_types.c.description)


def attribute_types(conn: Connection) -> dict[str, AttributeType]:
    """The kinds of patron attributes by code."""
    return {
        code: AttributeType(
            code=code,
            repeatable=bool(many),
            unique=bool(unique),
            opac_editable=bool(editable),
            is_date=None if is_date is None else bool(is_date),
            values=values or None,
        )
        for code, many, unique, editable, values, is_date in conn.execute(
            attribute_types_query(columns_of(conn, borrower_attribute_types))
        )
    }


def attribute_types_query(present: Collection[str]) -> Select[Any]:
    """Every kind of patron attribute; `present` are the columns that this Koha has.

    Index: borrower_attribute_types none.
    """
    kind = borrower_attribute_types.c
    query = select(kind.code, kind.repeatable, kind.unique_id, kind.opac_editable, kind.authorised_value_category)
    return query.add_columns(kind.is_date if "is_date" in present else null())


def authorised(conn: Connection, category: str) -> frozenset[str]:
    """The authorised values of a category."""
    return frozenset(conn.scalars(authorised_values_query(category)))


def authorised_values_query(category: str) -> Select[str]:
    """The authorised values of a category.

    Index: authorised_values av_uniq.
    """
    value = authorised_values.c
    return select(value.authorised_value).where(value.category == category)


def values_in(conn: Connection, field: Flag) -> Counter[str]:
    """The values in a flag field, each with its number of patrons; NULL, empty and blank values are left out."""
    patrons_with: Counter[str] = Counter()
    for text, number in conn.execute(flag_values_query(field)):
        if text.strip():
            patrons_with[text.strip()] += number
    return patrons_with


def flag_values_query(field: Flag) -> Select[Any]:
    """The values in a flag field, each with its number of patrons.

    For a flag in a sort field the whole of `borrowers` is read.
    Index: borrower_attributes code_attribute.
    """
    if field.column == "attribute":
        attribute = borrower_attributes.c
        value, patrons = attribute.attribute, func.count(attribute.borrowernumber.distinct())
        query = select(value, patrons).where(attribute.code == field.code)
    else:
        value = borrowers.c[field.column]
        query = select(value, func.count())
    return query.where(value.is_not(None), value != "").group_by(value)


def branches_of_groups(conn: Connection, wanted: Collection[str]) -> dict[str, frozenset[str]]:
    """The branches of these groups, each named by title or id; a group that does not exist has none."""
    if not wanted:
        return {}
    rows_below: defaultdict[int | None, list[Row[Any]]] = defaultdict(list)
    ids: dict[str, int] = {}
    for row in conn.execute(library_groups_query()):
        rows_below[row.parent_id].append(row)
        if row.branchcode is None:
            ids[str(row.id)] = row.id
            ids.setdefault((row.title or "").casefold(), row.id)
    groups = {name: ids.get(name.casefold()) for name in wanted}
    return {name: _branches_below(group, rows_below) if group else frozenset() for name, group in groups.items()}


def library_groups_query() -> Select[Any]:
    """All library groups, subgroups and their branches.

    Index: library_groups none.
    """
    row = library_groups.c
    return select(row.id, row.parent_id, row.branchcode, row.title)


def _branches_below(group: int, rows_below: Mapping[int | None, list[Row[Any]]]) -> frozenset[str]:
    """The branches of a group and of the groups below it, which may run in circles: each group is read once."""
    rows_left = dict(rows_below)
    rows = list(rows_left.pop(group, ()))
    for row in rows:
        rows.extend(rows_left.pop(row.id, ()))
    return frozenset(row.branchcode for row in rows if row.branchcode is not None)


LAST_RESORT = SmtpServer(host="localhost", port=25, timeout=120, ssl_mode="disabled", user=None, password=None)


def default_server(conn: Connection, conf: KohaConf | None) -> SmtpServer:
    """The default row of `smtp_servers`, else koha-conf's server, else localhost:25 (Koha::SMTP::Servers)."""
    if "is_default" in columns_of(conn, smtp_servers):
        row = conn.execute(default_server_query()).mappings().first()
        if row:
            return SmtpServer(**row)
    return (conf.smtp if conf else None) or LAST_RESORT


def default_server_query() -> Select[Any]:
    """The mail server that Koha uses by default.

    Index: smtp_servers none.
    """
    row = smtp_servers.c
    user, password = func.nullif(row.user_name, "").label("user"), func.nullif(row.password, "").label("password")
    return select(row.host, row.port, row.timeout, row.ssl_mode, user, password).where(row.is_default == 1)


OVERRIDE = "OVERRIDE_SYSPREF_"
# Texts between commas or semicolons; a name in quotes may hold these.
LISTED = re.compile(r'(?:"[^"]*"|[^,;])+')


def preferences(conn: Connection, names: Iterable[str], *, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The value of each of these preferences by the name asked for; a missing one is empty.

    C4::Context->preference: the environment's OVERRIDE_SYSPREF_… wins, letter case does not matter, NULL is empty.
    """
    asked = list(names)
    return dict.fromkeys(asked, "") | stored_preferences(conn, asked, environ=environ)


def stored_preferences(
    conn: Connection, names: Iterable[str], *, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The same, without those that are missing."""
    asked = list(names)
    stored = {name: value or "" for name, value in conn.execute(preferences_query(asked))}
    known = {name: environ.get(OVERRIDE + name, stored.get(name.lower())) for name in asked}
    return {name: value for name, value in known.items() if value is not None}


def addresses(preference: str) -> tuple[str, ...]:
    """The e-mail addresses in a preference such as KohaAdminEmailAddress, each once, in order."""
    return tuple(dict.fromkeys(filter(None, map(str.strip, LISTED.findall(preference)))))


def preferences_query(names: Collection[str]) -> Select[Any]:
    """The values of these system preferences, whatever the letter case of their names.

    Index: systempreferences none.
    """
    variable = func.lower(systempreferences.c.variable)
    return select(variable, systempreferences.c.value).where(variable.in_([name.lower() for name in names]))
