"""What a night reads of the cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.outbox import TELLS_AGENCY, UNDELIVERED, DeliveryState
from gentle_nudge.sqltypes import AT_A_TIME, a_thousand_at_a_time
from gentle_nudge.store.cases.case_rows import open_ones, read, read_open, these
from gentle_nudge.store.tables import case, case_line, delivery

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


NOT_ARRIVED = (*UNDELIVERED, DeliveryState.SUPERSEDED)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedLine:
    """A line recorded with a case: the fee that we charged, or one it was opened for."""

    line: int
    patron: int
    section: str


def open_cases(conn: Connection, sections: Collection[str]) -> Iterator[Case]:
    """The open cases of these sections, in order of id, without amounts and days: those a night never asks for.

    Read a thousand at a time, while they are gone through.
    """
    query = open_ones(case.c.section.in_(sections)).limit(AT_A_TIME)
    after, found = 0, AT_A_TIME
    while found == AT_A_TIME:
        some = read_open(conn, query.where(case.c.id > after))
        yield from some
        after, found = (some[-1].id if some else after), len(some)


def to_report(conn: Connection, sections: Collection[str]) -> list[Case]:
    """The closed cases of which the agency still has to be told, in order of id.

    Those marked (`mark_to_report`), and those whose last row stands in a report that some recipient has not got
    (due, being sent, failed or superseded), so that what overtakes it says it again.
    """
    closed = (case.c.section.in_(sections), case.c.state != CaseState.OPEN)
    return read(conn, these(*closed, or_(case.c.to_report, last_row_has_not_arrived())))


def last_row_has_not_arrived() -> ColumnElement[bool]:
    """Whether the report with the last row of a case is still on its way to somebody."""
    on_its_way = select(delivery.c.report_id).where(
        delivery.c.state.in_(NOT_ARRIVED), delivery.c.channel.in_(TELLS_AGENCY), ~delivery.c.is_repeat
    )
    return case.c.told_in.in_(on_its_way)


def open_case_patrons(conn: Connection) -> dict[int, frozenset[str]]:
    """The patrons with an open case, with the sections, all of them."""
    found: dict[int, frozenset[str]] = {}
    alone: dict[str, frozenset[str]] = {}
    open_ones = select(case.c.open_key, case.c.section).where(case.c.open_key.is_not(None))
    for patron, section in conn.execute(open_ones):
        here = alone.setdefault(section, frozenset({section}))
        found[patron] = found[patron] | here if patron in found else here
    return found


def sections(conn: Connection) -> frozenset[str]:
    """The sections that have or had cases."""
    return frozenset(conn.scalars(select(case.c.section).distinct()))


def sections_with_open_ones(conn: Connection) -> frozenset[str]:
    """The sections that have open cases."""
    return frozenset(conn.scalars(select(case.c.section).where(case.c.open_key.is_not(None)).distinct()))


def withdrawn_on(conn: Connection, sections: Collection[str]) -> dict[int, date]:
    """For each patron with a case of these sections that was withdrawn: the latest day of it."""
    latest = (
        select(case.c.patron, func.max(case.c.closed_on))
        .where(case.c.section.in_(sections), case.c.state == CaseState.WITHDRAWN)
        .where(case.c.patron.is_not(None), case.c.closed_on.is_not(None))
        .group_by(case.c.patron)
    )
    return {patron: day for patron, day in conn.execute(latest)}  # noqa: C416 - dict() would not know the types


def withdrawn_lines(conn: Connection, sections: Collection[str], patrons: Iterable[int]) -> dict[int, date]:
    """The lines recorded with withdrawn cases of these patrons, each with the latest day of it."""
    found: dict[int, date] = {}
    for some in a_thousand_at_a_time(sorted(patrons)):
        latest = (
            select(case_line.c.line, func.max(case.c.closed_on))
            .join(case, case.c.id == case_line.c.case_id)
            .where(case.c.section.in_(sections), case.c.state == CaseState.WITHDRAWN)
            .where(case.c.patron.in_(some), case.c.closed_on.is_not(None))
            .group_by(case_line.c.line)
        )
        found.update((line, day) for line, day in conn.execute(latest))
    return found


def recorded_fees(conn: Connection, patrons: Iterable[int]) -> list[RecordedLine]:
    """The fee lines recorded with any case of these patrons, in order of line."""
    found: list[RecordedLine] = []
    for some in a_thousand_at_a_time(patrons):
        charged = select(case.c.fee_line, case.c.patron, case.c.section).where(
            case.c.patron.in_(some), case.c.fee_line.is_not(None)
        )
        rows = conn.execute(charged)
        found += [RecordedLine(line=line, patron=patron, section=section) for line, patron, section in rows]
    return sorted(found, key=lambda fee: fee.line)


def handed_over(conn: Connection, patrons: Iterable[int]) -> list[RecordedLine]:
    """The lines that the open cases of these patrons were opened for, in order of line."""
    found: list[RecordedLine] = []
    for some in a_thousand_at_a_time(patrons):
        query = (
            select(case_line.c.line, case.c.patron, case.c.section)
            .join(case, case.c.id == case_line.c.case_id)
            .where(case.c.open_key.in_(some))
        )
        rows = conn.execute(query)
        found += [RecordedLine(line=line, patron=patron, section=section) for line, patron, section in rows]
    return sorted(found, key=lambda one: one.line)


def recorded_restrictions(conn: Connection, patrons: Iterable[int]) -> dict[int, set[int]]:
    """The restrictions recorded with any case, by patron; patrons without one are left out."""
    found: dict[int, set[int]] = defaultdict(set)
    for some in a_thousand_at_a_time(patrons):
        made = select(case.c.patron, case.c.restriction).where(case.c.patron.in_(some), case.c.restriction.is_not(None))
        for patron, restriction in conn.execute(made):
            found[patron].add(restriction)
    return dict(found)


def recorded_lines(conn: Connection, cases: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """The numbers of the lines recorded with each case, in order; cases without one are left out."""
    found: dict[int, list[int]] = defaultdict(list)
    for some in a_thousand_at_a_time(cases):
        lines = select(case_line.c.case_id, case_line.c.line).where(case_line.c.case_id.in_(some))
        for one, line in conn.execute(lines.order_by(case_line.c.case_id, case_line.c.line)):
            found[one].append(line)
    return {one: tuple(lines) for one, lines in found.items()}
