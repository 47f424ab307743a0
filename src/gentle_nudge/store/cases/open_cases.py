"""The cases as a night reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select
from sqlalchemy import case as value_by

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.reopening import MAY_BE_REOPENED
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.outbox import DeliveryState
from gentle_nudge.sqltypes import AT_A_TIME, Money
from gentle_nudge.store.cases.case_search import COLUMNS, cases_where
from gentle_nudge.store.tables import case, delivery, report_row

AMOUNTS = ("owed", "balance", "fee", "closed_owing", "last_word")
NOT_ASKED = (*AMOUNTS, "referred_on", "adopted", "fee_line", "state", "closed_on", "why", "opened_run")
# Names of sections -> all sections whose cases everybody hears of who is told of theirs.
HeardOf = Mapping[tuple[str, ...], Collection[str]]
NOBODY_ELSE: HeardOf = MappingProxyType({})
OF_A_NIGHT = tuple(name for name in COLUMNS if name not in NOT_ASKED)


def open_cases(conn: Connection, sections: Collection[str]) -> Iterator[Case]:
    """The open cases of these sections, in order of id, without the amounts and days that a night never asks for.

    A thousand are read at a time, when the caller gets to them. A case is `to_report` if it is marked, or if the
    report that last told of it has not reached the agency.
    """
    untold = untold_reports(conn)
    rows = conn.execute(open_cases_query(sections, after=0, untold=untold)).all()
    while rows:
        yield from (Case(**dict(zip(OF_A_NIGHT, row, strict=True))) for row in rows)
        more = len(rows) == AT_A_TIME
        rows = conn.execute(open_cases_query(sections, after=rows[-1].id, untold=untold)).all() if more else []


def open_cases_query(sections: Collection[str], after: int, untold: Collection[int]) -> Select[Any]:
    """The next thousand open cases of these sections, after the case with this id.

    The `untold` reports have not reached the agency.

    Index: gentle_nudge_case PRIMARY.
    """
    to_report = or_(case.c.to_report, func.coalesce(case.c.told_in, 0).in_(untold)).label("to_report")
    return (
        select(*(to_report if name == "to_report" else case.c[name] for name in OF_A_NIGHT))
        .where(case.c.state == CaseState.OPEN, case.c.section.in_(sections), case.c.id > after)
        .order_by(case.c.id)
        .limit(AT_A_TIME)
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCases:
    """How many cases are open, how many of them are paused, and what the agency was last told of the others."""

    count: int
    due: Decimal
    paused: int


def how_many_open(conn: Connection, sections: Collection[str]) -> OpenCases:
    """The open cases of these sections, counted."""
    told = value_by((case.c.paused_on.is_(None), case.c.last_due))
    sums = select(func.count(), func.sum(told, type_=Money()), func.count(case.c.paused_on))
    of_sections = (case.c.section.in_(sections), case.c.state == CaseState.OPEN)
    count, due, paused = conn.execute(sums.where(*of_sections)).one()
    return OpenCases(count=count, due=due or ZERO, paused=paused)


def closed_since(conn: Connection, sections: Collection[str], states: Collection[CaseState], first: date) -> list[Case]:
    """The cases of these sections that ended in these states on this day or later, in order of id.

    Cases that an older program closed are left out: it did not keep what they owed.
    """
    ended = (case.c.section.in_(sections), case.c.state.in_(states), case.c.closed_on >= first)
    return cases_where(conn, *ended, case.c.closed_owing.is_not(None))


def to_report(conn: Connection, sections: Collection[str], heard: HeardOf = NOBODY_ELSE) -> list[Case]:
    """The closed cases that the next update must list, in order of id.

    These are the cases marked by `mark_to_report`, and those whose last row is in a report that has not reached the
    agency, unless the agency hears of a newer case under the same number.
    """
    untold = or_(case.c.to_report, case.c.told_in.in_(untold_reports(conn)))
    return cases_where(conn, *_closed(sections), untold, ~_is_overtaken(heard))


def marked_in_vain(conn: Connection, sections: Collection[str], heard: HeardOf) -> list[int]:
    """The closed cases marked by `mark_to_report` though the agency hears of a newer case under the same number."""
    in_vain = (*_closed(sections), case.c.to_report, _is_overtaken(heard))
    return list(conn.scalars(select(case.c.id).where(*in_vain)))


def _closed(sections: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return case.c.section.in_(sections), case.c.state != CaseState.OPEN, case.c.forgotten.is_(None)


def _is_overtaken(heard: HeardOf) -> ColumnElement[bool]:
    """Whether the agency of a closed case hears of one under the same number that is open, or was closed later."""
    newer = case.alias("newer")
    by_the_agency = (and_(case.c.section.in_(own), newer.c.section.in_(others)) for own, others in heard.items())
    later = and_(newer.c.closed_on == case.c.closed_on, newer.c.id > case.c.id)
    has_ended_later = and_(
        or_(newer.c.closed_on > case.c.closed_on, later), or_(newer.c.told_in.is_not(None), newer.c.to_report)
    )
    return exists().where(
        newer.c.number == case.c.number,
        or_(newer.c.section == case.c.section, *by_the_agency),
        or_(newer.c.state == CaseState.OPEN, has_ended_later),
    )


def untold_reports(conn: Connection) -> list[int]:
    """The reports that hold the latest word about some case and have not reached every recipient of the agency."""
    return list(conn.scalars(untold_reports_query()))


def untold_reports_query() -> Select[Any]:
    """The reports that hold the latest word about some case and have not reached every recipient of the agency.

    One that was cancelled or superseded has told nothing, and one that was queued for copies alone neither.

    Index: gentle_nudge_case told_in, gentle_nudge_delivery report_id.
    """
    latest = select(case.c.told_in.label("report")).where(case.c.told_in.is_not(None)).distinct().subquery()
    telling = and_(delivery.c.report_id == latest.c.report, delivery.c.tells, ~delivery.c.is_repeat)
    all_have_it = func.min(value_by((delivery.c.state == DeliveryState.SENT, 1), else_=0)) == 1
    return select(latest.c.report).outerjoin(delivery, telling).group_by(latest.c.report).having(~all_have_it)


def open_case_patrons(conn: Connection) -> dict[int, frozenset[str]]:
    """Every patron with an open case, with the sections of their open cases."""
    sections_of: dict[int, frozenset[str]] = {}
    alone: dict[str, frozenset[str]] = {}  # one set for each section: there are tens of thousands of patrons
    for patron, section in conn.execute(open_case_patrons_query()):
        only = alone.setdefault(section, frozenset({section}))
        sections_of[patron] = sections_of[patron] | only if patron in sections_of else only
    return sections_of


def open_case_patrons_query() -> Select[Any]:
    """The patron and the section of every open case.

    Index: gentle_nudge_case gentle_nudge_case_one_open.
    """
    return select(case.c.open_key, case.c.section).where(case.c.open_key.is_not(None))


def patrons_of_cases(conn: Connection) -> frozenset[int]:
    """Every patron that a case follows, open or closed."""
    return frozenset(conn.scalars(patrons_of_cases_query()))


def patrons_of_cases_query() -> Select[Any]:
    """Every patron that a case follows.

    Index: gentle_nudge_case gentle_nudge_case_patron.
    """
    return select(case.c.patron).where(case.c.patron.is_not(None)).distinct()


def patrons_with_several(conn: Connection) -> list[int]:
    """The patrons with more than one open case, in order."""
    return list(conn.scalars(patrons_with_several_query()))


def patrons_with_several_query() -> Select[Any]:
    """The patrons with more than one open case, in order.

    Index: gentle_nudge_case gentle_nudge_case_one_open.
    """
    has_several = func.count() > 1
    query = select(case.c.open_key).where(case.c.open_key.is_not(None)).group_by(case.c.open_key)
    return query.having(has_several).order_by(case.c.open_key)


def sections(conn: Connection) -> frozenset[str]:
    """The sections that have or had cases."""
    return frozenset(conn.scalars(select(case.c.section).distinct()))


def sections_with_open_ones(conn: Connection) -> frozenset[str]:
    """The sections that have open cases."""
    return frozenset(conn.scalars(select(case.c.section).where(case.c.open_key.is_not(None)).distinct()))


def waiting(conn: Connection, sections: Collection[str]) -> dict[str, int]:
    """How many cases of these sections are open or have a last word to be told, by section; none is left out."""
    open_ones = {section: count for section, count in conn.execute(open_count_query(sections))}  # noqa: C416 - typed
    return dict(Counter(open_ones) + Counter(each.section for each in to_report(conn, sections)))


def open_count_query(sections: Collection[str]) -> Select[Any]:
    """The number of open cases of these sections.

    Index: gentle_nudge_case gentle_nudge_case_state.
    """
    open_ones = (case.c.section.in_(sections), case.c.state == CaseState.OPEN)
    return select(case.c.section, func.count()).where(*open_ones).group_by(case.c.section)


def last_told(conn: Connection, sections: Collection[str]) -> dict[str, int]:
    """The latest report that told of cases of these sections of which there is more to tell, by section."""
    told = conn.execute(last_told_query(sections, untold_reports(conn)))
    return {section: report for section, report in told}  # noqa: C416 - typed


def last_told_query(sections: Collection[str], untold: Collection[int]) -> Select[Any]:
    """The latest report with a row of a case of these sections of which there is, or may be, more to tell.

    It is open, its last word has not arrived, or it may be opened again. The `untold` reports have not reached the
    agency.

    Index: gentle_nudge_case gentle_nudge_case_one_open, gentle_nudge_report_row gentle_nudge_report_row_case.
    """
    may_be_reopened = and_(case.c.state.in_(MAY_BE_REOPENED), case.c.closed_owing.is_not(None))
    more_to_tell = or_(case.c.state == CaseState.OPEN, case.c.to_report, case.c.told_in.in_(untold), may_be_reopened)
    latest = select(func.max(report_row.c.report_id)).where(report_row.c.case_id == case.c.id).scalar_subquery()
    of_cases = select(case.c.section, latest.label("report")).where(case.c.section.in_(sections), more_to_tell)
    each = of_cases.subquery().c
    return select(each.section, func.max(each.report)).where(each.report.is_not(None)).group_by(each.section)
