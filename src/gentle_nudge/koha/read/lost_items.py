"""The items behind charges, and who says what of them: claims to have returned them, and reserves of others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, func, select

from gentle_nudge.domain.report_row import ShelfItem
from gentle_nudge.koha.koha_tables import accountlines, biblio, columns_of, items, reserves, return_claims
from gentle_nudge.sqltypes import among, rows_by_thousands


@dataclass(frozen=True, kw_only=True, slots=True)
class ChargedItem:
    """The item of a charge; one that Koha has deleted is none."""

    line: int
    item: int
    title: int
    is_lost: bool


def charged_items(conn: Connection, lines: Collection[int]) -> dict[int, ChargedItem]:
    """Line -> its item; lines without an item in Koha are left out."""
    rows = rows_by_thousands(conn, charged_items_query, lines)
    return {
        line: ChargedItem(line=line, item=item, title=title, is_lost=bool(lost)) for line, item, title, lost in rows
    }


def charged_items_query(line_ids: Collection[int]) -> Select[Any]:
    """The items of these lines, with their titles, and whether they are lost (marks of a list).

    Index: accountlines PRIMARY, items PRIMARY.
    """
    line, item = accountlines.c, items.c
    return (
        select(line.accountlines_id, item.itemnumber, item.biblionumber, item.itemlost)
        .join_from(accountlines, items, item.itemnumber == line.itemnumber)
        .where(among(line.accountlines_id, line_ids))
    )


def claimed(conn: Connection, numbers: Collection[int]) -> dict[int, frozenset[int]]:
    """Patron -> the items that the patron claims to have returned, while nobody has decided."""
    claims = defaultdict[int, set[int]](set)
    if columns_of(conn, return_claims):
        for patron, item in rows_by_thousands(conn, claims_query, numbers):
            claims[patron].add(item)
    return {patron: frozenset(items_of) for patron, items_of in claims.items()}


def claims_query(numbers: Collection[int]) -> Select[Any]:
    """The items that these patrons claim to have returned, unresolved.

    Index: return_claims rc_borrowers_ibfk.
    """
    claim = return_claims.c
    return select(claim.borrowernumber, claim.itemnumber).where(
        among(claim.borrowernumber, numbers), claim.resolved_on.is_(None)
    )


def waiting(conn: Connection, titles: Collection[int]) -> dict[int, frozenset[int]] | None:
    """Title -> the patrons who wait for it; None if this Koha has no reserves."""
    if not columns_of(conn, reserves):
        return None
    people = defaultdict[int, set[int]](set)
    for title, patron in rows_by_thousands(conn, waiting_query, titles):
        people[title].add(patron)
    return {title: frozenset(patrons) for title, patrons in people.items()}


def waiting_query(title_ids: Collection[int]) -> Select[Any]:
    """The patrons who wait for these titles: not suspended, not cancelled, with nothing waiting for them.

    Index: reserves biblionumber.
    """
    reserve = reserves.c
    return select(reserve.biblionumber, reserve.borrowernumber).where(
        among(reserve.biblionumber, title_ids),
        reserve.suspend == 0,
        reserve.found.is_(None),
        reserve.cancellationdate.is_(None),
    )


def on_shelves(conn: Connection, item_numbers: Iterable[int]) -> list[ShelfItem]:
    """These items, in the order of a walk along the shelves."""
    rows = (ShelfItem(**row._mapping) for row in rows_by_thousands(conn, shelf_query, frozenset(item_numbers)))  # noqa: SLF001
    return sorted(
        rows,
        key=lambda each: tuple(text or "" for text in (each.library, each.location, each.call_number, each.barcode)),
    )


def shelf_query(item_ids: Collection[int]) -> Select[Any]:
    """Where these items belong, and what they are (`review --shelf`).

    Index: items PRIMARY, biblio PRIMARY.
    """
    item = items.c
    return (
        select(item.homebranch.label("library"), item.location, item.itemcallnumber.label("call_number"), item.barcode)
        .add_columns(biblio.c.title)
        .join_from(items, biblio, biblio.c.biblionumber == item.biblionumber, isouter=True)
        .where(among(item.itemnumber, item_ids))
    )


def last_payments(conn: Connection, numbers: Collection[int], zone: ZoneInfo) -> dict[int, tuple[date, Decimal]]:
    """Patron -> the day and the amount of the latest payment that was not voided."""
    latest: dict[int, tuple[date, Decimal]] = {}
    for patron, at, amount in rows_by_thousands(conn, payments_query, numbers):
        if at is not None:
            latest[patron] = at.astimezone(zone).date(), -amount
    return latest


def payments_query(numbers: Collection[int]) -> Select[Any]:
    """The payments of these patrons that were not voided, the latest last.

    Index: accountlines acctsborridx.
    """
    line = accountlines.c
    return (
        select(line.borrowernumber, line.date, line.amount)
        .where(among(line.borrowernumber, numbers), line.credit_type_code == "PAYMENT")
        .where(func.coalesce(line.status, "") != "VOID")
        .order_by(line.date, line.accountlines_id)
        .with_hint(accountlines, "FORCE INDEX (acctsborridx)")
    )
