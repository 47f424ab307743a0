"""What people ask about cases: one patron's, a submission's, a list to export."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from gentle_nudge.domain.case import Case, State
from gentle_nudge.domain.patron import Line
from gentle_nudge.domain.plan import Report

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A changed due as one report told it."""

    report: int
    kind: Report
    day: date
    at: datetime
    file_name: str
    due: Decimal


def find(conn: Connection, *, patron: int | None = None, card: str | None = None) -> list[Case]:
    """All cases of a patron, oldest first: by number (the one now or the one first reported) or by recorded card."""
    raise NotImplementedError


def of_submission(conn: Connection, *, day: date, sections: Collection[str]) -> list[Case]:
    """The cases, open or closed, that the submission of this day opened, in order of id."""
    raise NotImplementedError


def listed(
    conn: Connection,
    *,
    states: Collection[State] = (),
    referred: tuple[date, date] | None = None,
    sections: Collection[str] | None = None,
) -> list[Case]:
    """The cases in these states (none named: all), referred on one of the days from first to last, in order of id."""
    raise NotImplementedError


def lines_of(conn: Connection, case: int) -> tuple[Line, ...]:
    """The lines still owing at referral, in order."""
    raise NotImplementedError


def dues_of(conn: Connection, case: int) -> list[Due]:
    """Every change of the due reported, oldest first."""
    raise NotImplementedError
