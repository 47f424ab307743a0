"""The restrictions of patrons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, or_, select

from gentle_nudge.domain.patron import Restriction
from gentle_nudge.koha.koha_tables import borrower_debarments
from gentle_nudge.sqltypes import among, rows_by_thousands

LONG_AGO = date.min


def restrictions(conn: Connection, numbers: Iterable[int]) -> dict[int, tuple[Restriction, ...]]:
    """All restrictions of these patrons, in the order of their numbers; one until `0000-00-00` is over."""
    by_patron: defaultdict[int, list[Restriction]] = defaultdict(list)
    for number, id_, type_, comment, expires, for_ever in rows_by_thousands(conn, restrictions_query, numbers):
        until = None if for_ever else expires or LONG_AGO
        by_patron[number].append(Restriction(id=id_, type=type_, comment=comment, expires=until))
    return {number: tuple(blocks) for number, blocks in by_patron.items()}


def restrictions_query(numbers: Collection[int]) -> Select[Any]:
    """All restrictions of these patrons.

    Index: borrower_debarments borrowernumber.
    """
    block = borrower_debarments.c
    expires = block.expiration
    return (
        select(block.borrowernumber, block.borrower_debarment_id, block.type, block.comment, expires, expires.is_(None))
        .where(among(block.borrowernumber, numbers))
        .order_by(block.borrower_debarment_id)
    )


def made_at(conn: Connection, rows: Iterable[int]) -> dict[int, datetime]:
    """When each of these restrictions was made."""
    return {id_: created for id_, created in rows_by_thousands(conn, made_at_query, rows)}  # noqa: C416 - typed


def made_at_query(numbers: Collection[int]) -> Select[Any]:
    """When each of these restrictions was made (for Koha's log of one that is moved).

    Index: borrower_debarments PRIMARY.
    """
    block = borrower_debarments.c
    return select(block.borrower_debarment_id, block.created).where(among(block.borrower_debarment_id, numbers))


def holders(conn: Connection, ids: Iterable[int]) -> dict[int, int]:
    """Restriction -> the patron who has it now, whom merged cards hand it to; those that are gone are left out."""
    return {id_: number for id_, number in rows_by_thousands(conn, holders_query, ids)}  # noqa: C416 - typed


def holders_query(numbers: Collection[int]) -> Select[Any]:
    """Who has these restrictions (with `[remind]` alone).

    Index: borrower_debarments PRIMARY.
    """
    block = borrower_debarments.c
    return select(block.borrower_debarment_id, block.borrowernumber).where(among(block.borrower_debarment_id, numbers))


def active_comments(conn: Connection, today: date) -> list[tuple[int, int, str | None]]:
    """Patron, number and comment of every restriction that blocks today."""
    return [(patron, number, comment) for patron, number, comment in conn.execute(active_comments_query(today))]


def active_comments_query(today: date) -> Select[Any]:
    """Every restriction that blocks on this day, with its patron and comment (`check`).

    Index: borrower_debarments none.
    """
    block = borrower_debarments.c
    return (
        select(block.borrowernumber, block.borrower_debarment_id, block.comment)
        .where(or_(block.expiration.is_(None), block.expiration > today))
        .order_by(block.borrowernumber, block.borrower_debarment_id)
    )


def restricted_on(
    conn: Connection, is_ours: Callable[[str | None], bool], numbers: Collection[int], zone: ZoneInfo
) -> dict[int, date]:
    """The day of each patron's latest restriction with a comment of ours, as `is_ours` judges it."""
    rows = rows_by_thousands(conn, restriction_comments_query, numbers)
    return {
        number: created.astimezone(zone).date()
        for number, comment, created in rows
        if created is not None and is_ours(comment)
    }


def restriction_comments_query(numbers: Collection[int]) -> Select[Any]:
    """The comments of these patrons' restrictions, the oldest first (for adoptions).

    Index: borrower_debarments borrowernumber.
    """
    block = borrower_debarments.c
    return (
        select(block.borrowernumber, block.comment, block.created)
        .where(among(block.borrowernumber, numbers))
        .order_by(block.created)
    )
