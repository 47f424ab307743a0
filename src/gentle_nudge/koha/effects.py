"""Every INSERT, UPDATE and DELETE in Koha's tables: one function per kind of action, given all of that kind.

Each writes a fixed number of statements per thousand patrons. The patrons' rows are locked by the caller.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, insert, literal, null, or_, select, update

from gentle_nudge.columns import a_thousand_at_a_time, among
from gentle_nudge.domain.plan import ChargeFee, ClearFlag, ForgiveFee, LiftRestriction, Restrict, SetFlag
from gentle_nudge.domain.policy import Flag
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.koha.alike import alike
from gentle_nudge.koha.audit import FORGIVEN, INTERFACE
from gentle_nudge.koha.made import Made, numbers_of
from gentle_nudge.koha.tables import (
    account_offsets,
    accountlines,
    borrower_attributes,
    borrower_debarments,
    borrowers,
)

FOR_EVER = date(9999, 12, 31)
COMMENT_LENGTH = 255

Values = Mapping[str, str | datetime | Decimal | None]


def restrict(conn: Connection, actions: Sequence[Restrict], now: datetime) -> Made | None:
    """Every patron has the restriction (Koha: AddDebarment); None: there were no actions."""
    made = Made.from_now_on(conn, borrower_debarments.c.borrower_debarment_id) if actions else None
    for action, numbers in alike(actions):
        at = now.replace(microsecond=0)
        values: Values = {"type": action.type, "comment": action.comment, "created": at}
        for some in a_thousand_at_a_time(numbers):
            _insert_for_patrons(conn, borrower_debarments, values, some)
    return made


def _insert_for_patrons(conn: Connection, into: Table, values: Values, numbers: list[int]) -> None:
    """A row with these values is there for each of the patrons."""
    columns: dict[str, ColumnElement[Any]] = {
        name: null() if value is None else literal(value, into.c[name].type) for name, value in values.items()
    }
    who = borrowers.c.borrowernumber
    chosen = select(who, *columns.values()).where(among(who, numbers)).order_by(who)
    if conn.execute(insert(into).from_select(["borrowernumber", *columns], chosen)).rowcount != len(numbers):
        raise GentleNudgeError("A patron has gone from Koha while their row was to be locked.", "Run it again.")


def lift(conn: Connection, actions: Sequence[LiftRestriction]) -> None:
    """The restrictions are gone; one found gone already is no error (Koha: DelDebarment)."""
    for some in a_thousand_at_a_time(actions):
        ids = [action.restriction.id for action in some]
        conn.execute(delete(borrower_debarments).where(among(borrower_debarments.c.borrower_debarment_id, ids)))


def refresh_debarred(conn: Connection, numbers: Iterable[int], today: date) -> None:
    """`debarred` and `debarredcomment` say what the active restrictions say (UpdateBorrowerDebarmentFlags).

    Until when these block, and their comments in order, cut to the column.
    """
    who, block = borrowers.c.borrowernumber, borrower_debarments.c
    unordered = func.aggregate_strings(block.comment, "\n")
    in_order = unordered.aggregate_order_by(block.borrower_debarment_id)
    # SQLite before 3.44 knows no order but that of the rows, which here is the same.
    comments = unordered if conn.dialect.name == "sqlite" else in_order
    active = and_(block.borrowernumber == who, or_(block.expiration.is_(None), block.expiration > today))
    until = func.max(func.coalesce(block.expiration, FOR_EVER))
    values = {
        "debarred": select(until).where(active).scalar_subquery(),
        "debarredcomment": select(func.substr(comments, 1, COMMENT_LENGTH)).where(active).scalar_subquery(),
    }
    for some in a_thousand_at_a_time(sorted(set(numbers))):
        conn.execute(update(borrowers).where(among(who, some)).values(values))


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
    theirs = update(borrowers).where(among(borrowers.c.borrowernumber, numbers))
    if flag.column != "attribute":
        conn.execute(theirs.values({flag.column: value}))
        return
    rows = [action.before.row for action in actions if action.before.row is not None]
    new = [action.patron for action in actions if action.before.row is None]
    if rows:
        there = update(borrower_attributes).where(among(borrower_attributes.c.id, rows))
        conn.execute(there.values(attribute=value))
    if new:
        values = [{"borrowernumber": number, "code": flag.code, "attribute": value} for number in new]
        conn.execute(insert(borrower_attributes), values)
    conn.execute(theirs.values(updated_on=now.replace(microsecond=0)))


def charge(conn: Connection, actions: Sequence[ChargeFee], now: datetime) -> Made | None:
    """Every patron owes the fee (Koha: Koha::Account->add_debit); None: there were no actions."""
    now = now.replace(microsecond=0)
    charged = Made.from_now_on(conn, accountlines.c.accountlines_id) if actions else None
    for action, numbers in alike(actions):
        for some in a_thousand_at_a_time(numbers):
            _insert_for_patrons(conn, accountlines, _debit(action, now), some)
            if charged:
                _offset_new(conn, charged.among(some), action.amount, now)
    return charged


def _offset_new(conn: Connection, which: ColumnElement[bool], amount: Decimal, now: datetime) -> None:
    """Each of these new debits has its offset."""
    offset, line = account_offsets.c, accountlines.c.accountlines_id
    values = (
        literal("CREATE", offset.type.type),
        literal(amount, offset.amount.type),
        literal(now, offset.created_on.type),
    )
    chosen = select(line, *values).where(which).order_by(line)
    conn.execute(insert(account_offsets).from_select(["debit_id", "type", "amount", "created_on"], chosen))


def _debit(action: ChargeFee, now: datetime) -> Values:
    return {
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
        new = Made.from_now_on(conn, accountlines.c.accountlines_id)
        conn.execute(insert(accountlines), [_credit(action, now) for action in some])
        credits_ = numbers_of(conn, new, [action.patron for action in some])
        made = [_offset(now, "CREATE", action.amount, credit_id=credits_[action.patron]) for action in some]
        used = [
            _offset(now, "APPLY", -fee.outstanding, credit_id=credits_[action.patron], debit_id=fee.line)
            for action in some
            for fee in action.fees
        ]
        conn.execute(insert(account_offsets), made)
        conn.execute(insert(account_offsets), used)
        fees = [fee.line for action in some for fee in action.fees]
        settled = update(accountlines).where(among(accountlines.c.accountlines_id, fees))
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
