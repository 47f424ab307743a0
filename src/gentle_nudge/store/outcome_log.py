"""Koha's offsets of recorded lines, kept when Koha purges them, and what was last seen of the lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, fields
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    delete,
    false,
    func,
    insert,
    literal,
    select,
    true,
    update,
)

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.outcomes.figures import FollowedCase, FollowedLine, Offset, Share
from gentle_nudge.domain.outcomes.invoice import BilledCase, ReadInvoice
from gentle_nudge.sqltypes import Money, a_thousand_at_a_time, among, rows_by_thousands
from gentle_nudge.store.tables import case, case_line, fitted, invoice, outcome, outcome_line, run

IS_RECORDED = case_line.c.outstanding > literal(ZERO, Money())
Line = ColumnElement[int]
ByLine = Callable[[Line], ColumnElement[Any]]
FACTS = tuple(field.name for field in fields(FollowedCase))


def complete(conn: Connection, cases: Iterable[int], *, last_offset: ByLine, due_on: ByLine) -> None:
    """The lines of these new cases hold their latest offset and the day on which their checkout was due.

    Both are found by the number of the line; the lines are locked. An offset that Koha has deleted since it was kept
    came before, too: it belongs to an earlier case.
    """
    in_koha, of_line = last_offset(case_line.c.line), outcome.c.line == case_line.c.line
    kept = select(func.coalesce(func.max(outcome.c.offset_id), 0)).where(of_line).scalar_subquery()
    higher = func.max if conn.dialect.name == "sqlite" else func.greatest  # each is looked for once
    values = {"last_offset": higher(kept, in_koha), "due_on": due_on(case_line.c.line)}
    for chunk in a_thousand_at_a_time(cases):
        conn.execute(update(case_line).where(among(case_line.c.case_id, chunk)).values(values))


def bring_along(conn: Connection, last_offset: Callable[[Line, ColumnElement[datetime]], ColumnElement[int]]) -> None:
    """Lines that an older program recorded hold their latest offset of before the run that opened their case began."""
    opened = case.join(run, run.c.id == case.c.opened_run)
    began = select(run.c.started).select_from(opened).where(case.c.id == case_line.c.case_id).correlate(case_line)
    latest = last_offset(case_line.c.line, began.scalar_subquery())
    conn.execute(update(case_line).where(case_line.c.last_offset.is_(None)).values(last_offset=latest))


# What was kept


def followed_cases(conn: Connection) -> list[FollowedCase]:
    """All cases but those that are forgotten, in order of id."""
    rows = conn.execute(select(*(case.c[name] for name in FACTS)).where(case.c.forgotten.is_(None)).order_by(case.c.id))
    return [FollowedCase(**{**row, "state": CaseState(row["state"])}) for row in rows.mappings()]


def followed_lines(conn: Connection, zone: ZoneInfo) -> Iterator[tuple[FollowedLine, list[Offset]]]:
    """Every recorded line and fee as last seen, with its kept offsets in order of id; days are those of the zone."""
    recorded_lines, kept = _recorded(conn), outcome.c
    columns = (kept.line, kept.offset_id, kept.at, kept.type, kept.amount, kept.credit, kept.credit_type)
    query = select(*columns, kept.credit_amount, kept.same_item).order_by(kept.line, kept.offset_id)
    rows = conn.execute(query, execution_options={"stream_results": True})  # a row takes half a kilobyte
    of_lines = groupby(rows, itemgetter(0))
    line, offsets = next(of_lines, (None, iter(())))
    for number, recorded in groupby(recorded_lines, itemgetter(0)):
        while line is not None and line < number:
            line, offsets = next(of_lines, (None, iter(())))
        yield _followed(list(recorded)), [_offset(row, zone) for row in offsets] if line == number else []


def _recorded(conn: Connection) -> list[Any]:
    """What each case recorded of its lines and of its fee, in order of line and case."""
    seen = (outcome_line.c.owing, outcome_line.c.found_on, outcome_line.c.gone_on)
    line, owed = case_line.c, (case.c.fee_line.is_not(None), case.c.fee > literal(ZERO, Money()))
    lines = (
        select(line.line, line.case_id, line.outstanding, line.last_offset, line.day, line.due_on, line.type, *seen)
        .add_columns(false().label("is_fee"))
        .outerjoin(outcome_line, outcome_line.c.line == line.line)
        .where(IS_RECORDED)
    )
    none = (literal(None).label(name) for name in ("last_offset", "day", "due_on"))
    fees = (
        select(case.c.fee_line, case.c.id, case.c.fee, *none, literal(None), *seen)
        .add_columns(true().label("is_fee"))
        .outerjoin(outcome_line, outcome_line.c.line == case.c.fee_line)
        .where(*owed)
    )
    return sorted([*conn.execute(lines), *conn.execute(fees)], key=itemgetter(0, 1))


def _followed(rows: list[Any]) -> FollowedLine:
    number, *_, owing, found_on, gone_on, _ = rows[0]
    shares = (
        Share(case=case_id, outstanding=amount, last_offset=last or 0, is_fee=is_fee, day=day, due_on=due_on)
        for _, case_id, amount, last, day, due_on, *_, is_fee in rows
    )
    return FollowedLine(
        number=number,
        type=next((row[6] for row in rows if row[6]), None),
        shares=tuple(shares),
        owing=owing,
        found_on=found_on,
        gone_on=gone_on,
    )


def _offset(row: Any, zone: ZoneInfo) -> Offset:
    _, id_, at, type_, amount, credit, credit_type, credit_amount, same_item = row
    return Offset(
        id=id_,
        day=at.astimezone(zone).date(),
        type=type_,
        amount=amount,
        credit=credit,
        credit_type=credit_type,
        credit_amount=credit_amount,
        same_item=same_item,
    )


# Forgotten with the last case


def lines_of(conn: Connection, cases: Collection[int]) -> set[int]:
    """The lines and fees recorded with these cases."""
    recorded = select(case_line.c.line).where(case_line.c.case_id.in_(cases))
    fees = select(case.c.fee_line).where(case.c.id.in_(cases), case.c.fee_line.is_not(None))
    return {*conn.scalars(recorded), *conn.scalars(fees)}


def forget(conn: Connection, lines: Collection[int]) -> None:
    """Nothing is kept of those among these lines that no case has recorded any more."""
    recorded = {line for (line,) in rows_by_thousands(conn, recorded_elsewhere_query, lines)}
    fees = select(case.c.fee_line).where(case.c.fee_line.is_not(None))
    for chunk in a_thousand_at_a_time(set(lines) - recorded):
        unrecorded = set(chunk) - set(conn.scalars(fees.where(among(case.c.fee_line, chunk))))
        for kept in (outcome, outcome_line):
            conn.execute(delete(kept).where(among(kept.c.line, unrecorded)))


def recorded_elsewhere_query(line_ids: Collection[int]) -> Select[Any]:
    """Those among these lines that are recorded with a case.

    Index: gentle_nudge_case_line gentle_nudge_case_line_line.
    """
    return select(case_line.c.line).where(among(case_line.c.line, line_ids)).distinct()


# Invoices


def invoices(conn: Connection, months: tuple[date, date], libraries: Collection[str]) -> list[ReadInvoice]:
    """What was found in the invoices of these months (by the first day of the first and the last) and libraries."""
    first, last = (f"{month:%Y-%m}" for month in months)
    columns = (invoice.c[field.name] for field in fields(ReadInvoice))
    read = select(*columns).where(invoice.c.month.between(first, last), invoice.c.library.in_(libraries))
    return [ReadInvoice(**row) for row in conn.execute(read.order_by(invoice.c.month, invoice.c.library)).mappings()]


def billed_cases(conn: Connection) -> dict[str, list[BilledCase]]:
    """Section -> its cases that are not forgotten, as an invoice may name them."""
    columns = (case.c[field.name] for field in fields(BilledCase))
    by_section = defaultdict[str, list[BilledCase]](list)
    for row in conn.execute(select(case.c.section, *columns).where(case.c.forgotten.is_(None))).mappings():
        values = dict(row)
        by_section[values.pop("section")].append(BilledCase(**values))
    return by_section


def keep_invoice(conn: Connection, read: ReadInvoice, now: datetime, who: str | None) -> None:
    """The numbers of this invoice are kept, in place of those of an earlier reading."""
    conn.execute(delete(invoice).where(invoice.c.month == read.month, invoice.c.library == read.library))
    conn.execute(insert(invoice).values(**asdict(read), read_at=now, who=fitted(who, invoice.c.who)))
