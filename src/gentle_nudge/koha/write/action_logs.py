"""Koha's own log rows (`action_logs`), in the forms its Perl gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, String, cast, insert

from gentle_nudge.domain.actions import (
    ChargeFee,
    ClearFlag,
    ForgiveFee,
    LiftRestriction,
    MoveRestriction,
    Restrict,
    SetFlag,
)
from gentle_nudge.domain.moment import Moment
from gentle_nudge.koha.koha_tables import action_logs, borrower_debarments, borrowers, columns_of
from gentle_nudge.koha.read.administration import preferences
from gentle_nudge.koha.write.new_rows import NewRows, Values, alike, insert_selected
from gentle_nudge.sqltypes import a_thousand_at_a_time, among

PROGRAM = "gentle-nudge"
FORGIVEN = "FORGIVEN"

A = TypeVar("A", ChargeFee, SetFlag | ClearFlag)
Number = int | ColumnElement[int]
Text = str | ColumnElement[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class LogRow:
    """A row to be logged; `object` is the borrowernumber, None for our own.

    If `object` and `info` are columns, it stands for a row of every patron that a statement selects.
    """

    module: str
    action: str
    object: Number | None
    info: Text
    diff: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Logs:
    """Which of Koha's logs are on (preferences BorrowersLog and FinesLog)."""

    borrowers: bool
    fines: bool


def wanted(conn: Connection) -> Logs:
    """Which logs this Koha keeps."""
    is_on = {name: value not in {"", "0"} for name, value in preferences(conn, ("BorrowersLog", "FinesLog")).items()}
    return Logs(borrowers=is_on["BorrowersLog"], fines=is_on["FinesLog"])


def write(conn: Connection, rows: Iterable[LogRow], moment: Moment) -> None:
    """Log these rows."""
    for chunk in a_thousand_at_a_time(rows):
        conn.execute(insert(action_logs), [_values(conn, row, moment) for row in chunk])


def log_changes(
    conn: Connection, flags: Iterable[SetFlag | ClearFlag], fees: Iterable[ChargeFee], *, logs: Logs, moment: Moment
) -> None:
    """Every flag changed and every fee charged has a row, if Koha keeps that log."""
    if logs.borrowers:
        write_alike(conn, flag_changed, flags, moment)
    if logs.fines:
        write_alike(conn, fee_charged, fees, moment)


def write_alike(conn: Connection, make: Callable[[A, Number], LogRow], actions: Iterable[A], moment: Moment) -> None:
    """Log a row for each action, as `make` words it; those that differ in the patron alone with one statement."""
    who = borrowers.c.borrowernumber
    for action, numbers in alike(actions):
        insert_selected(conn, action_logs, _values(conn, make(action, who), moment), among(who, numbers))


def _values(conn: Connection, row: LogRow, moment: Moment) -> Values:
    """The values of a row for the columns that this Koha has."""
    values: Values = {
        "object": row.object,  # first, so that rows selected are in the order of their patrons
        "timestamp": moment.now.replace(microsecond=0),
        "user": 0,
        "module": row.module,
        "action": row.action,
        "info": row.info,
        "interface": moment.interface,
        "script": PROGRAM,
        "trace": None,
        "diff": row.diff,
    }
    present = columns_of(conn, action_logs)
    return {name: value for name, value in values.items() if name in present}


def fee_charged(fee: ChargeFee, patron: Number) -> LogRow:
    """What Koha::Account->add_debit logs under FinesLog."""
    kind = {"debit_type_code": fee.type}
    return _line_made(f"create_{fee.type}", patron, fee.amount, description=fee.description, kind=kind)


def fee_forgiven(waiver: ForgiveFee) -> LogRow:
    """What Koha::Account->add_credit logs under FinesLog."""
    total = -waiver.amount
    # The result of a Perl sum: whole numbers without a point, no trailing zeros.
    amount = int(total) if total == int(total) else total.normalize()
    kind = {"credit_type_code": FORGIVEN}
    return _line_made(f"create_{FORGIVEN}", waiver.patron, amount, description="", kind=kind, branchcode=None)


def _line_made(
    action: str, patron: Number, amount: int | Decimal, *, description: str, kind: Mapping[str, str], **more: None
) -> LogRow:
    info = dumped(
        {
            "action": action,
            "borrowernumber": patron,
            "amount": amount,
            "description": description,
            "amountoutstanding": amount,
            **kind,
            "note": "",
            "itemnumber": None,
            "manager_id": None,
            **more,
        }
    )
    return LogRow(module="FINES", action="CREATE", object=patron, info=info, diff="{}")


def restricted(action: Restrict, patron: Number, row: Number, created: str) -> LogRow:
    """What AddDebarment logs under BorrowersLog; `created` as the instance's zone shows it."""
    info = dumped(
        {
            "borrower_debarment_id": row,
            "borrowernumber": patron,
            "comment": action.comment,
            "created": created,
            "expiration": str(action.until) if action.until else None,
            "manager_id": None,
            "type": action.type,
            "updated": None,
        }
    )
    return LogRow(module="MEMBERS", action="CREATE_RESTRICTION", object=patron, info=info)


def write_restricted(conn: Connection, actions: Iterable[Restrict], made: NewRows, moment: Moment) -> None:
    """Log these new restrictions."""
    created = moment.now.astimezone(moment.zone).strftime("%Y-%m-%d %H:%M:%S")
    for action, numbers in alike(actions):
        row = restricted(action, borrower_debarments.c.borrowernumber, made.number, created)
        insert_selected(conn, action_logs, _values(conn, row, moment), made.among(numbers))


def lifted(gone: LiftRestriction) -> LogRow:
    """What DelDebarment logs under BorrowersLog: that a restriction was deleted, not which."""
    return LogRow(module="MEMBERS", action="DELETE_RESTRICTION", object=gone.patron, info="")


def moved(action: MoveRestriction, made: datetime, moment: Moment) -> LogRow:
    """What ModDebarment logs under BorrowersLog; `made`: when the restriction was made."""
    created, updated = (f"{each.astimezone(moment.zone):%Y-%m-%d %H:%M:%S}" for each in (made, moment.now))
    info = dumped(
        {
            "borrower_debarment_id": action.restriction.id,
            "borrowernumber": action.patron,
            "comment": action.restriction.comment,
            "created": created,
            "expiration": str(action.until) if action.until else None,
            "manager_id": None,
            "type": action.restriction.type,
            "updated": updated,
        }
    )
    return LogRow(module="MEMBERS", action="MODIFY_RESTRICTION", object=action.patron, info=info)


def patron_made(patron: int) -> LogRow:
    """What Koha::Patron logs under BorrowersLog for a new patron."""
    return LogRow(module="MEMBERS", action="CREATE", object=patron, info="", diff="{}")


def attribute_given(patron: int, code: str, value: str) -> LogRow:
    """What Koha::Patron->add_extended_attribute logs under BorrowersLog for the first value of an attribute."""
    info = pretty({f"attribute.{code}": {"before": [], "after": [value]}})
    return LogRow(module="MEMBERS", action="MODIFY", object=patron, info=info)


def patron_changed(patron: int, changes: Mapping[str, tuple[str | None, object]]) -> LogRow:
    """What Koha::Patron logs under BorrowersLog for changed columns, each with before and after."""
    values = {column: {"before": before, "after": after} for column, (before, after) in changes.items()}
    return LogRow(module="MEMBERS", action="MODIFY", object=patron, info=pretty(values))


def flag_changed(change: SetFlag | ClearFlag, patron: Number) -> LogRow:
    """What Koha::Patron logs under BorrowersLog for a changed sort field or attribute."""
    flag, before = change.flag, change.before.value
    is_attribute = flag.column == "attribute"
    key = f"attribute.{flag.code}" if is_attribute else flag.column
    after = flag.yes if isinstance(change, SetFlag) else flag.no
    values = {key: {"before": before or "" if is_attribute else before, "after": after}}
    return LogRow(module="MEMBERS", action="MODIFY", object=patron, info=pretty(values))


def pretty(values: object) -> str:
    """JSON as Perl's canonical pretty printer lays it out."""
    return json.dumps(values, indent=3, separators=(",", " : "), sort_keys=True, ensure_ascii=False) + "\n"


def dumped(values: Mapping[str, Number | str | Decimal | None]) -> Text:
    """A flat record as Perl's Data::Dumper lays it out; an SQL expression if a value is a column."""
    pairs = [f"{'':10}'{key}' => " + _perl(value) for key, value in values.items()]
    return "$VAR1 = {\n" + reduce(lambda text, pair: text + ",\n" + pair, pairs) + f"\n{'':8}}};\n"


def _perl(value: Number | str | Decimal | None) -> Text:
    match value:
        case None:
            return "undef"
        case int():
            return str(value)
        case ColumnElement():
            return cast(value, String(20))
        case Decimal():
            return f"'{value:f}'"
        case str() if value.isascii():
            return "'" + re.sub(r"[\\']", r"\\\g<0>", value) + "'"
        case str():
            escaped = re.sub(r'[\\"$@]', r"\\\g<0>", value)
            return '"' + re.sub(r"[^\x00-\x7f]", lambda other: f"\\x{{{ord(other[0]):x}}}", escaped) + '"'
