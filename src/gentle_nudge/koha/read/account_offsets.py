"""What became of an account: every line with what it is now, what credits paid of debits, what is new since a night."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    Subquery,
    Table,
    and_,
    func,
    literal,
    or_,
    select,
)

from gentle_nudge.domain.ledger import VOID, AccountLine
from gentle_nudge.domain.money import ZERO
from gentle_nudge.koha.koha_tables import (
    account_offsets,
    accountlines,
    biblio,
    columns_of,
    issues,
    items,
    old_issues,
)
from gentle_nudge.sqltypes import Money, among, rows_by_thousands

FOUND = "FOUND"  # the status of a charge for a lost item once it is found
IsNew = Callable[[int, datetime | None], bool]


def whole_account(conn: Connection, number: int, zone: ZoneInfo, is_new: IsNew) -> tuple[AccountLine, ...]:
    """Every line of the patron, paid or not, in order of its number; `is_new` gets a line's number and instant."""
    return tuple(
        AccountLine(
            id=id_,
            day=_day(at, zone),
            type=debit or credit,
            amount=amount or ZERO,
            outstanding=outstanding or ZERO,
            voided=(debit or status) == VOID,
            is_new=is_new(id_, at),
        )
        for id_, at, debit, credit, amount, outstanding, status in conn.execute(whole_account_query(number))
    )


def _day(at: datetime | None, zone: ZoneInfo) -> date | None:
    return at.astimezone(zone).date() if at else None


def whole_account_query(number: int) -> Select[Any]:
    """Every line of one patron, paid or not (`statement`).

    Index: accountlines acctsborridx.
    """
    line = accountlines.c
    return (
        select(line.accountlines_id, line.date, line.debit_type_code, line.credit_type_code)
        .add_columns(line.amount, line.amountoutstanding, line.status)
        .where(line.borrowernumber == number)
        .order_by(line.accountlines_id)
    )


def paid_by(conn: Connection, credits_: Collection[int]) -> dict[int, Decimal]:
    """Debit -> what these credits paid of it."""
    rows = rows_by_thousands(conn, paid_by_query, credits_)
    paid: dict[int, Decimal] = {}
    for debit, amount in rows:
        paid[debit] = paid.get(debit, ZERO) - amount
    return paid


def paid_by_query(numbers: Collection[int]) -> Select[Any]:
    """What these credits paid of each debit, as negative amounts (`statement`).

    Index: account_offsets account_offsets_ibfk_p.
    """
    offset = account_offsets.c
    return (
        select(offset.debit_id, func.sum(offset.amount, type_=Money()))
        .where(among(offset.credit_id, numbers), offset.debit_id.is_not(None))
        .group_by(offset.debit_id)
    )


def titles(conn: Connection, line_numbers: Collection[int]) -> dict[int, str]:
    """Line -> the title of its item; lines without an item, and those that are gone, are left out."""
    return {line: title for line, title in rows_by_thousands(conn, titles_query, line_numbers) if title}


def titles_query(line_ids: Collection[int]) -> Select[Any]:
    """The titles of the items of these lines (`statement --titles`).

    Index: accountlines PRIMARY, items PRIMARY, biblio PRIMARY.
    """
    line = accountlines.c
    return (
        select(line.accountlines_id, biblio.c.title)
        .select_from(accountlines.join(items, items.c.itemnumber == line.itemnumber))
        .join(biblio, biblio.c.biblionumber == items.c.biblionumber)
        .where(among(line.accountlines_id, line_ids))
    )


# What nights keep of the lines that are recorded with cases

MOST_AT_ONCE = 20_000  # rows of one statement; the next one finds the others
BY_DEBIT, BY_NUMBER = "FORCE INDEX (account_offsets_ibfk_f)", "FORCE INDEX (PRIMARY)"


def latest_offset(line: ColumnElement[int], until: ColumnElement[datetime] | None = None) -> ScalarSelect[Any]:
    """The highest id of the offsets of the debit in this column, made no later than `until`; 0 if there is none."""
    offset = account_offsets.c
    latest = select(func.coalesce(func.max(offset.id), 0)).where(offset.debit_id == line)
    if until is not None:
        latest = latest.where(or_(until.is_(None), offset.created_on <= until))
    return latest.with_hint(account_offsets, BY_DEBIT).scalar_subquery()


def due_day(conn: Connection, line: ColumnElement[int]) -> ScalarSelect[Any]:
    """The day on which the checkout of the debit in this column was due, NULL if that is unknown.

    Koha writes the date in the library's zone. From 25.11 on a checkout that has ended has a column of its own.
    """
    debit = accountlines.c
    ended: ColumnElement[Any] = debit.issue_id
    if "old_issue_id" in columns_of(conn, accountlines):
        ended = func.coalesce(debit.old_issue_id, debit.issue_id)
    return (
        select(func.date(func.coalesce(issues.c.date_due, old_issues.c.date_due)))
        .select_from(accountlines)
        .outerjoin(issues, issues.c.issue_id == debit.issue_id)
        .outerjoin(old_issues, old_issues.c.issue_id == ended)
        .where(debit.accountlines_id == line)
        .scalar_subquery()
    )


def new_offsets_query(recorded: Subquery, copied: Column[int]) -> Select[Any]:
    """The offsets of recorded debits that are not copied yet, each with its credit, those of their making left out.

    Index: gentle_nudge_case none, gentle_nudge_case_line PRIMARY, entry account_offsets_ibfk_f,
    gentle_nudge_outcome PRIMARY, account_offsets PRIMARY, debit PRIMARY, credit PRIMARY.
    """
    offset, entry = account_offsets.c, account_offsets.alias("entry")  # its index alone says which ids there are
    debit, credit = accountlines.alias("debit"), accountlines.alias("credit")
    return (
        select(offset.id, offset.debit_id, offset.created_on, offset.type, offset.amount, offset.credit_id)
        .add_columns(credit.c.credit_type_code, credit.c.amount.label("credit_amount"))
        .add_columns(credit.c.itemnumber.is_not_distinct_from(debit.c.itemnumber).label("same_item"))
        .select_from(recorded)
        .join(entry, and_(entry.c.debit_id == recorded.c.line, entry.c.id > recorded.c.after))
        .outerjoin(copied.table, copied == entry.c.id)
        .join(account_offsets, offset.id == entry.c.id)
        .outerjoin(debit, debit.c.accountlines_id == offset.debit_id)
        .outerjoin(credit, credit.c.accountlines_id == offset.credit_id)
        .where(offset.type != "CREATE", copied.is_(None))
        .with_hint(entry, BY_DEBIT)
        .with_hint(account_offsets, BY_NUMBER)
        .with_hint(copied.table, BY_NUMBER)
        .with_hint(debit, BY_NUMBER)
        .with_hint(credit, BY_NUMBER)
        .limit(MOST_AT_ONCE)
    )


def touched_lines_query(up_to: int, seen: Table, copied: Column[int]) -> Select[Any]:
    """The lines, of those that were seen, with an offset above this number that is not copied yet.

    Index: account_offsets PRIMARY, gentle_nudge_outcome_line PRIMARY, gentle_nudge_outcome PRIMARY.
    """
    offset = account_offsets.c
    return (
        select(offset.debit_id)
        .distinct()
        .select_from(account_offsets.join(seen, seen.c.line == offset.debit_id))
        .outerjoin(copied.table, copied == offset.id)
        .where(offset.id > up_to, offset.type != "CREATE", copied.is_(None))
        .with_hint(account_offsets, BY_NUMBER)
        .with_hint(seen, BY_NUMBER)
        .with_hint(copied.table, BY_NUMBER)
    )


def last_offset_query(before: datetime) -> Select[Any]:
    """The last offset that was made before this instant.

    Index: account_offsets PRIMARY.
    """
    made = select(account_offsets.c.id).where(account_offsets.c.created_on < before)
    return made.order_by(account_offsets.c.id.desc()).limit(1).with_hint(account_offsets, BY_NUMBER)


def changed_lines_query(recorded: Subquery, seen: Table) -> Select[Any]:
    """The recorded lines that were never seen, or owe something else since, or are found, gone or back since.

    Besides what they owe: whether they are found, and gone, and since when they were.

    Index: gentle_nudge_case none, gentle_nudge_case_line PRIMARY, gentle_nudge_outcome_line PRIMARY,
    accountlines PRIMARY.
    """
    line, known = accountlines.c, seen.c
    owing = func.coalesce(line.amountoutstanding, literal(ZERO, Money()))
    is_gone, was_gone = line.accountlines_id.is_(None), known.gone_on.is_not(None)
    has_changed = or_(
        known.line.is_(None),
        is_gone != was_gone,
        and_(line.accountlines_id.is_not(None), owing != known.owing),
        and_(line.status == FOUND, known.found_on.is_(None)),
    )
    return (
        select(recorded.c.line, owing.label("owing"))
        .add_columns((line.status == FOUND).label("found"), line.accountlines_id.is_(None).label("gone"))
        .add_columns(known.found_on, known.gone_on)
        .select_from(recorded)
        .outerjoin(seen, known.line == recorded.c.line)
        .outerjoin(accountlines, line.accountlines_id == recorded.c.line)
        .where(has_changed)
        .with_hint(seen, BY_NUMBER)
        .with_hint(accountlines, BY_NUMBER)
        .limit(MOST_AT_ONCE)
    )
