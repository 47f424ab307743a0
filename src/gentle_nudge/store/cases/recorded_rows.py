"""Koha's rows that are recorded with cases: lines, fees and restrictions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Select, func, select

from gentle_nudge.domain.case import CaseState
from gentle_nudge.sqltypes import among, rows_by_thousands
from gentle_nudge.store.tables import case, case_line


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawnLine:
    """A line recorded with a withdrawn case of this patron and section, with the latest day of a withdrawal."""

    line: int
    patron: int
    section: str
    day: date


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedLine:
    """A line recorded with a case: the fee that we charged, or one it was opened for."""

    case: int
    line: int
    patron: int
    section: str


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


def withdrawn_lines(conn: Connection, patrons: Iterable[int]) -> list[WithdrawnLine]:
    """The lines recorded with withdrawn cases of these patrons, of any section."""
    rows = rows_by_thousands(conn, withdrawn_lines_query, patrons)
    return [WithdrawnLine(line=line, patron=patron, section=section, day=day) for line, patron, section, day in rows]


def withdrawn_lines_query(numbers: Collection[int]) -> Select[Any]:
    """The lines recorded with withdrawn cases of these patrons, by section, each with the latest day of a withdrawal.

    Index: gentle_nudge_case gentle_nudge_case_patron, gentle_nudge_case_line PRIMARY.
    """
    return (
        select(case_line.c.line, case.c.patron, case.c.section, func.max(case.c.closed_on).label("day"))
        .join(case, case.c.id == case_line.c.case_id)
        .where(among(case.c.patron, numbers), case.c.state == CaseState.WITHDRAWN, case.c.closed_on.is_not(None))
        .group_by(case_line.c.line, case.c.patron, case.c.section)
    )


def recorded_fees(conn: Connection, patrons: Iterable[int]) -> list[RecordedLine]:
    """The fee lines recorded with any case of these patrons, in order of line."""
    return _recorded(rows_by_thousands(conn, recorded_fees_query, patrons))


def recorded_fees_query(numbers: Collection[int]) -> Select[Any]:
    """The fee lines recorded with any case of these patrons.

    Index: gentle_nudge_case gentle_nudge_case_patron.
    """
    fee = select(case.c.fee_line, case.c.patron, case.c.section, case.c.id).where(case.c.fee_line.is_not(None))
    return fee.where(among(case.c.patron, numbers))


def handed_over(conn: Connection, patrons: Iterable[int]) -> list[RecordedLine]:
    """The lines that the open cases of these patrons were opened for, in order of line."""
    return _recorded(rows_by_thousands(conn, handed_over_query, patrons))


def handed_over_query(numbers: Collection[int]) -> Select[Any]:
    """The lines that the open cases of these patrons were opened for.

    Index: gentle_nudge_case gentle_nudge_case_patron, gentle_nudge_case_line PRIMARY.
    """
    columns = (case_line.c.line, case.c.patron, case.c.section, case.c.id)
    line = select(*columns).join(case, case.c.id == case_line.c.case_id)
    return line.where(among(case.c.patron, numbers), case.c.state == CaseState.OPEN)


def _recorded(rows: Iterable[tuple[int, int, str, int]]) -> list[RecordedLine]:
    in_order = sorted(rows)
    return [
        RecordedLine(line=line, patron=patron, section=section, case=id_) for line, patron, section, id_ in in_order
    ]


def recorded_restrictions(conn: Connection, patrons: Iterable[int]) -> dict[int, set[int]]:
    """The restrictions recorded with any case, by patron; patrons without one are left out."""
    restrictions: dict[int, set[int]] = defaultdict(set)
    for patron, restriction, _ in rows_by_thousands(conn, recorded_restrictions_query, patrons):
        restrictions[patron].add(restriction)
    return dict(restrictions)


def recorded_restrictions_query(numbers: Collection[int]) -> Select[Any]:
    """The restrictions recorded with any case of these patrons, each with its comment at the referral.

    Index: gentle_nudge_case gentle_nudge_case_patron.
    """
    made = select(case.c.patron, case.c.restriction, case.c.restriction_comment)
    return made.where(case.c.restriction.is_not(None), among(case.c.patron, numbers))


def restrictions_as_made(conn: Connection, patrons: Iterable[int]) -> frozenset[tuple[int, str]]:
    """The restrictions recorded with any case of these patrons, each with its comment at the referral."""
    rows = rows_by_thousands(conn, recorded_restrictions_query, patrons)
    return frozenset((restriction, comment) for _, restriction, comment in rows)


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
