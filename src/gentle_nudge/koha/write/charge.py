"""Fees charged and waived, with their offsets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, func, insert, literal, select, update

from gentle_nudge.domain.actions import ChargeFee, ForgiveFee, LiftRestriction, OwingFee
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import Restriction
from gentle_nudge.koha.koha_tables import (
    account_offsets,
    accountlines,
    borrower_debarments,
    columns_of,
    restriction_types,
)
from gentle_nudge.koha.write.action_logs import FORGIVEN
from gentle_nudge.koha.write.new_rows import (
    BY_NUMBER,
    NewRows,
    Values,
    alike,
    insert_for_patrons,
    insert_selected,
    numbers_of,
)
from gentle_nudge.sqltypes import Money, a_thousand_at_a_time, among, rows_by_thousands


def owing(conn: Connection, lines: Iterable[int]) -> dict[int, OwingFee]:
    """What is still owing of these debits, by line; those paid, gone, or without a patron are left out."""
    return {
        line: OwingFee(line=line, patron=patron, outstanding=outstanding)
        for line, patron, outstanding in rows_by_thousands(conn, owing_lines_query, set(lines))
    }


def owing_lines_query(line_ids: Collection[int]) -> Select[Any]:
    """What is still owing of these debits.

    Index: accountlines PRIMARY.
    """
    line = accountlines.c
    return select(line.accountlines_id, line.borrowernumber, line.amountoutstanding).where(
        among(line.accountlines_id, line_ids),
        line.borrowernumber.is_not(None),
        line.amountoutstanding > literal(Decimal(0), Money()),
    )


def lifted_by_payment(conn: Connection, numbers: Collection[int]) -> list[LiftRestriction]:
    """The restrictions that Koha deletes after a payment of these patrons (del_restrictions_after_payment).

    Its type says so, and the patron's whole balance is at or below the type's limit (none: zero).
    """
    if "lift_after_payment" not in columns_of(conn, restriction_types):
        return []
    balances = {number: balance or ZERO for number, balance in rows_by_thousands(conn, whole_balances_query, numbers)}
    return [
        LiftRestriction(patron=number, restriction=Restriction(id=id_, type=type_, comment=comment, expires=expires))
        for number, id_, type_, comment, expires, limit in rows_by_thousands(conn, lifted_by_payment_query, numbers)
        if balances.get(number, ZERO) <= (limit or ZERO)
    ]


def lifted_by_payment_query(numbers: Collection[int]) -> Select[Any]:
    """These patrons' restrictions of a type that Koha lifts after a payment, with the type's limit.

    Index: borrower_debarments borrowernumber, restriction_types none.
    """
    block, kind = borrower_debarments.c, restriction_types.c
    return (
        select(block.borrowernumber, block.borrower_debarment_id, block.type, block.comment, block.expiration)
        .add_columns(kind.fee_limit)
        .join_from(borrower_debarments, restriction_types, kind.code == block.type)
        .where(among(block.borrowernumber, numbers), kind.lift_after_payment == 1)
        .order_by(block.borrower_debarment_id)
    )


def whole_balances_query(numbers: Collection[int]) -> Select[Any]:
    """The balance of these patrons over all their lines.

    Index: accountlines acctsborridx.
    """
    line = accountlines.c
    return (
        select(line.borrowernumber, func.sum(line.amountoutstanding, type_=Money()))
        .where(among(line.borrowernumber, numbers))
        .group_by(line.borrowernumber)
    )


def charge(conn: Connection, actions: Sequence[ChargeFee], moment: Moment) -> NewRows | None:
    """Every patron owes the fee (Koha: Koha::Account->add_debit); None: there were no actions."""
    if not actions:
        return None
    now, line = moment.now.replace(microsecond=0), accountlines.c.accountlines_id
    charged = NewRows.from_now_on(conn, line)
    for action, numbers in alike(actions):
        debit: Values = {
            "date": now,
            "amount": action.amount,
            "amountoutstanding": action.amount,
            "description": action.description,
            "note": "",
            "debit_type_code": action.type,
            "status": "UNRETURNED" if action.type == "OVERDUE" else None,
            "interface": moment.interface,
            "branchcode": action.branch,
        }
        insert_for_patrons(conn, accountlines, debit, numbers)
        offset: Values = {"debit_id": line, "type": "CREATE", "amount": action.amount, "created_on": now}
        insert_selected(conn, account_offsets, offset, charged.among(numbers))
    return charged


def forgive(conn: Connection, actions: Sequence[ForgiveFee], moment: Moment) -> None:
    """A FORGIVEN credit of each patron has paid the fees (add_credit, then Line->apply).

    One action for each patron. Patrons and lines are locked, so the fees still owe the amounts in the action.
    """
    now = moment.now.replace(microsecond=0)
    for chunk in a_thousand_at_a_time(actions):
        new = NewRows.from_now_on(conn, accountlines.c.accountlines_id)
        conn.execute(insert(accountlines), [_credit(action, moment) for action in chunk])
        credit_of = numbers_of(conn, new, [action.patron for action in chunk])
        made = [_offset(now, "CREATE", action.amount, credit_id=credit_of[action.patron]) for action in chunk]
        fees = [fee for action in chunk for fee in action.fees]
        used = [
            _offset(now, "APPLY", -fee.outstanding, credit_id=credit_of[fee.patron], debit_id=fee.line) for fee in fees
        ]
        conn.execute(insert(account_offsets), made)
        conn.execute(insert(account_offsets), used)
        settled = (
            update(accountlines)
            .with_hint(BY_NUMBER)
            .where(among(accountlines.c.accountlines_id, [fee.line for fee in fees]))
        )
        conn.execute(settled.values(amountoutstanding=Decimal(0)))


def _credit(action: ForgiveFee, moment: Moment) -> Mapping[str, object]:
    return {
        "borrowernumber": action.patron,
        "date": moment.now.replace(microsecond=0),
        "amount": -action.amount,
        "amountoutstanding": Decimal(0),
        "description": "",
        "note": "",
        "credit_type_code": FORGIVEN,
        "interface": moment.interface,
    }


def _offset(now: datetime, type_: str, amount: Decimal, **lines: int) -> Mapping[str, object]:
    return {"type": type_, "amount": amount, "created_on": now, **lines}
