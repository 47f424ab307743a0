"""What a waiver asks: what is still owing of fees, and which restrictions Koha lifts once something was paid."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import func, literal, select

from gentle_nudge.columns import Money, a_thousand_at_a_time, among
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import Restriction
from gentle_nudge.domain.plan import LiftRestriction, OwingFee
from gentle_nudge.koha.tables import accountlines, borrower_debarments, columns_of, restriction_types

if TYPE_CHECKING:
    from sqlalchemy import Connection


def owing(conn: Connection, lines: Iterable[int]) -> dict[int, OwingFee]:
    """What is still owing of these debits, by line; those paid, gone, or without a patron are left out."""
    line = accountlines.c
    found: dict[int, OwingFee] = {}
    for some in a_thousand_at_a_time(sorted(set(lines))):
        query = select(line.accountlines_id, line.borrowernumber, line.amountoutstanding).where(
            among(line.accountlines_id, some),
            line.borrowernumber.is_not(None),
            line.amountoutstanding > literal(Decimal(0), Money()),
        )
        for number, patron, outstanding in conn.execute(query):
            found[number] = OwingFee(line=number, patron=patron, outstanding=outstanding)
    return found


def lifted_by_payment(conn: Connection, numbers: Collection[int]) -> list[LiftRestriction]:
    """The restrictions that Koha deletes after a payment of these patrons (del_restrictions_after_payment).

    Those whose type says so, if the patron's whole balance is at or below the type's limit (none: zero).
    """
    if "lift_after_payment" not in columns_of(conn, restriction_types):
        return []
    block, kind = borrower_debarments.c, restriction_types.c
    found: list[LiftRestriction] = []
    for some in a_thousand_at_a_time(sorted(numbers)):
        balances = _balances(conn, some)
        query = (
            select(block.borrowernumber, block.borrower_debarment_id, block.type, block.comment, block.expiration)
            .add_columns(kind.fee_limit)
            .join_from(borrower_debarments, restriction_types, kind.code == block.type)
            .where(among(block.borrowernumber, some), kind.lift_after_payment == 1)
            .order_by(block.borrower_debarment_id)
        )
        for number, id_, type_, comment, expires, limit in conn.execute(query):
            if balances.get(number, ZERO) <= (limit or ZERO):
                restriction = Restriction(id=id_, type=type_, comment=comment, expires=expires)
                found.append(LiftRestriction(patron=number, restriction=restriction))
    return found


def _balances(conn: Connection, numbers: list[int]) -> dict[int, Decimal]:
    line = accountlines.c
    sums = (
        select(line.borrowernumber, func.sum(line.amountoutstanding, type_=Money()))
        .where(among(line.borrowernumber, numbers))
        .group_by(line.borrowernumber)
    )
    return {number: balance or ZERO for number, balance in conn.execute(sums)}
