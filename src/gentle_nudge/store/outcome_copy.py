"""What the nightly copy of Koha's offsets writes: which lines it watches, what it keeps, and how far it got."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, delete, func, insert, literal, or_, select, true, update
from sqlalchemy import case as value_by

from gentle_nudge.domain.case import CaseState
from gentle_nudge.sqltypes import a_thousand_at_a_time, among
from gentle_nudge.store.outcome_log import IS_RECORDED, Line
from gentle_nudge.store.tables import case, case_line, fitted, meta, outcome, outcome_line

OF_CASES = case.join(case_line, case_line.c.case_id == case.c.id)
CREDIT_TYPE = outcome.c.credit_type


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenLine:
    """What a night saw of a line: what it owes, since when its item is found, or the line gone."""

    line: int
    owing: Decimal
    found_on: date | None = None
    gone_on: date | None = None


SEEN = tuple(field.name for field in fields(SeenLine))


def _is_watched(since: date) -> ColumnElement[bool]:
    return or_(case.c.state == CaseState.OPEN, case.c.closed_on >= since)


def is_any_watched(conn: Connection, since: date) -> bool:
    """Whether a case is open, or was closed since this day."""
    return conn.scalar(select(case.c.id).where(_is_watched(since)).limit(1)) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """The lines, or the `fees`, of cases that are open, or were closed `since`; new cases are those of `new_since`."""

    since: date
    new_since: date
    fees: bool = False

    def recorded(self, lines: Collection[int] | None = None) -> Subquery:
        """All of them, or those among these `lines`: `line`, and the offset `after` which to copy.

        For new cases it is 0: an earlier case may have the line, whose figures stood still until now.
        """
        if self.fees:
            line: Line = case.c.fee_line
            after: Line = literal(0)
            query = select(line.label("line"), after.label("after")).where(line.is_not(None), case.c.fee.is_not(None))
        else:
            line = case_line.c.line
            after = value_by((self._is_new, 0), else_=func.coalesce(case_line.c.last_offset, 0))
            query = select(line, after.label("after")).select_from(OF_CASES).where(IS_RECORDED)
        chosen = true() if lines is None else among(line, lines)
        return query.where(_is_watched(self.since), chosen).subquery("recorded")

    def of_new_cases(self, conn: Connection) -> set[int]:
        """The lines that new cases have recorded."""
        return set(conn.scalars(select(case_line.c.line).select_from(OF_CASES).where(self._is_new)))

    @property
    def _is_new(self) -> ColumnElement[bool]:
        return or_(case.c.referred_on.is_(None), case.c.referred_on >= self.new_since)


def keep(conn: Connection, offsets: Iterable[Any], now: datetime) -> None:
    """The rows of `account_offsets.new_offsets` are kept; none of them was before. Without an instant it is `now`."""
    by_id = {row[0]: dict(zip(outcome.c.keys(), row, strict=True)) for row in offsets}
    for chunk in a_thousand_at_a_time(by_id.values()):
        for row in chunk:
            row |= {"at": row["at"] or now, "credit_type": fitted(row["credit_type"], CREDIT_TYPE)}
        conn.execute(insert(outcome), chunk)


def see(conn: Connection, lines: Iterable[SeenLine], day: date) -> None:
    """These lines are as they were seen on this day."""
    by_line = {each.line: {name: getattr(each, name) for name in SEEN} | {"seen_on": day} for each in lines}
    for rows in a_thousand_at_a_time(by_line.values()):
        conn.execute(delete(outcome_line).where(among(outcome_line.c.line, [row["line"] for row in rows])))
        conn.execute(insert(outcome_line), rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class CopiedUpTo:
    """A copy has all offsets up to this one, of the cases that were open, or closed since this day."""

    offset: int
    since: date


def note_copied(conn: Connection, now: datetime, up_to: CopiedUpTo | None) -> None:
    """The last copy was made now; without a watched case (None) it copied nothing, and an earlier one still holds."""
    reached = {"outcomes_offset": up_to.offset, "outcomes_since": up_to.since} if up_to else {}
    conn.execute(update(meta).values(outcomes_copied=now, **reached))


def copied_up_to(conn: Connection) -> CopiedUpTo | None:
    """How far the last copy got; None if that is unknown."""
    offset, since = conn.execute(select(meta.c.outcomes_offset, meta.c.outcomes_since)).one()
    return None if offset is None or since is None else CopiedUpTo(offset=offset, since=since)


def last_copied(conn: Connection) -> datetime | None:
    """The instant of the last copy; None if there was none."""
    copied: datetime | None = conn.scalar(select(meta.c.outcomes_copied))
    return copied
