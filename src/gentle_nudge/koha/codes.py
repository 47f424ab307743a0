"""The codes that staff give in Koha's administration, and what stands in a flag field."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from gentle_nudge.domain.policy import Flag
from gentle_nudge.koha.tables import (
    account_debit_types,
    authorised_values,
    borrower_attribute_types,
    borrower_attributes,
    borrowers,
    branches,
    categories,
    columns_of,
    restriction_types,
)

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection

SORT_CATEGORIES = {"sort1": "Bsort1", "sort2": "Bsort2"}


@dataclass(frozen=True, kw_only=True, slots=True)
class AttributeType:
    """A kind of patron attribute; `values` is the category of its authorised values, if it has one."""

    code: str
    repeatable: bool
    unique: bool
    opac_editable: bool
    values: str | None


def category_codes(conn: Connection) -> frozenset[str]:
    """The patron categories."""
    return _all(conn, categories.c.categorycode)


def branch_codes(conn: Connection) -> frozenset[str]:
    """The branches."""
    return _all(conn, branches.c.branchcode)


def _all(conn: Connection, column: Column[str]) -> frozenset[str]:
    return frozenset(conn.scalars(select(column)))


def debit_type_codes(conn: Connection) -> dict[str, bool]:
    """The debit types, each with whether it is archived."""
    kind = account_debit_types.c
    return {code: bool(archived) for code, archived in conn.execute(select(kind.code, kind.archived))}


def restriction_type_codes(conn: Connection) -> frozenset[str] | None:
    """The types of restrictions; None where Koha is too old to have a table of them."""
    return _all(conn, restriction_types.c.code) if columns_of(conn, restriction_types) else None


def attribute_types(conn: Connection) -> dict[str, AttributeType]:
    """The kinds of patron attributes by code."""
    kind = borrower_attribute_types.c
    columns = (kind.code, kind.repeatable, kind.unique_id, kind.opac_editable, kind.authorised_value_category)
    return {
        code: AttributeType(
            code=code, repeatable=bool(many), unique=bool(unique), opac_editable=bool(editable), values=values or None
        )
        for code, many, unique, editable, values in conn.execute(select(*columns))
    }


def authorised(conn: Connection, category: str) -> frozenset[str]:
    """The authorised values of a category."""
    value = authorised_values.c
    return frozenset(conn.scalars(select(value.authorised_value).where(value.category == category)))


def values_in(conn: Connection, field: Flag) -> Counter[str]:
    """What stands in a flag field, and with how many patrons; NULL, empty and blank values are left out."""
    if field.column == "attribute":
        attribute = borrower_attributes.c
        value, patrons = attribute.attribute, func.count(attribute.borrowernumber.distinct())
        query = select(value, patrons).where(attribute.code == field.code)
    else:
        value = borrowers.c[field.column]
        query = select(value, func.count())
    found: Counter[str] = Counter()
    for text, number in conn.execute(query.where(value.is_not(None), value != "").group_by(value)):
        if text.strip():
            found[text.strip()] += number
    return found
