"""Runs: one section's report of one day, claimed once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.plan import Report

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What a run claims; `number` counts the syncs of a day, `who` is the login name of a person, else None."""

    section: str
    report: Report
    day: date
    number: int = 1
    late: bool = False
    who: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunCounts:
    """Counts and sums of a run: rows of the report, cases by what became of them.

    `amount` is the sum of the dues, or of the balances referred; `fees` of the fees charged.
    """

    patrons: int = 0
    referred: int = 0
    adopted: int = 0
    released: int = 0
    paid: int = 0
    withdrawn: int = 0
    merged: int = 0
    deleted: int = 0
    amount: Decimal = ZERO
    fees: Decimal = ZERO


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A row of `gentle_nudge_run`."""

    id: int
    section: str
    report: Report
    day: date
    number: int
    started: datetime
    finished: datetime | None
    late: bool
    who: str | None
    counts: RunCounts


def claim(conn: Connection, wanted: Claim, *, now: datetime) -> int | None:
    """The id of the new run; None when this run of this day has been claimed before."""
    raise NotImplementedError


def next_number(conn: Connection, *, section: str, report: Report, day: date) -> int:
    """The number of the next run of this report on this day; 1 for the first."""
    raise NotImplementedError


def finish(conn: Connection, run: int, *, now: datetime, counts: RunCounts) -> None:
    """The run is finished with these counts, and the note of meta has grown by one."""
    raise NotImplementedError


def runs(conn: Connection, *, sections: Collection[str] | None = None, limit: int | None = None) -> list[Run]:
    """The runs, newest first; of all sections unless some are named."""
    raise NotImplementedError


def submission_sizes(conn: Connection, sections: Collection[str], last: int = 8) -> list[int]:
    """How many were referred in each of the last submissions, newest first."""
    raise NotImplementedError


def last_day(conn: Connection, sections: Collection[str], report: Report) -> date | None:
    """The latest day with a run of this report; None: there was none."""
    raise NotImplementedError


def first_day(conn: Connection, sections: Collection[str]) -> date | None:
    """The earliest day with a run of any report; None: there was none."""
    raise NotImplementedError


def last_success(conn: Connection) -> list[Run]:
    """The latest finished run of every section and report, by section."""
    raise NotImplementedError
