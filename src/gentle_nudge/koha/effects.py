"""Every INSERT, UPDATE and DELETE in Koha's tables: one function per kind of action, given all of that kind.

Each writes a fixed number of statements per thousand patrons. The patrons' rows are locked by the caller.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, case, delete, func, insert, literal, null, select, update

from gentle_nudge.columns import a_thousand_at_a_time
from gentle_nudge.domain.patron import Restriction
from gentle_nudge.domain.plan import ChargeFee, ClearFlag, ForgiveFee, LiftRestriction, Restrict, SetFlag
from gentle_nudge.domain.policy import Flag
from gentle_nudge.koha.audit import FORGIVEN, INTERFACE
from gentle_nudge.koha.patrons import restrictions
from gentle_nudge.koha.tables import (
    account_offsets,
    accountlines,
    borrower_attributes,
    borrower_debarments,
    borrowers,
)

FOR_EVER = date(9999, 12, 31)
COMMENT_LENGTH = 255
CASES_AT_A_TIME = 250


def restrict(conn: Connection, actions: Sequence[Restrict], now: datetime) -> dict[int, int]:
    """Every patron has the restriction; patron -> its id (Koha: AddDebarment)."""
    block = borrower_debarments.c
    made: dict[int, int] = {}
    for some in a_thousand_at_a_time(actions):
        values = [
            {
                "borrowernumber": action.patron,
                "type": action.type,
                "comment": action.comment,
                "created": now.replace(microsecond=0),
            }
            for action in some
        ]
        conn.execute(insert(borrower_debarments), values)
        query = (
            select(block.borrowernumber, func.max(block.borrower_debarment_id))
            .where(block.borrowernumber.in_([action.patron for action in some]))
            .group_by(block.borrowernumber)
        )
        made.update((number, id_) for number, id_ in conn.execute(query))
    return made


def lift(conn: Connection, actions: Sequence[LiftRestriction]) -> None:
    """The restrictions are gone; one found gone already is no error (Koha: DelDebarment)."""
    for some in a_thousand_at_a_time(actions):
        ids = [action.restriction.id for action in some]
        conn.execute(delete(borrower_debarments).where(borrower_debarments.c.borrower_debarment_id.in_(ids)))


def refresh_debarred(conn: Connection, numbers: Iterable[int], today: date) -> None:
    """`debarred` and `debarredcomment` say what the active restrictions say (UpdateBorrowerDebarmentFlags)."""
    who = borrowers.c.borrowernumber
    for some in a_thousand_at_a_time(sorted(set(numbers)), CASES_AT_A_TIME):
        held = restrictions(conn, some)
        summaries = {number: debarred(held.get(number, ()), today) for number in some}
        until = {number: day for number, (day, _) in summaries.items() if day is not None}
        comments = {number: text for number, (_, text) in summaries.items() if text is not None}
        day_type, text_type = borrowers.c.debarred.type, borrowers.c.debarredcomment.type
        conn.execute(
            update(borrowers)
            .where(who.in_(some))
            .values(
                debarred=case(*((who == n, literal(v, day_type)) for n, v in until.items()), else_=null())
                if until
                else null(),
                debarredcomment=case(*((who == n, literal(v, text_type)) for n, v in comments.items()), else_=null())
                if comments
                else null(),
            )
        )


def debarred(held: Sequence[Restriction], today: date) -> tuple[date | None, str | None]:
    """Until when these restrictions block, and their comments, cut to the column."""
    active = [restriction for restriction in held if restriction.is_active(today)]
    if not active:
        return None, None
    comments = [restriction.comment for restriction in active if restriction.comment is not None]
    until = max(restriction.expires or FOR_EVER for restriction in active)
    return until, "\n".join(comments)[:COMMENT_LENGTH] if comments else None


def write_flags(conn: Connection, actions: Sequence[SetFlag | ClearFlag], now: datetime) -> None:
    """Every flag says what the action wants; attribute rows are changed in place, or inserted."""
    alike: defaultdict[tuple[Flag, str], list[SetFlag | ClearFlag]] = defaultdict(list)
    for action in actions:
        alike[action.flag, action.flag.yes if isinstance(action, SetFlag) else action.flag.no].append(action)
    for (flag, value), changes in alike.items():
        for some in a_thousand_at_a_time(changes):
            _write_flags(conn, flag, value, actions=some, now=now)


def _write_flags(
    conn: Connection, flag: Flag, value: str, *, actions: list[SetFlag | ClearFlag], now: datetime
) -> None:
    numbers = [action.patron for action in actions]
    theirs = update(borrowers).where(borrowers.c.borrowernumber.in_(numbers))
    if flag.column != "attribute":
        conn.execute(theirs.values({flag.column: value}))
        return
    rows = [action.before.row for action in actions if action.before.row is not None]
    new = [action.patron for action in actions if action.before.row is None]
    if rows:
        there = update(borrower_attributes).where(borrower_attributes.c.id.in_(rows))
        conn.execute(there.values(attribute=value))
    if new:
        values = [{"borrowernumber": number, "code": flag.code, "attribute": value} for number in new]
        conn.execute(insert(borrower_attributes), values)
    conn.execute(theirs.values(updated_on=now.replace(microsecond=0)))


def charge(conn: Connection, actions: Sequence[ChargeFee], now: datetime) -> dict[int, int]:
    """Every patron owes the fee; patron -> accountlines_id (Koha: Koha::Account->add_debit)."""
    now = now.replace(microsecond=0)
    charged: dict[int, int] = {}
    for some in a_thousand_at_a_time(actions):
        conn.execute(insert(accountlines), [_debit(action, now) for action in some])
        new = _latest_lines(conn, [action.patron for action in some])
        offsets = [
            {"debit_id": new[action.patron], "type": "CREATE", "amount": action.amount, "created_on": now}
            for action in some
        ]
        conn.execute(insert(account_offsets), offsets)
        charged.update(new)
    return charged


def _debit(action: ChargeFee, now: datetime) -> Mapping[str, object]:
    return {
        "borrowernumber": action.patron,
        "date": now,
        "amount": action.amount,
        "amountoutstanding": action.amount,
        "description": action.description,
        "note": "",
        "debit_type_code": action.type,
        "status": "UNRETURNED" if action.type == "OVERDUE" else None,
        "interface": INTERFACE,
        "branchcode": action.branch,
    }


def forgive(conn: Connection, actions: Sequence[ForgiveFee], now: datetime) -> None:
    """The fees owe nothing: each patron has a FORGIVEN credit, used up for them (add_credit, then Line->apply).

    One action for each patron; the fees owe what the action says, for their patrons and lines are locked.
    """
    now = now.replace(microsecond=0)
    for some in a_thousand_at_a_time(actions):
        conn.execute(insert(accountlines), [_credit(action, now) for action in some])
        credits_ = _latest_lines(conn, [action.patron for action in some])
        made = [_offset(now, "CREATE", action.amount, credit_id=credits_[action.patron]) for action in some]
        used = [
            _offset(now, "APPLY", -fee.outstanding, credit_id=credits_[action.patron], debit_id=fee.line)
            for action in some
            for fee in action.fees
        ]
        conn.execute(insert(account_offsets), made)
        conn.execute(insert(account_offsets), used)
        fees = [fee.line for action in some for fee in action.fees]
        settled = update(accountlines).where(accountlines.c.accountlines_id.in_(fees))
        conn.execute(settled.values(amountoutstanding=Decimal(0)))


def _credit(action: ForgiveFee, now: datetime) -> Mapping[str, object]:
    return {
        "borrowernumber": action.patron,
        "date": now,
        "amount": -action.amount,
        "amountoutstanding": Decimal(0),
        "description": "",
        "note": "",
        "credit_type_code": FORGIVEN,
        "interface": INTERFACE,
    }


def _offset(now: datetime, type_: str, amount: Decimal, **lines: int) -> Mapping[str, object]:
    return {"type": type_, "amount": amount, "created_on": now, **lines}


def _latest_lines(conn: Connection, numbers: list[int]) -> dict[int, int]:
    """Each patron's newest line; nobody else can add one while their row in `borrowers` is locked."""
    line = accountlines.c
    query = (
        select(line.borrowernumber, func.max(line.accountlines_id))
        .where(line.borrowernumber.in_(numbers))
        .group_by(line.borrowernumber)
    )
    return {number: id_ for number, id_ in conn.execute(query)}  # noqa: C416 - dict(rows) is not typed
