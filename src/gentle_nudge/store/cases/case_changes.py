"""Changes to cases, in bulk: a fixed number of statements per thousand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import and_, func, insert, literal, or_, select, update

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.changes import CloseCase, FollowCase, OpenCase
from gentle_nudge.domain.collections.plan import Adoption, Referral
from gentle_nudge.domain.patron import Restriction
from gentle_nudge.domain.report_row import ReportKind, UpdateRow
from gentle_nudge.sqltypes import a_thousand_at_a_time, among
from gentle_nudge.store import tables
from gentle_nudge.store.bulk import one_for_each
from gentle_nudge.store.cases.case_rows import read, these
from gentle_nudge.store.tables import case, case_line, fitted, report_row

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Connection


KEPT_CURRENT = ("surname", "firstname", "card")


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """How many cases changed their section, and those that stay: their patron has an open case in the new one."""

    count: int
    staying: tuple[Case, ...]


def open_new(conn: Connection, *, section: str, actions: Iterable[OpenCase], run: int | None) -> dict[int, int]:
    """The cases are open, with their lines; the id of each by patron. `run` is None when a person opened them.

    IntegrityError when a patron has an open case of the section.
    """
    opened: dict[int, int] = {}
    for some in a_thousand_at_a_time(actions):
        conn.execute(insert(case), [_new(action) | {"section": section, "opened_run": run} for action in some])
        ids = _open_ids(conn, section, [action.patron for action in some])
        _insert_lines(conn, some, ids)
        opened |= ids
    return opened


class RowIds(Protocol):
    """The rows just made of one of Koha's tables, at most one for each patron."""

    def of(self, patron: ColumnElement[Any]) -> ColumnElement[Any]:
        """The number of the row that was made for the patron of this column; NULL if none was."""


def complete(
    conn: Connection, section: str, patrons: Collection[int], *, fee: RowIds | None, restriction: RowIds | None
) -> None:
    """The open cases of these patrons know the fee line and the restriction made for them.

    Koha's tables are read by a subquery: joined, their rows would be locked.
    """
    made = {case.c.fee_line: fee, case.c.restriction: restriction}
    new = {column: func.coalesce(rows.of(case.c.open_key), column) for column, rows in made.items() if rows}
    if new and patrons:
        conn.execute(update(case).where(case.c.section == section, among(case.c.open_key, patrons)).values(new))


def opened_for(conn: Connection, runs: Collection[int], patrons: Collection[int]) -> dict[int, int]:
    """The case that one of these runs opened for each of these patrons; it may be closed again already."""
    opened = select(case.c.patron, case.c.id).where(case.c.opened_run.in_(runs), case.c.patron.in_(patrons))
    return {patron: number for patron, number in conn.execute(opened)}  # noqa: C416 - dict() would not know the types


def record_restrictions(conn: Connection, found: Mapping[int, Restriction]) -> None:
    """These cases know the restriction of ours that was there before."""
    if not found:
        return
    noted: dict[Column[Any], Mapping[int, Any]] = {
        case.c.restriction: {number: restriction.id for number, restriction in found.items()},
        case.c.restriction_type: {number: restriction.type for number, restriction in found.items()},
        case.c.restriction_comment: {
            number: fitted(restriction.comment, case.c.restriction_comment) for number, restriction in found.items()
        },
    }
    values = {column: one_for_each(case, column, of_each) for column, of_each in noted.items()}
    conn.execute(update(case).where(case.c.id.in_(found)).values(values))


def _new(action: OpenCase) -> dict[str, Any]:
    """The row of a new case; what the submission tells of a referred patron is what was last queued."""
    decision, patron = action.decision, action.decision.patron
    match decision:
        case Referral(account=account):
            sums: dict[str, Decimal | None] = {
                "last_due": decision.total,
                "owed": account.owed,
                "balance": account.balance,
                "fee": decision.fee,
            }
            referred_on: date | None = decision.day
        case Adoption(referred_on=referred_on):
            sums = dict.fromkeys(("last_due", "owed", "balance", "fee"))
    return {
        "patron": patron.number,
        "number": patron.number,
        "open_key": patron.number,
        "referred_on": referred_on,
        "adopted": isinstance(decision, Adoption),
        **sums,
        "flag": action.flag,
        "restriction_type": action.restriction_type,
        "restriction_comment": fitted(action.restriction_comment, case.c.restriction_comment),
        "state": CaseState.OPEN,
        "to_report": False,
        **_fitted_names(patron.surname, patron.firstname, patron.card),
    }


def _fitted_names(*names: str | None) -> dict[str, str | None]:
    return {column: fitted(name, case.c[column]) for column, name in zip(KEPT_CURRENT, names, strict=True)}


def _open_ids(conn: Connection, section: str, patrons: Collection[int]) -> dict[int, int]:
    mine = select(case.c.open_key, case.c.id).where(case.c.section == section, case.c.open_key.in_(patrons))
    return {patron: number for patron, number in conn.execute(mine)}  # noqa: C416 - dict() would not know the types


def _insert_lines(conn: Connection, actions: Sequence[OpenCase], ids: Mapping[int, int]) -> None:
    lines = [
        {
            "case_id": ids[action.patron],
            "line": line.id,
            "day": line.day,
            "type": fitted(line.type, case_line.c.type),
            "outstanding": line.outstanding,
            "counted": line.counted,
        }
        for action in actions
        for line in action.decision.candidate.account.lines
    ]
    if lines:
        conn.execute(insert(case_line), lines)


def close(conn: Connection, actions: Sequence[CloseCase], *, run: int | None, day: date, now: datetime) -> None:
    """The open cases are closed as told and owe the agency nothing.

    Where a last row is due, `report_dues` or `mark_to_report` comes after.
    """
    for some in a_thousand_at_a_time(actions):
        ending = {_case_of(action): action for action in some}
        states = {number: action.state for number, action in ending.items()}
        reasons = {number: fitted(action.why, case.c.why) for number, action in ending.items()}
        how = {
            "state": one_for_each(case, case.c.state, states),
            "why": one_for_each(case, case.c.why, reasons),
        }
        when = {"closed_run": run, "closed_on": day, "closed_at": now}
        done = {"open_key": None, "to_report": False, "told_in": None}
        _change_open(conn, ending, how | when | done)


def set_reason(conn: Connection, reasons: Mapping[int, str]) -> None:
    """These cases have these words as their reason."""
    for some in a_thousand_at_a_time(reasons.items()):
        words = {number: fitted(why, case.c.why) for number, why in some}
        conn.execute(update(case).where(case.c.id.in_(words)).values(why=one_for_each(case, case.c.why, words)))


def follow(conn: Connection, actions: Sequence[FollowCase]) -> None:
    """Each open case goes on with its new patron; the number first reported stays."""
    for some in a_thousand_at_a_time(actions):
        patrons = one_for_each(case, case.c.patron, {action.case: action.patron for action in some})
        _change_open(conn, [action.case for action in some], {"patron": patrons, "open_key": patrons})


def _case_of(known: CloseCase | UpdateRow) -> int:
    if known.case is None:
        raise TypeError("new cases are opened before they are closed or reported")
    return known.case


def _change_open(conn: Connection, cases: Collection[int], values: dict[str, Any]) -> None:
    conn.execute(update(case).where(case.c.id.in_(cases), case.c.state == CaseState.OPEN).values(values))


def report_referred(conn: Connection, report: int, run: int) -> None:
    """What this submission says of every case that its run opened is known."""
    told = select(case.c.id, literal(report), case.c.last_due).where(case.c.opened_run == run, ~case.c.adopted)
    conn.execute(insert(report_row).from_select(["case_id", "report_id", "due"], told.order_by(case.c.id)))


def report_dues(conn: Connection, report: int, rows: Iterable[UpdateRow]) -> None:
    """What this report says of each case is known: due, name and card; nothing of these is left to report.

    Every row has a case. Only what is new is written. A closed case remembers the report as the one with its last row.
    """
    for some in a_thousand_at_a_time(rows):
        by_case = {_case_of(row): row for row in some}
        dues = [{"case_id": n, "report_id": report, "due": row.due} for n, row in by_case.items() if row.new_due]
        if dues:
            conn.execute(insert(report_row), dues)
        _keep_names_current(conn, {number: row for number, row in by_case.items() if row.new_name})
        _settle(conn, report, by_case)
    latest = update(case).where(report_row.c.case_id == case.c.id, report_row.c.report_id == report)
    conn.execute(latest.values(last_due=report_row.c.due))


def _keep_names_current(conn: Connection, rows: Mapping[int, UpdateRow]) -> None:
    if not rows:
        return
    now = {number: _fitted_names(row.surname, row.firstname, row.card) for number, row in rows.items()}
    values = {
        column: one_for_each(case, case.c[column], {number: names[column] for number, names in now.items()})
        for column in KEPT_CURRENT
    }
    conn.execute(update(case).where(case.c.id.in_(now)).values(values))


def _settle(conn: Connection, report: int, cases: Collection[int]) -> None:
    closed = case.c.state != CaseState.OPEN
    told = {"to_report": False, "told_in": report}
    conn.execute(update(case).where(case.c.id.in_(cases), or_(closed, case.c.to_report)).values(told))


def mark_to_report(conn: Connection, cases: Collection[int], *, flag: bool) -> None:
    """The next update has to tell (or need not tell) of these cases, open or closed."""
    for some in a_thousand_at_a_time(cases):
        conn.execute(update(case).where(case.c.id.in_(some)).values(to_report=flag))


def tell_of_submission(conn: Connection, *, day: date, section: str, open_too: bool) -> None:
    """The next update has to tell of the cases that this submission opened: the closed ones, `open_too` all."""
    run = tables.run.c
    submission = select(run.id).where(run.report == ReportKind.SUBMISSION, run.day == day, run.section == section)
    opened = (case.c.opened_run.in_(submission), ~case.c.adopted)
    meant = () if open_too else (case.c.state != CaseState.OPEN,)
    conn.execute(update(case).where(*opened, *meant).values(to_report=True))


def move(conn: Connection, *, old: str, new: str) -> Moved:
    """The open cases of the section `old` are of `new`, but those of patrons with an open case there."""
    there = case.alias("there")
    in_the_way = and_(there.c.section == new, there.c.open_key == case.c.open_key, there.c.id != case.c.id)
    mine = (case.c.section == old, case.c.state == CaseState.OPEN)
    staying = read(conn, these(*mine, select(there.c.id).where(in_the_way).exists()))
    going = (*mine, case.c.id.not_in([one.id for one in staying]))
    changed = conn.execute(update(case).where(*going).values(section=new, flag=None))
    return Moved(count=changed.rowcount, staying=tuple(staying))
