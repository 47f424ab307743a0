"""Every SELECT on single account lines: accounts, balances, owners, and their locks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from sys import intern
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, case, func, literal, select

from gentle_nudge.domain.ledger import Account, JudgedLine, Line, LineRules, Ownership
from gentle_nudge.domain.money import round_to_cent
from gentle_nudge.koha.koha_tables import accountlines
from gentle_nudge.koha.read.line_conditions import belongs, counted, joined, why_not_counted
from gentle_nudge.sqltypes import Money, a_thousand_at_a_time, among

if TYPE_CHECKING:
    from sqlalchemy import Select


# Facts about a line travel as one number: the driver takes longer for a column than we for all that is made of it.
COUNTS, OURS, LOST = 1, 2, 4


def accounts(
    conn: Connection, rules: LineRules, ownership: Ownership, numbers: Collection[int], *, lock: bool = False
) -> dict[int, Account]:
    """The accounts of these patrons, sums rounded to the cent; without anything outstanding all is zero.

    `lock` locks the outstanding lines in order of number. The locks of a statement hold in every table it reads, so
    that only where no other table is needed one statement does for both.
    """
    alone = lock and ownership.charges_by == "patron"
    if lock and not alone:
        lock_lines(conn, numbers)
    found = {number: Account(has_lines_here=False) for number in numbers}
    for some in a_thousand_at_a_time(sorted(numbers)):
        query = _outstanding(rules, ownership, some)
        rows = conn.execute(query.with_for_update() if alone else query)
        for number, theirs in groupby(rows, itemgetter(0)):
            found[number] = _account(theirs, rules.zone)
    return found


def _outstanding(rules: LineRules, ownership: Ownership, numbers: list[int]) -> Select[Any]:
    line, ours = accountlines.c, belongs(ownership, numbers)
    owing = line.amountoutstanding > literal(Decimal(0), Money())
    return (
        select(
            line.borrowernumber,
            line.accountlines_id,
            line.date,
            func.coalesce(line.debit_type_code, line.credit_type_code),
            line.amountoutstanding,
            case((counted(rules, ownership, numbers), COUNTS), else_=0)
            + case((ours, OURS), else_=0)
            + case((and_(line.debit_type_code == "LOST", owing, ours), LOST), else_=0),
        )
        .select_from(joined(ownership))
        .where(among(line.borrowernumber, numbers), line.amountoutstanding != literal(Decimal(0), Money()))
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
    line, reasons = accountlines.c, why_not_counted(rules, ownership, [number])
    query = (
        select(
            line.accountlines_id,
            line.date,
            func.coalesce(line.debit_type_code, line.credit_type_code),
            line.amountoutstanding,
            *(case((why, 1), else_=0) for why in reasons.values()),
        )
        .select_from(joined(ownership))
        .where(line.borrowernumber == number, line.amountoutstanding != literal(Decimal(0), Money()))
        .order_by(line.date, line.accountlines_id)
    )
    return tuple(
        JudgedLine(
            id=id_,
            at=at.astimezone(rules.zone) if at else None,
            type=type_,
            outstanding=outstanding,
            why_not=tuple(why for why, holds in zip(reasons, held, strict=True) if holds),
        )
        for id_, at, type_, outstanding, *held in conn.execute(query)
    )


def lock_lines(conn: Connection, numbers: Iterable[int]) -> None:
    """Lock the outstanding lines of these patrons, in order of number."""
    line = accountlines
    for some in a_thousand_at_a_time(sorted(numbers)):
        conn.execute(
            select(line.c.accountlines_id)
            .where(among(line.c.borrowernumber, some), line.c.amountoutstanding != literal(Decimal(0), Money()))
            .order_by(line.c.borrowernumber, line.c.accountlines_id)
            .with_for_update()
        ).all()


def owners(conn: Connection, line_numbers: Collection[int]) -> dict[int, int | None]:
    """Whose these lines are now; a line that is no more is left out."""
    line = accountlines
    found: dict[int, int | None] = {}
    for some in a_thousand_at_a_time(sorted(line_numbers)):
        query = select(line.c.accountlines_id, line.c.borrowernumber).where(among(line.c.accountlines_id, some))
        found.update((id_, number) for id_, number in conn.execute(query))
    return found


def charged_on(conn: Connection, description: str, numbers: Collection[int], zone: ZoneInfo) -> dict[int, date]:
    """The day of each patron's latest debit with this description, paid or not."""
    line = accountlines
    latest = func.max(line.c.date)
    found: dict[int, date] = {}
    for some in a_thousand_at_a_time(sorted(numbers)):
        query = (
            select(line.c.borrowernumber, latest.label("latest"))
            .where(among(line.c.borrowernumber, some))
            .where(line.c.description == description)
            .where(line.c.debit_type_code.is_not(None))
            .group_by(line.c.borrowernumber)
        )
        found.update((number, at.astimezone(zone).date()) for number, at in conn.execute(query) if at is not None)
    return found


def balances(conn: Connection, ownership: Ownership, numbers: Collection[int]) -> dict[int, Decimal]:
    """The section's balance of these patrons, rounded to the cent."""
    found = dict.fromkeys(numbers, round_to_cent(0))
    line = accountlines
    for some in a_thousand_at_a_time(sorted(numbers)):
        query = (
            select(line.c.borrowernumber, func.sum(line.c.amountoutstanding, type_=Money()))
            .select_from(joined(ownership))
            .where(among(line.c.borrowernumber, some), line.c.amountoutstanding != literal(Decimal(0), Money()))
            .where(belongs(ownership, some))
            .group_by(line.c.borrowernumber)
        )
        found.update((number, round_to_cent(balance)) for number, balance in conn.execute(query))
    return found
