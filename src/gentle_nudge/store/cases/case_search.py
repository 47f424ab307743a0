"""What people ask about cases: one patron's, a submission's, a list to export."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import fields
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, func, or_, select

from gentle_nudge.domain.case import Case, CasePause, CaseState
from gentle_nudge.domain.ledger import Line
from gentle_nudge.domain.patron import NamedPatron
from gentle_nudge.domain.report_row import ReportedDue, ReportKind
from gentle_nudge.sqltypes import a_thousand_at_a_time, among
from gentle_nudge.store.runs import HISTORY_OF_THE_FUSE
from gentle_nudge.store.tables import case, case_line, case_pause, report, report_row, review_list, review_list_row, run

COLUMNS = tuple(field.name for field in fields(Case))


def cases_where(conn: Connection, *conditions: ColumnElement[bool]) -> list[Case]:
    """The cases that meet the conditions, in order of id."""
    query = select(*(case.c[name] for name in COLUMNS)).where(*conditions).order_by(case.c.id)
    return [Case(**{**row, "state": CaseState(row["state"])}) for row in conn.execute(query).mappings()]


def find(conn: Connection, *, patron: int | None = None, card: str | None = None) -> list[Case]:
    """All cases of a patron, oldest first.

    By number (the present one, or the one first reported), by the card as last reported, or by either.
    """
    asked: list[ColumnElement[bool]] = []
    if patron is not None:
        asked += [case.c.patron == patron, case.c.number == patron]
    if card is not None:
        asked.append(case.c.card == card)
    return cases_where(conn, or_(*asked)) if asked else []


def of_patrons(conn: Connection, patrons: Collection[int]) -> dict[int, list[Case]]:
    """Patron -> all cases that follow the patron, oldest first; patrons without one are left out."""
    by_patron = defaultdict[int, list[Case]](list)
    for chunk in a_thousand_at_a_time(sorted(patrons)):
        for each in cases_where(conn, among(case.c.patron, chunk)):
            by_patron[each.patron or 0].append(each)
    return by_patron


def balances_referred(conn: Connection, sections: Collection[str]) -> list[Decimal]:
    """The balances at referral of all cases that the last eight submissions of these sections opened."""
    lately = select(run.c.id).where(run.c.report == ReportKind.SUBMISSION, run.c.section.in_(sections))
    latest = lately.order_by(run.c.id.desc()).limit(HISTORY_OF_THE_FUSE).subquery()
    query = select(case.c.balance).join(latest, latest.c.id == case.c.opened_run)
    return list(conn.scalars(query.where(~case.c.adopted, case.c.balance.is_not(None))))


def get(conn: Connection, ids: Collection[int]) -> dict[int, Case]:
    """The cases with these ids; those that do not exist are left out."""
    return {each.id: each for each in cases_where(conn, among(case.c.id, ids))}


def with_name(conn: Connection, text: str) -> list[NamedPatron]:
    """The patrons of the cases with the text in "surname, firstname"; the latest case of a patron comes last."""
    number = func.coalesce(case.c.patron, case.c.number)
    name = func.coalesce(case.c.surname, "") + ", " + func.coalesce(case.c.firstname, "")
    query = select(number, case.c.card, case.c.surname, case.c.firstname)
    named = query.where(
        name.contains(text, autoescape=True),
        number.is_not(None),
        case.c.surname.is_not(None) | case.c.firstname.is_not(None),
    )
    return [
        NamedPatron(number=patron, card=card, surname=surname, firstname=firstname)
        for patron, card, surname, firstname in conn.execute(named.order_by(case.c.id))
    ]


def on_open_lists(conn: Connection) -> list[int]:
    """The patrons on a list that is open."""
    joined = review_list_row.join(review_list, review_list.c.id == review_list_row.c.list_id)
    return list(conn.scalars(select(review_list_row.c.patron).select_from(joined).where(review_list.c.state == "open")))


def of_submission(conn: Connection, *, day: date, sections: Collection[str]) -> list[Case]:
    """The cases, open or closed, that the submission of this day opened, in order of id."""
    submissions = select(run.c.id).where(
        run.c.report == ReportKind.SUBMISSION, run.c.day == day, run.c.section.in_(sections)
    )
    return cases_where(conn, case.c.opened_run.in_(submissions), ~case.c.adopted)


def opened_by(conn: Connection, runs: Collection[int]) -> list[Case]:
    """The cases, open or closed, that the submissions of these runs opened, in order of id."""
    return cases_where(conn, case.c.opened_run.in_(runs), ~case.c.adopted)


def listed(
    conn: Connection,
    *,
    states: Collection[CaseState] = (),
    referred: tuple[date, date] | None = None,
    sections: Collection[str] | None = None,
) -> list[Case]:
    """The cases in order of id: in these states (none named: all), referred from the first day to the last."""
    asked: list[ColumnElement[bool]] = []
    if states:
        asked.append(case.c.state.in_(states))
    if referred is not None:
        asked.append(case.c.referred_on.between(*referred))
    if sections is not None:
        asked.append(case.c.section.in_(sections))
    return cases_where(conn, *asked)


def lines_of(conn: Connection, case_id: int) -> tuple[Line, ...]:
    """The lines still owing at referral, in order."""
    columns = (case_line.c.line.label("id"), *(case_line.c[name] for name in ("day", "type", "outstanding", "counted")))
    query = select(*columns).where(case_line.c.case_id == case_id).order_by(case_line.c.line)
    return tuple(Line(**row) for row in conn.execute(query).mappings())


def pauses_of(conn: Connection, case_id: int) -> list[CasePause]:
    """Every pause of the case, oldest first."""
    columns = (case_pause.c.since, case_pause.c.until)
    query = select(*columns).where(case_pause.c.case_id == case_id).order_by(case_pause.c.id)
    return [CasePause(**row) for row in conn.execute(query).mappings()]


def dues_of(conn: Connection, case_id: int) -> list[ReportedDue]:
    """Every change of the due reported, oldest first."""
    columns = (report_row.c.report_id, run.c.report, run.c.day, run.c.started, report.c.file_name, report_row.c.due)
    joined = report_row.join(report, report.c.id == report_row.c.report_id).join(run, run.c.id == report.c.run_id)
    query = select(*columns).select_from(joined).where(report_row.c.case_id == case_id).order_by(report_row.c.id)
    return [
        ReportedDue(report=number, kind=ReportKind(kind), day=day, at=at, file_name=file_name, due=due)
        for number, kind, day, at, file_name, due in conn.execute(query)
    ]
