"""What a night reads of the cases."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from gentle_nudge.domain.case import Case

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedFee:
    """A fee line that we charged with a case, open or closed."""

    line: int
    patron: int
    section: str


def open_cases(conn: Connection, sections: Collection[str]) -> list[Case]:
    """The open cases of these sections, in order of id."""
    raise NotImplementedError


def to_report(conn: Connection, sections: Collection[str]) -> list[Case]:
    """The closed cases of which the agency still has to be told, in order of id.

    Those marked (`mark_to_report`), and those whose last row stands in a report that some recipient has not got
    (due, being sent, failed or superseded), so that what overtakes it says it again.
    """
    raise NotImplementedError


def open_case_patrons(conn: Connection) -> dict[int, frozenset[str]]:
    """The patrons with an open case, with the sections, all of them."""
    raise NotImplementedError


def withdrawn_on(conn: Connection, sections: Collection[str]) -> dict[int, date]:
    """For each patron with a case of these sections that was withdrawn: the latest day of it."""
    raise NotImplementedError


def recorded_fees(conn: Connection, patrons: Iterable[int]) -> list[RecordedFee]:
    """The fee lines recorded with any case of these patrons, in order of line."""
    raise NotImplementedError


def recorded_restrictions(conn: Connection, patrons: Iterable[int]) -> dict[int, set[int]]:
    """The restrictions recorded with any case, by patron; patrons without one are left out."""
    raise NotImplementedError


def recorded_lines(conn: Connection, cases: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """The numbers of the lines recorded with each case, in order; cases without one are left out."""
    raise NotImplementedError
