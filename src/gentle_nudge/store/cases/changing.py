"""Changes to cases, in bulk: a fixed number of statements per thousand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, insert, or_, select, update

from gentle_nudge.columns import a_thousand_at_a_time
from gentle_nudge.domain.case import Case, State
from gentle_nudge.domain.plan import CloseCase, FollowCase, OpenCase, Report, UpdateRow
from gentle_nudge.store import tables
from gentle_nudge.store.bulk import one_for_each
from gentle_nudge.store.cases.rows import read, these
from gentle_nudge.store.tables import case, case_line, fitted, report_row

if TYPE_CHECKING:
    from sqlalchemy import Connection

KEPT_CURRENT = ("surname", "firstname", "card")


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """How many cases changed their section, and those that stay: their patron has an open case in the new one."""

    count: int
    staying: tuple[Case, ...]


def open_new(
    conn: Connection,
    *,
    section: str,
    actions: Sequence[OpenCase],
    run: int | None,
    fee_lines: Mapping[int, int],
    restrictions: Mapping[int, int],
) -> dict[int, int]:
    """The cases are open, with their lines; the id of each by patron. `run` is None when a person opened them.

    `fee_lines` and `restrictions` are those just made, by patron; a restriction found in place comes with the
    action. IntegrityError when a patron has an open case of the section.
    """
    opened: dict[int, int] = {}
    for some in a_thousand_at_a_time(actions):
        made = {
            action.patron.number: {
                "section": section,
                "opened_run": run,
                "fee_line": fee_lines.get(action.patron.number),
                "restriction": restrictions.get(action.patron.number, action.restriction),
            }
            for action in some
        }
        conn.execute(insert(case), [_new(action) | made[action.patron.number] for action in some])
        ids = _open_ids(conn, section, made)
        _insert_lines(conn, some, ids)
        opened |= ids
    return opened


def _new(action: OpenCase) -> dict[str, Any]:
    patron = action.patron
    return {
        "patron": patron.number,
        "number": patron.number,
        "open_key": patron.number,
        "referred_on": action.referred_on,
        "adopted": action.adopted,
        "owed": action.owed,
        "balance": action.balance,
        "fee": action.fee,
        "flag": action.flag,
        "restriction_type": action.restriction_type,
        "restriction_comment": fitted(action.restriction_comment, case.c.restriction_comment),
        "state": State.OPEN,
        "to_report": False,
        **_fitted_names(patron.surname, patron.firstname, patron.card),
    }


def _fitted_names(*names: str | None) -> dict[str, str | None]:
    return {column: fitted(name, case.c[column]) for column, name in zip(KEPT_CURRENT, names, strict=True)}


def _open_ids(conn: Connection, section: str, patrons: Iterable[int]) -> dict[int, int]:
    mine = select(case.c.open_key, case.c.id).where(case.c.section == section, case.c.open_key.in_(patrons))
    return {patron: number for patron, number in conn.execute(mine)}  # noqa: C416 - dict() would not know the types


def _insert_lines(conn: Connection, actions: Sequence[OpenCase], ids: Mapping[int, int]) -> None:
    lines = [
        {
            "case_id": ids[action.patron.number],
            "line": line.id,
            "day": line.day,
            "type": fitted(line.type, case_line.c.type),
            "outstanding": line.outstanding,
            "counted": line.counted,
        }
        for action in actions
        for line in action.lines
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


def note(conn: Connection, reasons: Mapping[int, str]) -> None:
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
    conn.execute(update(case).where(case.c.id.in_(cases), case.c.state == State.OPEN).values(values))


def report_dues(conn: Connection, report: int, rows: Iterable[UpdateRow], previous: Mapping[int, Case]) -> None:
    """What this report says of each case is known: due, name and card; nothing of these is left to report.

    Every row has a case. `previous` are the cases as read, by id: where due, name or card have not changed,
    nothing is written. A closed case remembers the report as the one with its last row.
    """
    for some in a_thousand_at_a_time(rows):
        by_case = {_case_of(row): row for row in some}
        _insert_changed(conn, report, by_case, previous)
        _keep_names_current(conn, by_case, previous)
        _settle(conn, report, by_case)
    latest = update(case).where(report_row.c.case_id == case.c.id, report_row.c.report_id == report)
    conn.execute(latest.values(last_due=report_row.c.due))


def _insert_changed(conn: Connection, report: int, rows: Mapping[int, UpdateRow], previous: Mapping[int, Case]) -> None:
    changed = [
        {"case_id": number, "report_id": report, "due": row.due}
        for number, row in rows.items()
        if number not in previous or previous[number].last_due != row.due
    ]
    if changed:
        conn.execute(insert(report_row), changed)


def _keep_names_current(conn: Connection, rows: Mapping[int, UpdateRow], previous: Mapping[int, Case]) -> None:
    now = {
        number: _fitted_names(row.surname, row.firstname, row.card)
        for number, row in rows.items()
        if number in previous
    }
    changed = {number: names for number, names in now.items() if names != _names(previous[number])}
    if not changed:
        return
    values = {
        column: one_for_each(case, case.c[column], {number: names[column] for number, names in changed.items()})
        for column in KEPT_CURRENT
    }
    conn.execute(update(case).where(case.c.id.in_(changed)).values(values))


def _names(known: Case) -> dict[str, str | None]:
    return _fitted_names(known.surname, known.firstname, known.card)


def _settle(conn: Connection, report: int, cases: Collection[int]) -> None:
    closed = case.c.state != State.OPEN
    told = {"to_report": False, "told_in": report}
    conn.execute(update(case).where(case.c.id.in_(cases), or_(closed, case.c.to_report)).values(told))


def mark_to_report(conn: Connection, cases: Collection[int], *, flag: bool) -> None:
    """The next update has to tell (or need not tell) of these cases, open or closed."""
    for some in a_thousand_at_a_time(cases):
        conn.execute(update(case).where(case.c.id.in_(some)).values(to_report=flag))


def tell_of_submission(conn: Connection, *, day: date, section: str, open_too: bool) -> None:
    """The next update has to tell of the cases that this submission opened: the closed ones, `open_too` all."""
    run = tables.run.c
    submission = select(run.id).where(run.report == Report.SUBMISSION, run.day == day, run.section == section)
    opened = (case.c.opened_run.in_(submission), ~case.c.adopted)
    meant = () if open_too else (case.c.state != State.OPEN,)
    conn.execute(update(case).where(*opened, *meant).values(to_report=True))


def move(conn: Connection, *, old: str, new: str) -> Moved:
    """The open cases of the section `old` are of `new`, but those of patrons with an open case there."""
    there = case.alias("there")
    in_the_way = and_(there.c.section == new, there.c.open_key == case.c.open_key, there.c.id != case.c.id)
    mine = (case.c.section == old, case.c.state == State.OPEN)
    staying = read(conn, these(*mine, select(there.c.id).where(in_the_way).exists()))
    going = (*mine, case.c.id.not_in([one.id for one in staying]))
    changed = conn.execute(update(case).where(*going).values(section=new, flag=None))
    return Moved(count=changed.rowcount, staying=tuple(staying))
