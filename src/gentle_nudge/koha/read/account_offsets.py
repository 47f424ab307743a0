"""What became of an account: every line with what it is now, and what credits paid of older debits."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, func, select

from gentle_nudge.domain.ledger import VOID, AccountLine
from gentle_nudge.domain.money import ZERO
from gentle_nudge.koha.koha_tables import account_offsets, accountlines, biblio, items
from gentle_nudge.sqltypes import Money, among, rows_by_thousands

IsNew = Callable[[int, datetime | None], bool]


def whole_account(conn: Connection, number: int, zone: ZoneInfo, is_new: IsNew) -> tuple[AccountLine, ...]:
    """Every line of the patron, paid or not, in order of its number; `is_new` gets a line's number and instant."""
    return tuple(
        AccountLine(
            id=id_,
            day=_day(at, zone),
            type=debit or credit,
            amount=amount or ZERO,
            outstanding=outstanding or ZERO,
            voided=(debit or status) == VOID,
            is_new=is_new(id_, at),
        )
        for id_, at, debit, credit, amount, outstanding, status in conn.execute(whole_account_query(number))
    )


def _day(at: datetime | None, zone: ZoneInfo) -> date | None:
    return at.astimezone(zone).date() if at else None


def whole_account_query(number: int) -> Select[Any]:
    """Every line of one patron, paid or not (`statement`).

    Index: accountlines acctsborridx.
    """
    line = accountlines.c
    return (
        select(line.accountlines_id, line.date, line.debit_type_code, line.credit_type_code)
        .add_columns(line.amount, line.amountoutstanding, line.status)
        .where(line.borrowernumber == number)
        .order_by(line.accountlines_id)
    )


def paid_by(conn: Connection, credits_: Collection[int]) -> dict[int, Decimal]:
    """Debit -> what these credits paid of it."""
    rows = rows_by_thousands(conn, paid_by_query, credits_)
    paid: dict[int, Decimal] = {}
    for debit, amount in rows:
        paid[debit] = paid.get(debit, ZERO) - amount
    return paid


def paid_by_query(numbers: Collection[int]) -> Select[Any]:
    """What these credits paid of each debit, as negative amounts (`statement`).

    Index: account_offsets account_offsets_ibfk_p.
    """
    offset = account_offsets.c
    return (
        select(offset.debit_id, func.sum(offset.amount, type_=Money()))
        .where(among(offset.credit_id, numbers), offset.debit_id.is_not(None))
        .group_by(offset.debit_id)
    )


def titles(conn: Connection, line_numbers: Collection[int]) -> dict[int, str]:
    """Line -> the title of its item; lines without an item, and those that are gone, are left out."""
    return {line: title for line, title in rows_by_thousands(conn, titles_query, line_numbers) if title}


def titles_query(line_ids: Collection[int]) -> Select[Any]:
    """The titles of the items of these lines (`statement --titles`).

    Index: accountlines PRIMARY, items PRIMARY, biblio PRIMARY.
    """
    line = accountlines.c
    return (
        select(line.accountlines_id, biblio.c.title)
        .select_from(accountlines.join(items, items.c.itemnumber == line.itemnumber))
        .join(biblio, biblio.c.biblionumber == items.c.biblionumber)
        .where(among(line.accountlines_id, line_ids))
    )
