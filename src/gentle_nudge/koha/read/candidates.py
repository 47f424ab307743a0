"""The scan of the window: whose charges may reach the threshold."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, and_, case, func, literal, not_, null, or_, select

from gentle_nudge.domain.ledger import LineRules, Ownership
from gentle_nudge.koha.koha_tables import accountlines
from gentle_nudge.koha.read.line_conditions import (
    belongs,
    in_window,
    is_our_fee,
    joined,
    out_by_type_or_day,
    recorded_fee,
)
from gentle_nudge.sqltypes import Money, among

HALF_A_CENT = Decimal("0.005")


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateScan:
    """Who may owe enough in the window, and how many others owe something there."""

    numbers: tuple[int, ...] = ()
    owing_less: int = 0


def select_candidates(conn: Connection, rules: LineRules, ownership: Ownership, threshold: Decimal) -> CandidateScan:
    """Find by one grouped scan whose owed in window may reach the threshold.

    Patrons with a withdrawn case or a fee of ours in the window are always among them: what counts for them is only
    known line by line. The scan itself reads no description, a long text that would nearly double its time.
    """
    line = accountlines
    with_fees = ownership.fees.keys()
    never = {**out_by_type_or_day(rules), **recorded_fee(rules, ownership, with_fees)}
    always = sorted({*rules.withdrawn, *with_fees_of_ours(conn, rules)})
    sums = (
        select(line.c.borrowernumber.label("number"), func.sum(line.c.amountoutstanding).label("owed"))
        .select_from(joined(ownership))
        .where(line.c.amountoutstanding != literal(Decimal(0), Money()), line.c.borrowernumber.is_not(None))
        .where(in_window(rules), belongs(ownership, with_fees), *(not_(why) for why in never.values()))
        .group_by(line.c.borrowernumber)
        .with_hint(line, "USE INDEX ()", "mysql")
        .with_hint(line, "USE INDEX ()", "mariadb")
        .subquery()
    )
    enough = sums.c.owed >= literal(threshold - HALF_A_CENT, Money())
    chosen = or_(enough, among(sums.c.number, always)) if always else enough
    number = case((chosen, sums.c.number), else_=null()).label("number")
    owing = sums.c.owed >= literal(HALF_A_CENT, Money())
    rows = conn.execute(select(number, func.count().label("patrons")).where(or_(owing, chosen)).group_by(number)).all()
    return CandidateScan(
        numbers=tuple(sorted(row.number for row in rows if row.number is not None)),
        owing_less=sum(row.patrons for row in rows if row.number is None),
    )


def with_fees_of_ours(conn: Connection, rules: LineRules) -> frozenset[int]:
    """The patrons who owe a fee described as ours in the window, where such fees do not count."""
    if rules.excluded_fee is None:
        return frozenset()
    line = accountlines.c
    fee = and_(line.debit_type_code == rules.excluded_fee.debit_type, is_our_fee(rules.excluded_fee))
    owing = line.amountoutstanding != literal(Decimal(0), Money())
    query = select(line.borrowernumber).distinct().where(fee, owing, in_window(rules))
    return frozenset(conn.scalars(query.where(line.borrowernumber.is_not(None))))
