"""The cases as a night reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.outbox import TELLS_AGENCY, UNDELIVERED, DeliveryState
from gentle_nudge.sqltypes import AT_A_TIME, among, rows_by_thousands
from gentle_nudge.store.cases.case_search import COLUMNS, cases_where
from gentle_nudge.store.tables import case, case_line, delivery

NOT_ASKED = ("referred_on", "adopted", "owed", "balance", "fee", "fee_line", "state", "closed_on", "why", "opened_run")
OF_A_NIGHT = tuple(name for name in COLUMNS if name not in NOT_ASKED)
NOT_ARRIVED = (*UNDELIVERED, DeliveryState.SUPERSEDED)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedLine:
    """A line recorded with a case: the fee that we charged, or one it was opened for."""

    line: int
    patron: int
    section: str


def open_cases(conn: Connection, sections: Collection[str]) -> Iterator[Case]:
    """The open cases of these sections, in order of id, without the amounts and days that a night never asks for.

    A thousand are read at a time, when the caller gets to them.
    """
    rows = conn.execute(open_cases_query(sections, after=0)).all()
    while rows:
        yield from (Case(**dict(zip(OF_A_NIGHT, row, strict=True))) for row in rows)
        more = len(rows) == AT_A_TIME
        rows = conn.execute(open_cases_query(sections, after=rows[-1].id)).all() if more else []


def open_cases_query(sections: Collection[str], after: int) -> Select[Any]:
    """The next thousand open cases of these sections, after the case with this id.

    Index: gentle_nudge_case PRIMARY.
    """
    return (
        select(*(case.c[name] for name in OF_A_NIGHT))
        .where(case.c.state == CaseState.OPEN, case.c.section.in_(sections), case.c.id > after)
        .order_by(case.c.id)
        .limit(AT_A_TIME)
    )


def to_report(conn: Connection, sections: Collection[str]) -> list[Case]:
    """The closed cases that the next update must list, in order of id.

    These are the cases marked by `mark_to_report`, and the cases whose last row is in a report that some recipient
    has not got: it is due, being sent, failed or superseded.
    """
    closed = (case.c.section.in_(sections), case.c.state != CaseState.OPEN)
    return cases_where(conn, *closed, or_(case.c.to_report, last_row_has_not_arrived()))


def last_row_has_not_arrived() -> ColumnElement[bool]:
    """True if the report with the last row of a case is still on its way to some recipient."""
    on_its_way = select(delivery.c.report_id).where(
        delivery.c.state.in_(NOT_ARRIVED), delivery.c.channel.in_(TELLS_AGENCY), ~delivery.c.is_repeat
    )
    return case.c.told_in.in_(on_its_way)


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


def sections(conn: Connection) -> frozenset[str]:
    """The sections that have or had cases."""
    return frozenset(conn.scalars(select(case.c.section).distinct()))


def sections_with_open_ones(conn: Connection) -> frozenset[str]:
    """The sections that have open cases."""
    return frozenset(conn.scalars(select(case.c.section).where(case.c.open_key.is_not(None)).distinct()))


def withdrawn_on(conn: Connection, sections: Collection[str]) -> dict[int, date]:
    """The latest day on which a case of these sections was withdrawn, by patron."""
    return {row.patron: row.day for row in conn.execute(withdrawn_query(sections))}


def withdrawn_query(sections: Collection[str]) -> Select[Any]:
    """The patrons of withdrawn cases of these sections, each with the latest day of a withdrawal.

    Index: gentle_nudge_case gentle_nudge_case_state.
    """
    return (
        select(case.c.patron, func.max(case.c.closed_on).label("day"))
        .where(case.c.section.in_(sections), case.c.state == CaseState.WITHDRAWN)
        .where(case.c.patron.is_not(None), case.c.closed_on.is_not(None))
        .group_by(case.c.patron)
    )


def withdrawn_lines(conn: Connection, sections: Collection[str], patrons: Iterable[int]) -> dict[int, date]:
    """The lines recorded with withdrawn cases of these patrons, each with the latest day of a withdrawal."""
    rows = rows_by_thousands(conn, partial(withdrawn_lines_query, sections), patrons)
    return {row.line: row.day for row in rows}


def withdrawn_lines_query(sections: Collection[str], numbers: Collection[int]) -> Select[Any]:
    """The lines recorded with withdrawn cases of these patrons, each with the latest day of a withdrawal.

    Index: gentle_nudge_case gentle_nudge_case_patron, gentle_nudge_case_line PRIMARY.
    """
    return (
        select(case_line.c.line, func.max(case.c.closed_on).label("day"))
        .join(case, case.c.id == case_line.c.case_id)
        .where(case.c.section.in_(sections), case.c.state == CaseState.WITHDRAWN, case.c.closed_on.is_not(None))
        .where(among(case.c.patron, numbers))
        .group_by(case_line.c.line)
    )


def recorded_fees(conn: Connection, patrons: Iterable[int]) -> list[RecordedLine]:
    """The fee lines recorded with any case of these patrons, in order of line."""
    rows = sorted(rows_by_thousands(conn, recorded_fees_query, patrons))
    return [RecordedLine(line=line, patron=patron, section=section) for line, patron, section in rows]


def recorded_fees_query(numbers: Collection[int]) -> Select[Any]:
    """The fee lines recorded with any case of these patrons.

    Index: gentle_nudge_case gentle_nudge_case_patron.
    """
    fee = select(case.c.fee_line, case.c.patron, case.c.section).where(case.c.fee_line.is_not(None))
    return fee.where(among(case.c.patron, numbers))


def handed_over(conn: Connection, patrons: Iterable[int]) -> list[RecordedLine]:
    """The lines that the open cases of these patrons were opened for, in order of line."""
    rows = sorted(rows_by_thousands(conn, handed_over_query, patrons))
    return [RecordedLine(line=line, patron=patron, section=section) for line, patron, section in rows]


def handed_over_query(numbers: Collection[int]) -> Select[Any]:
    """The lines that the open cases of these patrons were opened for.

    Index: gentle_nudge_case gentle_nudge_case_patron, gentle_nudge_case_line PRIMARY.
    """
    line = select(case_line.c.line, case.c.patron, case.c.section).join(case, case.c.id == case_line.c.case_id)
    return line.where(among(case.c.patron, numbers), case.c.state == CaseState.OPEN)


def recorded_restrictions(conn: Connection, patrons: Iterable[int]) -> dict[int, set[int]]:
    """The restrictions recorded with any case, by patron; patrons without one are left out."""
    restrictions: dict[int, set[int]] = defaultdict(set)
    for patron, restriction in rows_by_thousands(conn, recorded_restrictions_query, patrons):
        restrictions[patron].add(restriction)
    return dict(restrictions)


def recorded_restrictions_query(numbers: Collection[int]) -> Select[Any]:
    """The restrictions recorded with any case of these patrons.

    Index: gentle_nudge_case gentle_nudge_case_patron.
    """
    restriction = select(case.c.patron, case.c.restriction).where(case.c.restriction.is_not(None))
    return restriction.where(among(case.c.patron, numbers))


def recorded_lines(conn: Connection, cases: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """The numbers of the lines recorded with each case, in order; cases without one are left out."""
    rows = rows_by_thousands(conn, recorded_lines_query, cases)
    return {number: tuple(row.line for row in lines) for number, lines in groupby(rows, attrgetter("case_id"))}


def recorded_lines_query(numbers: Collection[int]) -> Select[Any]:
    """The lines recorded with each of these cases, in order.

    Index: gentle_nudge_case_line PRIMARY.
    """
    query = select(case_line.c.case_id, case_line.c.line).order_by(case_line.c.case_id, case_line.c.line)
    return query.where(among(case_line.c.case_id, numbers))
