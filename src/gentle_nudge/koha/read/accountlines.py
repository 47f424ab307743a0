"""Single account lines: accounts, balances, owners, and their locks."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial, reduce
from itertools import groupby
from sys import intern
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Connection, Select, and_, case, func, literal, select

from gentle_nudge.domain.ledger import Account, JudgedLine, Line, LineRules, Ownership
from gentle_nudge.domain.money import round_to_cent
from gentle_nudge.koha.koha_tables import accountlines
from gentle_nudge.koha.read.line_conditions import IS_OUTSTANDING, belongs, counted, joined, why_not_counted
from gentle_nudge.sqltypes import Money, a_thousand_at_a_time, among, rows_by_thousands

# Three facts about a line travel as one number: a further column would cost the driver more than all we do with it.
COUNTS, OURS, LOST = 1, 2, 4
TYPE = func.coalesce(accountlines.c.debit_type_code, accountlines.c.credit_type_code).label("type")


def accounts(
    conn: Connection, rules: LineRules, ownership: Ownership, numbers: Collection[int], *, lock: bool = False
) -> dict[int, Account]:
    """The accounts of these patrons, with sums rounded to the cent; all zero for a patron without outstanding lines.

    `lock` locks the outstanding lines in order of number. A locking statement locks rows in every table it reads, so
    one statement locks and reads only if it needs no other table.
    """
    locks_itself = lock and ownership.charges_by == "patron"
    if lock and not locks_itself:
        lock_lines(conn, numbers)
    accounts_of = {number: Account(has_lines_here=False) for number in numbers}
    for chunk in a_thousand_at_a_time(sorted(numbers)):
        query = outstanding_query(rules, ownership, chunk)
        rows = conn.execute(to_be_locked(query) if locks_itself else query)
        for number, lines in groupby(rows, operator.itemgetter(0)):
            accounts_of[number] = _account(lines, rules.zone)
    return accounts_of


def outstanding_query(rules: LineRules, ownership: Ownership, numbers: Collection[int]) -> Select[Any]:
    """Every outstanding line of these patrons: whether it counts (1), is the section's (2), is a lost charge (4).

    Index: accountlines acctsborridx, borrowers PRIMARY, items PRIMARY.
    """
    line, ours = accountlines.c, belongs(ownership, numbers)
    lost_charge = and_(line.debit_type_code == "LOST", line.amountoutstanding > literal(Decimal(0), Money()), ours)
    facts = ((counted(rules, ownership, numbers), COUNTS), (ours, OURS), (lost_charge, LOST))
    sum_of_facts = reduce(operator.add, (case((holds, fact), else_=0) for holds, fact in facts))
    return (
        select(line.borrowernumber, line.accountlines_id, line.date, TYPE, line.amountoutstanding)
        .add_columns(sum_of_facts.label("facts"))
        .select_from(joined(ownership))
        .where(among(line.borrowernumber, numbers), IS_OUTSTANDING)
        .order_by(line.borrowernumber, line.accountlines_id)
    )


def _account(rows: Iterable[Sequence[Any]], zone: ZoneInfo) -> Account:
    """The account of one patron: the lines of the section, and the sums they make."""
    owed = balance = whole = Decimal(0)
    latest: datetime | None = None
    lost_charge = False
    lines = []
    for row in rows:
        _, id_, written, type_, outstanding, facts = row
        at, counts = written.astimezone(zone) if written else None, bool(facts & COUNTS)
        whole += outstanding
        lost_charge = lost_charge or bool(facts & LOST)
        if counts:
            owed += outstanding
            if at and outstanding > 0:
                latest = max(latest or at, at)
        if facts & OURS:
            balance += outstanding
            day, kind = at.date() if at else None, intern(type_) if type_ else None
            lines.append(Line(id=id_, day=day, type=kind, outstanding=outstanding, counted=counts))
    rounded = round_to_cent(balance)
    return Account(
        owed=round_to_cent(owed),
        balance=rounded,
        whole_balance=rounded if whole == balance else round_to_cent(whole),
        lost_charge=lost_charge,
        latest_charge=latest,
        has_lines_here=bool(lines),
        lines=tuple(lines),
    )


def judged_lines(conn: Connection, rules: LineRules, ownership: Ownership, number: int) -> tuple[JudgedLine, ...]:
    """The outstanding lines of one patron, each with all reasons why it does not count, oldest first."""
    reasons = why_not_counted(rules, ownership, [number])
    return tuple(
        JudgedLine(
            id=id_,
            at=at.astimezone(rules.zone) if at else None,
            type=type_,
            outstanding=outstanding,
            why_not=tuple(why for why, holds in zip(reasons, verdicts, strict=True) if holds),
        )
        for id_, at, type_, outstanding, *verdicts in conn.execute(judged_lines_query(rules, ownership, number))
    )


def judged_lines_query(rules: LineRules, ownership: Ownership, number: int) -> Select[Any]:
    """Every outstanding line of one patron, with a column for each reason why it does not count (`explain`).

    Index: accountlines acctsborridx, borrowers PRIMARY, items PRIMARY.
    """
    line, reasons = accountlines.c, why_not_counted(rules, ownership, [number])
    verdicts = (case((why, 1), else_=0).label(name) for name, why in reasons.items())
    return (
        select(line.accountlines_id, line.date, TYPE, line.amountoutstanding, *verdicts)
        .select_from(joined(ownership))
        .where(line.borrowernumber == number, IS_OUTSTANDING)
        .order_by(line.date, line.accountlines_id)
    )


def lock_lines(conn: Connection, numbers: Iterable[int]) -> None:
    """Lock the outstanding lines of these patrons, in order of number."""
    for chunk in a_thousand_at_a_time(sorted(numbers)):
        conn.execute(lines_to_lock_query(chunk))


def lines_to_lock_query(numbers: Collection[int]) -> Select[Any]:
    """The outstanding lines of these patrons, asked for with FOR UPDATE NOWAIT.

    Index: accountlines acctsborridx.
    """
    line = accountlines.c
    return to_be_locked(
        select(line.accountlines_id)
        .where(among(line.borrowernumber, numbers), IS_OUTSTANDING)
        .order_by(line.borrowernumber, line.accountlines_id)
    )


def to_be_locked(query: Select[Any]) -> Select[Any]:
    """The query with FOR UPDATE NOWAIT, sure to find its lines by patron.

    MariaDB reads a small table from end to end, and a query that locks would meet the new lines of every desk.
    """
    return query.with_hint(accountlines, "FORCE INDEX (acctsborridx)").with_for_update(nowait=True)


def owners(conn: Connection, line_numbers: Collection[int]) -> dict[int, int | None]:
    """Line -> the patron who has it now; deleted lines are left out."""
    return {line: patron for line, patron in rows_by_thousands(conn, owners_query, line_numbers)}  # noqa: C416 - typed


def owners_query(line_ids: Collection[int]) -> Select[Any]:
    """The patron of each of these lines: a merge of cards gives them to another one.

    Index: accountlines PRIMARY.
    """
    line = accountlines.c
    return select(line.accountlines_id, line.borrowernumber).where(among(line.accountlines_id, line_ids))


def outstanding(conn: Connection, line_numbers: Collection[int]) -> dict[int, tuple[int | None, Decimal]]:
    """Line -> the patron who has it now, and what it owes; deleted lines are left out."""
    rows = rows_by_thousands(conn, single_lines_query, line_numbers)
    return {line: (patron, amount or Decimal(0)) for line, patron, amount in rows}


def single_lines_query(line_ids: Collection[int]) -> Select[Any]:
    """The patron of each of these lines, and what it owes (recorded with cases that were closed).

    Index: accountlines PRIMARY.
    """
    line = accountlines.c
    return select(line.accountlines_id, line.borrowernumber, line.amountoutstanding).where(
        among(line.accountlines_id, line_ids)
    )


def recorded_lines(conn: Connection, fee_line: Column[int], numbers: Iterable[int]) -> dict[int, int]:
    """Line -> patron, of the lines of these patrons that are in our column `fee_line`."""
    rows = rows_by_thousands(conn, partial(recorded_lines_query, fee_line), numbers)
    return {line: patron for line, patron in rows}  # noqa: C416 - typed


def recorded_lines_query(fee_line: Column[int], numbers: Collection[int]) -> Select[Any]:
    """The lines of these patrons that are recorded with reminders as their fees.

    Index: accountlines acctsborridx, gentle_nudge_reminder gentle_nudge_reminder_fee.
    """
    line = accountlines.c
    return (
        select(line.accountlines_id, line.borrowernumber)
        .join(fee_line.table, fee_line == line.accountlines_id)
        .where(among(line.borrowernumber, numbers))
    )


def charged_on(conn: Connection, description: str, numbers: Collection[int], zone: ZoneInfo) -> dict[int, date]:
    """The day of each patron's latest debit with this description, paid or not."""
    rows = rows_by_thousands(conn, partial(latest_charge_query, description), numbers)
    return {number: at.astimezone(zone).date() for number, at in rows if at is not None}


def latest_charge_query(description: str, numbers: Collection[int]) -> Select[Any]:
    """When each of these patrons was last charged a fee with this description (for adoptions).

    Index: accountlines acctsborridx.
    """
    line = accountlines.c
    return (
        select(line.borrowernumber, func.max(line.date).label("latest"))
        .where(among(line.borrowernumber, numbers), line.description == description)
        .where(line.debit_type_code.is_not(None))
        .group_by(line.borrowernumber)
    )


def paid_on(conn: Connection, numbers: Collection[int], zone: ZoneInfo) -> dict[int, date]:
    """The day of each patron's latest payment that was not voided; who never paid is left out."""
    rows = rows_by_thousands(conn, latest_payment_query, numbers)
    return {number: at.astimezone(zone).date() for number, at in rows if at is not None}


def latest_payment_query(numbers: Collection[int]) -> Select[Any]:
    """When each of these patrons last paid something, voided payments aside (with `defer_after_payment` alone).

    Index: accountlines acctsborridx.
    """
    line = accountlines.c
    return (
        select(line.borrowernumber, func.max(line.date).label("latest"))
        .where(among(line.borrowernumber, numbers), line.credit_type_code == "PAYMENT")
        .where(func.coalesce(line.status, "") != "VOID")
        .group_by(line.borrowernumber)
        .with_hint(accountlines, "FORCE INDEX (acctsborridx)")
    )


def balances(conn: Connection, ownership: Ownership, numbers: Collection[int]) -> dict[int, Decimal]:
    """The section's balance of these patrons, rounded to the cent."""
    sums = rows_by_thousands(conn, partial(balances_query, ownership), numbers)
    return dict.fromkeys(numbers, round_to_cent(0)) | {number: round_to_cent(balance) for number, balance in sums}


def balances_query(ownership: Ownership, numbers: Collection[int]) -> Select[Any]:
    """The section's balance of these patrons, of patrons with outstanding lines alone.

    Index: accountlines acctsborridx, borrowers PRIMARY, items PRIMARY.
    """
    line = accountlines.c
    return (
        select(line.borrowernumber, func.sum(line.amountoutstanding, type_=Money()))
        .select_from(joined(ownership))
        .where(among(line.borrowernumber, numbers), IS_OUTSTANDING, belongs(ownership, numbers))
        .group_by(line.borrowernumber)
    )
