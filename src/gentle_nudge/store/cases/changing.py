"""Changes to cases, in bulk: a fixed number of statements per thousand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.plan import CloseCase, FollowCase, OpenCase, UpdateRow

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """How many cases changed their section, and those that stay: the patron has an open case of the new section."""

    count: int
    staying: tuple[Case, ...]


def open_new(
    conn: Connection,
    *,
    section: str,
    actions: Sequence[OpenCase],
    run: int,
    fee_lines: Mapping[int, int],
    restrictions: Mapping[int, int],
) -> dict[int, int]:
    """The cases are open, with their lines; the id of each by patron.

    `fee_lines` and `restrictions` are those just made, by patron; a restriction found in place comes with the action.
    IntegrityError when a patron has an open case of the section.
    """
    raise NotImplementedError


def close(
    conn: Connection, actions: Sequence[CloseCase], *, run: int | None, day: date, now: datetime
) -> None:
    """The cases are closed as told and owe the agency nothing: a last row is `report_dues` or `mark_to_report`."""
    raise NotImplementedError


def follow(conn: Connection, actions: Sequence[FollowCase]) -> None:
    """Each case goes on with its new patron; the number first reported stays."""
    raise NotImplementedError


def report_dues(
    conn: Connection, report: int, rows: Iterable[UpdateRow], previous: Mapping[int, Case]
) -> None:
    """What this report says of each case is known: due, name and card; nothing of these is left to report.

    Rows without a case are an error. `previous` are the cases as read, by id: of a due, name or card that has not
    changed nothing is written. A closed case remembers the report as the one with its last row.
    """
    raise NotImplementedError


def mark_to_report(conn: Connection, cases: Collection[int], *, flag: bool) -> None:
    """The next update has to tell (or need not tell) of these cases, open or closed."""
    raise NotImplementedError


def move(conn: Connection, *, old: str, new: str) -> Moved:
    """The open cases of the section `old` are of `new`, but those of patrons with an open case there."""
    raise NotImplementedError
