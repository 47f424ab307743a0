"""The restrictions of patrons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from gentle_nudge.domain.patron import Restriction
from gentle_nudge.koha.koha_tables import borrower_debarments
from gentle_nudge.sqltypes import a_thousand_at_a_time, among

LONG_AGO = date.min


def restrictions(conn: Connection, numbers: Iterable[int]) -> dict[int, tuple[Restriction, ...]]:
    """All restrictions of these patrons, in the order of their numbers; one until `0000-00-00` is over."""
    block = borrower_debarments.c
    found: defaultdict[int, list[Restriction]] = defaultdict(list)
    for some in a_thousand_at_a_time(sorted(numbers)):
        query = (
            select(
                block.borrowernumber,
                block.borrower_debarment_id,
                block.type,
                block.comment,
                block.expiration,
                block.expiration.is_(None),
            )
            .where(among(block.borrowernumber, some))
            .order_by(block.borrower_debarment_id)
        )
        for number, id_, type_, comment, expires, for_ever in conn.execute(query):
            until = None if for_ever else expires or LONG_AGO
            found[number].append(Restriction(id=id_, type=type_, comment=comment, expires=until))
    return {number: tuple(theirs) for number, theirs in found.items()}


def restricted_on(
    conn: Connection, is_ours: Callable[[str | None], bool], numbers: Collection[int], zone: ZoneInfo
) -> dict[int, date]:
    """The day of each patron's latest restriction with a comment of ours, as `is_ours` judges it."""
    block = borrower_debarments.c
    found: dict[int, date] = {}
    for some in a_thousand_at_a_time(sorted(numbers)):
        query = (
            select(block.borrowernumber, block.comment, block.created)
            .where(among(block.borrowernumber, some))
            .order_by(block.created)
        )
        for number, comment, created in conn.execute(query):
            if created is not None and is_ours(comment):
                found[number] = created.astimezone(zone).date()
    return found
