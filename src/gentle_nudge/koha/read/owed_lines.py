"""What patrons owe a section, line by line, and who may owe enough to be reminded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, false, func, literal, or_, select

from gentle_nudge.domain.ledger import LineRules, OwedLine, Ownership
from gentle_nudge.koha.koha_tables import accountlines, borrowers, items
from gentle_nudge.koha.read.accountlines import TYPE
from gentle_nudge.koha.read.candidates import HALF_A_CENT
from gentle_nudge.koha.read.line_conditions import IS_OUTSTANDING, belongs, joined, of_branches, why_not_counted
from gentle_nudge.sqltypes import Money, among, rows_by_thousands

OUR_FEES = ("our processing fee", "a fee recorded with a case")
ASKED_ELSEWHERE = ("outside the window", "of another section")


def owed_lines(
    conn: Connection, rules: LineRules, ownership: Ownership, numbers: Iterable[int]
) -> dict[int, tuple[OwedLine, ...]]:
    """The outstanding lines of these patrons that are the section's, whatever their age; the window does not matter."""
    of_patron: defaultdict[int, tuple[OwedLine, ...]] = defaultdict(tuple)
    for number, id_, at, *values in rows_by_thousands(conn, partial(owed_lines_query, rules, ownership), numbers):
        type_, outstanding, branch, is_fee, out = values
        day = at.astimezone(rules.zone).date() if at else None
        line = OwedLine(id=id_, day=day, type=type_ or "", outstanding=outstanding, branch=branch or "")
        of_patron[number] += (replace(line, is_fee=bool(is_fee), out=bool(out)),)
    return dict(of_patron)


def owed_lines_query(rules: LineRules, ownership: Ownership, numbers: Collection[int]) -> Select[Any]:
    """Every outstanding line of these patrons that is the section's: whether it is a fee of ours, whether it is out.

    Out are charges of excluded types, withdrawn or claimed ones, and fines that still grow (with `[remind]` alone).

    Index: accountlines acctsborridx, borrowers PRIMARY, items PRIMARY.
    """
    line = accountlines.c
    reasons = {
        name: why for name, why in why_not_counted(rules, ownership, numbers).items() if name not in ASKED_ELSEWHERE
    }
    is_fee = or_(false(), *(reasons.pop(name) for name in OUR_FEES if name in reasons))
    grows = func.coalesce(and_(line.debit_type_code == "OVERDUE", line.status == "UNRETURNED"), false())
    branch: ColumnElement[str] = literal("")
    if ownership.charges_by != "patron":
        home = line.branchcode if ownership.charges_by == "charge" else items.c.homebranch
        branch = func.coalesce(home, borrowers.c.branchcode)
    return (
        select(line.borrowernumber, line.accountlines_id, line.date, TYPE, line.amountoutstanding)
        .add_columns(branch, case((is_fee, 1), else_=0), case((or_(grows, *reasons.values()), 1), else_=0))
        .select_from(joined(ownership))
        .where(among(line.borrowernumber, numbers), IS_OUTSTANDING, belongs(ownership, numbers))
        .order_by(line.borrowernumber, line.accountlines_id)
    )


def debtors(conn: Connection, ownership: Ownership, minimum: Decimal) -> frozenset[int]:
    """The patrons whose outstanding debits of the section's branches reach the minimum, whatever their type and age."""
    return frozenset(number for (number,) in conn.execute(debtors_query(ownership, minimum)))


def debtors_query(ownership: Ownership, minimum: Decimal) -> Select[Any]:
    """The patrons whose outstanding debits of the section's branches reach the minimum (with `[remind]` alone).

    One scan of all lines, as for a night.
    Index: accountlines none, borrowers PRIMARY, items PRIMARY.
    """
    line = accountlines.c
    here = belongs(ownership, ())
    lines = joined(ownership)
    if ownership.charges_by == "patron" and ownership.branches:
        here = of_branches(ownership, borrowers.c.branchcode)
        lines = accountlines.join(borrowers, borrowers.c.borrowernumber == line.borrowernumber)
    owed = func.sum(line.amountoutstanding, type_=Money())
    return (
        select(line.borrowernumber)
        .select_from(lines)
        .where(line.amountoutstanding > literal(Decimal(0), Money()), line.borrowernumber.is_not(None), here)
        .group_by(line.borrowernumber)
        .having(owed >= literal(minimum - HALF_A_CENT, Money()))
        .with_hint(accountlines, "USE INDEX ()")
    )
