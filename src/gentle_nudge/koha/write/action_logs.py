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

from sqlalchemy import ColumnElement, Connection, String, cast, insert, literal, select

from gentle_nudge.domain.actions import ChargeFee, ClearFlag, ForgiveFee, LiftRestriction, Restrict, SetFlag
from gentle_nudge.koha.koha_tables import action_logs, borrower_debarments, borrowers, columns_of
from gentle_nudge.koha.read.administration import preferences
from gentle_nudge.koha.write.new_rows import NewRows, alike
from gentle_nudge.sqltypes import a_thousand_at_a_time, among

PROGRAM = "gentle-nudge"
INTERFACE = "cron"
FORGIVEN = "FORGIVEN"

A = TypeVar("A", ChargeFee, SetFlag | ClearFlag)
Number = int | ColumnElement[int]
Text = str | ColumnElement[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class LogRow:
    """A row to be logged; `object` is the borrowernumber, None for our own.

    With columns in `object` and `info` it is the form of the rows for all patrons that a statement selects.
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
    values = preferences(conn, ("BorrowersLog", "FinesLog"))
    return Logs(borrowers=_is_on(values.get("BorrowersLog")), fines=_is_on(values.get("FinesLog")))


def _is_on(value: str | None) -> bool:
    return value not in {None, "", "0"}


def write(conn: Connection, rows: Iterable[LogRow], now: datetime, interface: str = INTERFACE) -> None:
    """Log these rows, with the columns this Koha has."""
    present = columns_of(conn, action_logs)
    for chunk in a_thousand_at_a_time(rows):
        values = [_values(row, now, interface) for row in chunk]
        conn.execute(insert(action_logs), [{k: v for k, v in value.items() if k in present} for value in values])


def write_alike(conn: Connection, make: Callable[[A, Number], LogRow], actions: Iterable[A], now: datetime) -> None:
    """Log a row for each action, as `make` words it; those that differ in the patron alone with one statement."""
    who = borrowers.c.borrowernumber
    for action, numbers in alike(actions):
        for chunk in a_thousand_at_a_time(numbers):
            _write_selected(conn, make(action, who), now, where=among(who, chunk))


def _write_selected(conn: Connection, row: LogRow, now: datetime, where: ColumnElement[bool]) -> None:
    """Log this row once for every row selected, with the values of its columns there."""
    present = columns_of(conn, action_logs)
    values = {
        name: value if isinstance(value, ColumnElement) else literal(value, action_logs.c[name].type)
        for name, value in _values(row, now, INTERFACE).items()
        if name in present
    }
    conn.execute(insert(action_logs).from_select(list(values), select(*values.values()).where(where)))


def _values(row: LogRow, now: datetime, interface: str) -> dict[str, object]:
    return {
        "timestamp": now.replace(microsecond=0),
        "user": 0,
        "module": row.module,
        "action": row.action,
        "object": row.object,
        "info": row.info,
        "interface": interface,
        "script": PROGRAM if interface in {INTERFACE, "commandline"} else None,
        "trace": None,
        "diff": row.diff,
    }


def fee_charged(fee: ChargeFee, patron: Number) -> LogRow:
    """What Koha::Account->add_debit logs under FinesLog."""
    info = dumped(
        {
            "action": f"create_{fee.type}",
            "borrowernumber": patron,
            "amount": fee.amount,
            "description": fee.description,
            "amountoutstanding": fee.amount,
            "debit_type_code": fee.type,
            "note": "",
            "itemnumber": None,
            "manager_id": None,
        }
    )
    return LogRow(module="FINES", action="CREATE", object=patron, info=info, diff="{}")


def fee_forgiven(waiver: ForgiveFee) -> LogRow:
    """What Koha::Account->add_credit logs under FinesLog."""
    amount = _as_perl_counts(-waiver.amount)
    info = dumped(
        {
            "action": f"create_{FORGIVEN}",
            "borrowernumber": waiver.patron,
            "amount": amount,
            "description": "",
            "amountoutstanding": amount,
            "credit_type_code": FORGIVEN,
            "note": "",
            "itemnumber": None,
            "manager_id": None,
            "branchcode": None,
        }
    )
    return LogRow(module="FINES", action="CREATE", object=waiver.patron, info=info, diff="{}")


def _as_perl_counts(amount: Decimal) -> Decimal | int:
    """The result of a Perl sum: whole numbers without a point, no trailing zeros."""
    return int(amount) if amount == int(amount) else amount.normalize()


def restricted(action: Restrict, patron: Number, row: Number, created: str) -> LogRow:
    """What AddDebarment logs under BorrowersLog; `created` as the instance's zone shows it."""
    info = dumped(
        {
            "borrower_debarment_id": row,
            "borrowernumber": patron,
            "comment": action.comment,
            "created": created,
            "expiration": None,
            "manager_id": None,
            "type": action.type,
            "updated": None,
        }
    )
    return LogRow(module="MEMBERS", action="CREATE_RESTRICTION", object=patron, info=info)


def write_restricted(
    conn: Connection, actions: Iterable[Restrict], made: NewRows, *, created: str, now: datetime
) -> None:
    """Log these restrictions, which have just been made."""
    for action, numbers in alike(actions):
        row = restricted(action, borrower_debarments.c.borrowernumber, made.number, created)
        for chunk in a_thousand_at_a_time(numbers):
            _write_selected(conn, row, now, where=made.among(chunk))


def lifted(gone: LiftRestriction) -> LogRow:
    """What DelDebarment logs under BorrowersLog: that one went, not which."""
    return LogRow(module="MEMBERS", action="DELETE_RESTRICTION", object=gone.patron, info="")


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
