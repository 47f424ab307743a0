"""Items that patrons claim to have returned, while nobody has decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Select, select

from gentle_nudge.koha.koha_tables import accountlines, columns_of, return_claims
from gentle_nudge.koha.read.line_conditions import IS_OUTSTANDING
from gentle_nudge.sqltypes import among, rows_by_thousands


def is_there(conn: Connection) -> bool:
    """Whether this Koha has the table, and the database user may read it."""
    return bool(columns_of(conn, return_claims))


def claimants(conn: Connection) -> frozenset[int]:
    """The patrons with a claim that nobody has decided."""
    return frozenset(conn.scalars(claimants_query())) if is_there(conn) else frozenset()


def claimants_query() -> Select[int]:
    """The patrons with a claim that nobody has decided.

    Index: return_claims rc_borrowers_ibfk.
    """
    claim = return_claims.c
    return select(claim.borrowernumber).distinct().where(claim.resolved_on.is_(None))


def claimed_lines(conn: Connection, numbers: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Patron -> the outstanding debits for items that the patron claims to have returned; others are left out."""
    by_patron: defaultdict[int, tuple[int, ...]] = defaultdict(tuple)
    for number, line in rows_by_thousands(conn, claimed_lines_query, numbers) if is_there(conn) else ():
        by_patron[number] += (line,)
    return dict(by_patron)


def claimed_lines_query(numbers: Collection[int]) -> Select[Any]:
    """The outstanding debits of these patrons for items that they claim to have returned, and nobody has decided.

    Index: return_claims rc_borrowers_ibfk, accountlines acctsborridx.
    """
    line, claim = accountlines.c, return_claims.c
    of_the_claim = (line.borrowernumber == claim.borrowernumber) & (line.itemnumber == claim.itemnumber)
    return (
        select(line.borrowernumber, line.accountlines_id)
        .distinct()
        .join_from(return_claims, accountlines, of_the_claim)
        .where(among(claim.borrowernumber, numbers), claim.resolved_on.is_(None))
        .where(IS_OUTSTANDING, line.credit_type_code.is_(None))
        .order_by(line.borrowernumber, line.accountlines_id)
    )
