"""Every SELECT about single account lines: what each counts for, whose it is, and the lock that keeps it so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, literal, select

from gentle_nudge.columns import Money, a_thousand_at_a_time, among
from gentle_nudge.domain.explanation import JudgedLine
from gentle_nudge.domain.money import cents
from gentle_nudge.domain.patron import Account, Line
from gentle_nudge.koha.accounts import View, belongs, counted, joined, why_not_counted
from gentle_nudge.koha.tables import accountlines

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """An outstanding line as one section sees it: whether it counts, is the section's, is a lost charge still owing."""

    line: Line
    at: datetime | None
    counts: bool
    ours: bool
    lost: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Books:
    """The sums of one patron with the section's lines they are made of."""

    account: Account
    lines: tuple[Line, ...]


def books(conn: Connection, view: View, numbers: Collection[int], *, lock: bool = True) -> dict[int, Books]:
    """Sums and lines of these patrons; `lock` locks the outstanding lines in order of number.

    The locks of a statement hold in every table it reads, so that only where no other table is needed one statement
    does for both.
    """
    alone = lock and view.section.charges_by == "patron"
    if lock and not alone:
        lock_lines(conn, numbers)
    seen: defaultdict[int, list[Seen]] = defaultdict(list)
    for some in a_thousand_at_a_time(sorted(numbers)):
        query = _seen(view, some)
        for row in conn.execute(query.with_for_update() if alone else query):
            seen[row.number].append(_line(row, view))
    return {number: _books(seen[number]) for number in numbers}


def _books(seen: list[Seen]) -> Books:
    account = Account(
        owed=cents(sum((one.line.outstanding for one in seen if one.counts), Decimal(0))),
        balance=cents(sum((one.line.outstanding for one in seen if one.ours), Decimal(0))),
        whole_balance=cents(sum((one.line.outstanding for one in seen), Decimal(0))),
        lost_charge=any(one.lost for one in seen),
        has_lines_here=any(one.ours for one in seen),
        latest_charge=max((one.at for one in seen if one.counts and one.line.outstanding > 0 and one.at), default=None),
    )
    return Books(account=account, lines=tuple(one.line for one in seen if one.ours))


def _seen(view: View, numbers: list[int]) -> Select[Any]:
    line, ours = accountlines.c, belongs(view, numbers)
    owing = line.amountoutstanding > literal(Decimal(0), Money())
    return (
        select(
            line.borrowernumber.label("number"),
            line.accountlines_id.label("id"),
            line.date.label("at"),
            func.coalesce(line.debit_type_code, line.credit_type_code).label("type"),
            line.amountoutstanding.label("outstanding"),
            counted(view, numbers).label("counts"),
            ours.label("ours"),
            case((and_(line.debit_type_code == "LOST", owing, ours), 1), else_=0).label("lost"),
        )
        .select_from(joined(view))
        .where(among(line.borrowernumber, numbers), line.amountoutstanding != literal(Decimal(0), Money()))
        .order_by(line.borrowernumber, line.accountlines_id)
    )


def _line(row: Any, view: View) -> Seen:
    at = row.at.astimezone(view.zone) if row.at else None
    counts = bool(row.counts)
    line = Line(id=row.id, day=at.date() if at else None, type=row.type, outstanding=row.outstanding, counted=counts)
    return Seen(line=line, at=at, counts=counts, ours=bool(row.ours), lost=bool(row.lost))


def judged_lines(conn: Connection, view: View, number: int) -> tuple[JudgedLine, ...]:
    """The outstanding lines of one patron, each with all reasons why it does not count, oldest first."""
    line, reasons = accountlines.c, why_not_counted(view, [number])
    query = (
        select(
            line.accountlines_id,
            line.date,
            func.coalesce(line.debit_type_code, line.credit_type_code),
            line.amountoutstanding,
            *(case((why, 1), else_=0) for why in reasons.values()),
        )
        .select_from(joined(view))
        .where(line.borrowernumber == number, line.amountoutstanding != literal(Decimal(0), Money()))
        .order_by(line.date, line.accountlines_id)
    )
    return tuple(
        JudgedLine(
            id=id_,
            at=at.astimezone(view.zone) if at else None,
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


def charged_on(conn: Connection, view: View, numbers: Collection[int]) -> dict[int, date]:
    """The day of each patron's latest line described as our fee, paid or not."""
    line = accountlines
    latest = func.max(line.c.date)
    found: dict[int, date] = {}
    for some in a_thousand_at_a_time(sorted(numbers)):
        query = (
            select(line.c.borrowernumber, latest.label("latest"))
            .where(among(line.c.borrowernumber, some))
            .where(line.c.description == view.section.policy.fee_description)
            .where(line.c.debit_type_code.is_not(None))
            .group_by(line.c.borrowernumber)
        )
        found.update((number, at.astimezone(view.zone).date()) for number, at in conn.execute(query) if at is not None)
    return found
