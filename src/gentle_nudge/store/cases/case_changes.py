"""Changes to cases, in bulk: a fixed number of statements per thousand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, and_, func, insert, literal, select, update
from sqlalchemy import case as value_by

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.changes import CloseCase, FollowCase, OpenCase, ReopenCase
from gentle_nudge.domain.collections.plan import Adoption, Referral
from gentle_nudge.domain.patron import Restriction, age, known_birth
from gentle_nudge.domain.report_row import UpdateRow
from gentle_nudge.sqltypes import a_thousand_at_a_time, among
from gentle_nudge.store.cases.case_search import cases_where
from gentle_nudge.store.cases.open_cases import to_report
from gentle_nudge.store.tables import case, case_line, case_pause, fitted

NAMES = ("surname", "firstname", "card")
IS_OPEN = case.c.state == CaseState.OPEN


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """How many cases changed their section, and those that stay: their patron has an open case in the new one."""

    count: int
    staying: tuple[Case, ...]


class RowIds(Protocol):
    """The rows just made of one of Koha's tables, at most one for each patron."""

    def of(self, patron: ColumnElement[Any]) -> ColumnElement[Any]:
        """The number of the row that was made for the patron of this column; NULL if none was."""


def open_new(conn: Connection, *, section: str, actions: Iterable[OpenCase], run: int | None) -> dict[int, int]:
    """The cases are open, with their lines; the id of each by patron. `run` is None when a person opened them.

    IntegrityError when a patron has an open case of the section.
    """
    opened: dict[int, int] = {}
    for chunk in a_thousand_at_a_time(actions):
        conn.execute(insert(case), [_new(action) | {"section": section, "opened_run": run} for action in chunk])
        patrons = [action.patron for action in chunk]
        query = select(case.c.open_key, case.c.id).where(case.c.section == section, case.c.open_key.in_(patrons))
        opened |= {row.open_key: row.id for row in conn.execute(query)}
        if lines := [line for action in chunk for line in _lines(action, opened[action.patron])]:
            conn.execute(insert(case_line), lines)
    return opened


def _new(action: OpenCase) -> dict[str, Any]:
    """The row of a new case; the due that was last queued is that of the submission."""
    decision, patron = action.decision, action.decision.patron
    match decision:
        case Referral(day=referred_on, account=account, fee=fee):
            sums = {"last_due": decision.total, "owed": account.owed, "balance": account.balance, "fee": fee}
        case Adoption(referred_on=referred_on):
            sums = {}
    years = None
    if referred_on and (born := known_birth(patron.born, referred_on)):
        years = age(born, referred_on)
    return {
        "patron": patron.number,
        "number": patron.number,
        "open_key": patron.number,
        "used_before": patron.used_before,
        "branch": patron.branch,
        "category": patron.category,
        "age": years,
        **{name: fitted(getattr(patron, name), case.c[name]) for name in NAMES},
        "referred_on": referred_on,
        "adopted": isinstance(decision, Adoption),
        **sums,
        "flag": action.flag,
        "restriction_type": action.restriction_type,
        "restriction_comment": fitted(action.restriction_comment, case.c.restriction_comment),
        "state": CaseState.OPEN,
        "to_report": False,
    }


def _lines(action: OpenCase, case_id: int) -> list[dict[str, Any]]:
    return [
        {
            "case_id": case_id,
            "line": line.id,
            "day": line.day,
            "type": fitted(line.type, case_line.c.type),
            "outstanding": line.outstanding,
            "counted": line.counted,
        }
        for line in action.decision.candidate.account.lines
    ]


def complete(
    conn: Connection,
    sections: Collection[str],
    patrons: Collection[int],
    *,
    fee: RowIds | None,
    restriction: RowIds | None,
) -> None:
    """The open cases of these patrons in these sections hold the fee line and the restriction made for them.

    Koha's tables are read by a subquery: joined, their rows would be locked.
    """
    made = {case.c.fee_line: fee, case.c.restriction: restriction}
    new = {column: func.coalesce(rows.of(case.c.open_key), column) for column, rows in made.items() if rows}
    if new and patrons:
        conn.execute(update(case).where(case.c.section.in_(sections), among(case.c.open_key, patrons)).values(new))


def record_restrictions(conn: Connection, in_place: Mapping[int, Restriction]) -> None:
    """These cases hold the restriction of ours that was there before."""
    columns = ("restriction", "restriction_type", "restriction_comment")
    set_each(conn, columns, {number: (block.id, block.type, block.comment) for number, block in in_place.items()})


def close(conn: Connection, actions: Sequence[CloseCase], *, run: int | None, day: date, now: datetime) -> None:
    """The open cases are closed, each with its state and reason, and owe the agency at most a waiting last word.

    If another last row is due, `report_dues` or `mark_to_report` comes after.
    """
    ended = {"closed_run": run, "closed_on": day, "closed_at": now}
    ended |= dict.fromkeys(("open_key", "told_in", "paused_on"))
    endings = {
        case_of(action): (action.state, action.why, action.waiting, action.waiting is not None) for action in actions
    }
    set_each(conn, ("state", "why", "last_word", "to_report"), endings, IS_OPEN, **ended)


def closed_in(conn: Connection, run: int) -> list[Case]:
    """The cases that this run closed, in order of id."""
    return cases_where(conn, case.c.closed_run == run)


def keep_owing(conn: Connection, owing: Mapping[int, Decimal]) -> None:
    """The closed cases keep what their recorded lines owe."""
    set_each(conn, ("closed_owing",), {number: (amount,) for number, amount in owing.items()}, ~IS_OPEN)


def reopen(conn: Connection, actions: Sequence[ReopenCase]) -> None:
    """The closed cases are open again; the restriction of each is still to be recorded."""
    empty = ("closed_run", "closed_on", "closed_at", "closed_owing", "last_word", "told_in", "restriction")
    columns = ("patron", "open_key", "used_before", "why", "flag", "restriction_type", "restriction_comment")
    values = {each.case: (each.patron, each.patron, *(getattr(each, name) for name in columns[2:])) for each in actions}
    set_each(conn, columns, values, ~IS_OPEN, **dict.fromkeys(empty), state=CaseState.OPEN, to_report=False)


def pause(conn: Connection, since: Mapping[int, date | None], day: date) -> None:
    """The open cases are paused since these days, or from this `day` on paused no more; their pauses are recorded."""
    set_each(conn, ("paused_on",), {number: (first,) for number, first in since.items()}, IS_OPEN)
    begun = ({"case_id": number, "since": first} for number, first in since.items() if first)
    for rows in a_thousand_at_a_time(begun):
        conn.execute(insert(case_pause), rows)
    for over in a_thousand_at_a_time(number for number, first in since.items() if first is None):
        still = (case_pause.c.case_id.in_(over), case_pause.c.until.is_(None))
        conn.execute(update(case_pause).where(*still).values(until=day))


def set_reason(conn: Connection, reasons: Mapping[int, str]) -> None:
    """The cases have these reasons."""
    set_each(conn, ("why",), {number: (why,) for number, why in reasons.items()})


def follow(conn: Connection, actions: Sequence[FollowCase]) -> None:
    """Each open case goes on with its new patron; the number first reported stays."""
    patrons = {action.case: (action.patron, action.patron, action.used_before) for action in actions}
    set_each(conn, ("patron", "open_key", "used_before"), patrons, IS_OPEN)


def case_of(row: CloseCase | UpdateRow) -> int:
    """The case of the row; TypeError for one that is not opened yet."""
    if row.case is None:
        raise TypeError("new cases are opened before they are closed or reported")
    return row.case


def set_each(
    conn: Connection,
    columns: Sequence[str],
    values: Mapping[int, tuple[Any, ...]],
    *conditions: ColumnElement[bool],
    **same: Any,
) -> None:
    """One statement gives a thousand cases their own values in these columns, and all of them the `same` ones."""
    for chunk in a_thousand_at_a_time(values.items()):
        own: dict[str, Any] = {}
        for index, name in enumerate(columns):
            column = case.c[name]
            of_each = {number: literal(fitted(row[index], column), column.type) for number, row in chunk}
            own[name] = value_by(of_each, value=case.c.id)
        of_chunk = case.c.id.in_([number for number, _ in chunk])
        conn.execute(update(case).where(of_chunk, *conditions).values(same | own))


def move(conn: Connection, *, old: str, new: str) -> Moved:
    """The open cases of section `old` belong to `new`, except those whose patron has an open case there already.

    Its next update tells of each: its agency may never have heard of them. Closed cases with a last word to be told
    belong to it too; they are not counted.
    """
    there = case.alias("there")
    in_the_way = and_(there.c.section == new, there.c.open_key == case.c.open_key, there.c.id != case.c.id)
    of_old = (case.c.section == old, IS_OPEN)
    staying = cases_where(conn, *of_old, select(there.c.id).where(in_the_way).exists())
    going = (*of_old, case.c.id.not_in([each.id for each in staying]))
    untold = to_report(conn, [old])
    changed = conn.execute(update(case).where(*going).values(section=new, flag=None, to_report=True))
    conn.execute(update(case).where(among(case.c.id, [each.id for each in untold])).values(section=new))
    return Moved(count=changed.rowcount, staying=tuple(staying))
