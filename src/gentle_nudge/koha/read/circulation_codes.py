"""Libraries, patron categories, item types, debit types and letters, as circulation asks for them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, func, null, select

from gentle_nudge.domain.circulation.snapshot import ItemType, PatronCategory
from gentle_nudge.domain.money import ZERO, round_to_cent
from gentle_nudge.koha.koha_tables import (
    account_debit_types,
    accountlines,
    borrowers,
    branches,
    categories,
    columns_of,
    itemtypes,
    letter,
    plugin_methods,
)
from gentle_nudge.koha.read.letters import MODULE
from gentle_nudge.sqltypes import Money


def libraries(conn: Connection) -> dict[str, str]:
    """The e-mail address of every library, by its code; empty if it has none."""
    return {code: (email or "").strip() for code, email in conn.execute(libraries_query())}


def libraries_query() -> Select[Any]:
    """Every library with its e-mail address (`timeline`).

    Index: branches none.
    """
    return select(branches.c.branchcode, branches.c.branchemail)


def patron_categories(conn: Connection) -> dict[str, PatronCategory]:
    """Every patron category by its code."""
    rows = conn.execute(patron_categories_query(columns_of(conn, categories)))
    return {
        code: PatronCategory(
            code=code, gets_notices=gets_notices == 1, debt_limit=None if limit is None else Decimal(limit)
        )
        for code, gets_notices, limit in rows
    }


def patron_categories_query(present: Collection[str]) -> Select[Any]:
    """Whether each category gets overdue notices, and its limit of debts, if this Koha has one (`timeline`).

    Index: categories none.
    """
    row = categories.c
    limit = row.noissuescharge if row.noissuescharge.name in present else null()
    return select(row.categorycode, row.overduenoticerequired, limit)


def item_types(conn: Connection) -> dict[str, ItemType]:
    """Every item type by its code."""
    present = columns_of(conn, itemtypes)
    has_fee = itemtypes.c.processfee.name in present
    return {
        code: ItemType(code=code, default_price=price, processing_fee=(fee or ZERO) if has_fee else None)
        for code, price, fee in conn.execute(item_types_query(present))
    }


def item_types_query(present: Collection[str]) -> Select[Any]:
    """The default price of each item type and, if this Koha has it there, its processing fee (`timeline`).

    Index: itemtypes none.
    """
    row = itemtypes.c
    return select(row.itemtype, row.defaultreplacecost, row.processfee if row.processfee.name in present else null())


def restricting_types(conn: Connection) -> frozenset[str]:
    """The debit types whose debts block check-outs."""
    return frozenset(conn.scalars(restricting_types_query()))


def restricting_types_query() -> Select[str]:
    """The debit types whose debts block check-outs (`timeline`).

    Index: account_debit_types none.
    """
    return select(account_debit_types.c.code).where(account_debit_types.c.restricts_checkouts == 1)


def letters(conn: Connection) -> dict[str, dict[str, frozenset[str]]]:
    """The transports of every notice in the default language, by its code and library in small letters."""
    there: dict[str, dict[str, frozenset[str]]] = {}
    for code, library, transport in conn.execute(letters_there_query()):
        of_code = there.setdefault(code.casefold(), {})
        of_code[library.casefold()] = of_code.get(library.casefold(), frozenset()) | {transport}
    return there


def letters_there_query() -> Select[Any]:
    """Which notices of circulation there are in the default language, by library and transport (`timeline`).

    Index: letter letter_uniq_1.
    """
    row = letter.c
    return select(row.code, row.branchcode, row.message_transport_type).where(
        row.module == MODULE, row.lang == "default"
    )


def has_fine_plugin(conn: Connection) -> bool:
    """Whether a plugin computes fines in its own way."""
    return bool(columns_of(conn, plugin_methods)) and bool(conn.scalar(fine_plugins_query()))


def fine_plugins_query() -> Select[int]:
    """How many plugins compute fines in their own way (`timeline`).

    Index: plugin_methods PRIMARY.
    """
    method = plugin_methods.c.plugin_method
    return select(func.count()).select_from(plugin_methods).where(method == "overwrite_calc_fine")


def membership(conn: Connection, number: int) -> tuple[str, str, date | None] | None:
    """A patron's library and category, and the last day of membership; None if Koha has no such patron."""
    row = conn.execute(membership_query(number)).first()
    return (row[0], row[1], row[2]) if row else None


def membership_query(number: int) -> Select[Any]:
    """A patron's library, category and last day of membership (`timeline --patron`).

    Index: borrowers PRIMARY.
    """
    who = borrowers.c
    return select(who.branchcode, who.categorycode, who.dateexpiry).where(who.borrowernumber == number)


def overdue_fines(conn: Connection, number: int) -> Decimal:
    """What a patron owes in overdue fines."""
    return round_to_cent(conn.scalar(overdue_fines_query(number)))


def overdue_fines_query(number: int) -> Select[Decimal]:
    """What a patron owes in overdue fines (`timeline --patron`).

    Index: accountlines acctsborridx.
    """
    line = accountlines.c
    return select(func.sum(line.amountoutstanding, type_=Money())).where(
        line.borrowernumber == number, line.debit_type_code == "OVERDUE"
    )
