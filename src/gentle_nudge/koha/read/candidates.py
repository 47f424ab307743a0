"""The scan of the window: who may owe the threshold there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, FromClause, Select, and_, case, func, literal, not_, null, or_, select

from gentle_nudge.domain.ledger import LineRules, OurFee, Ownership
from gentle_nudge.koha.koha_tables import accountlines, borrowers
from gentle_nudge.koha.read.line_conditions import (
    IS_OUTSTANDING,
    belongs,
    in_window,
    is_our_fee,
    joined,
    out_by_type_or_day,
    recorded_fee,
)
from gentle_nudge.koha.read.return_claims import claimants
from gentle_nudge.sqltypes import Money, among

HALF_A_CENT = Decimal("0.005")


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateScan:
    """Who may owe enough in the window, and how many others owe something there."""

    numbers: tuple[int, ...] = ()
    owing_less: int = 0


def select_candidates(conn: Connection, rules: LineRules, ownership: Ownership, threshold: Decimal) -> CandidateScan:
    """Find by one grouped scan who may owe the threshold in the window.

    Patrons with a withdrawn case, with a fee of ours in the window, with a claim that leaves out charges, or with
    charges that may be from before they came of age are always named: only a look at each of their lines shows which
    count.
    """
    claiming = claimants(conn) if rules.leaves_out_claimed else frozenset[int]()
    always = sorted({*rules.withdrawn, *with_fees_of_ours(conn, rules), *claiming})
    rows = conn.execute(candidates_query(rules, ownership, threshold, always)).all()
    return CandidateScan(
        numbers=tuple(sorted(row.number for row in rows if row.number is not None)),
        owing_less=sum(row.patrons for row in rows if row.number is None),
    )


def candidates_query(
    rules: LineRules, ownership: Ownership, threshold: Decimal, always: Collection[int]
) -> Select[Any]:
    """Who may owe the threshold in the window, and in one row without a number how many others owe a cent or more.

    `always`: patrons who are named whatever they owe there. So are those born after `born_after`; the date is looked
    up once for each patron, not for each line. No description is read, a long text that would nearly double the time.
    With the index that MariaDB would choose, the scan would take six to nine times as long.
    Index: accountlines none, borrowers PRIMARY, items PRIMARY.
    """
    line, with_fees = accountlines, ownership.fees.keys()
    never = {**out_by_type_or_day(rules), **recorded_fee(rules, ownership, with_fees)}
    sums = (
        select(line.c.borrowernumber.label("number"), func.sum(line.c.amountoutstanding).label("owed"))
        .select_from(joined(ownership))
        .where(IS_OUTSTANDING, line.c.borrowernumber.is_not(None))
        .where(in_window(rules), belongs(ownership, with_fees), *(not_(why) for why in never.values()))
        .group_by(line.c.borrowernumber)
        .with_hint(line, "USE INDEX ()")
        .subquery()
    )
    people: FromClause = sums
    named = [sums.c.owed >= literal(threshold - HALF_A_CENT, Money())]
    if always:
        named.append(among(sums.c.number, always))
    if rules.born_after:
        people = sums.outerjoin(borrowers, borrowers.c.borrowernumber == sums.c.number)
        named.append(borrowers.c.dateofbirth > rules.born_after)
    chosen = or_(*named)
    number = case((chosen, sums.c.number), else_=null()).label("number")
    owing = sums.c.owed >= literal(HALF_A_CENT, Money())
    return select(number, func.count().label("patrons")).select_from(people).where(or_(owing, chosen)).group_by(number)


def with_fees_of_ours(conn: Connection, rules: LineRules) -> frozenset[int]:
    """The patrons who owe a fee described as ours in the window, where such fees do not count."""
    if rules.excluded_fee is None:
        return frozenset()
    return frozenset(conn.scalars(our_fees_query(rules, rules.excluded_fee)))


def our_fees_query(rules: LineRules, fee: OurFee) -> Select[Any]:
    """The patrons who owe a fee of this type and description in the window.

    Index: accountlines debit_type_code.
    """
    line = accountlines.c
    of_the_type = line.debit_type_code == fee.debit_type
    return (
        select(line.borrowernumber)
        .distinct()
        .where(and_(of_the_type, is_our_fee(fee)), IS_OUTSTANDING, in_window(rules))
        .where(line.borrowernumber.is_not(None))
    )
