"""Forget: a person's name and card leave our tables at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.outbox import Stored
from gentle_nudge.jobs.desk.history import known_cases
from gentle_nudge.jobs.sending.manage import copies
from gentle_nudge.store import cases, meta, report_files

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """A stored report that still holds the person, the folders with a copy of it, and when it may go."""

    stored: Stored
    folders: tuple[Path, ...]
    kept_until: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgotten:
    """The cases that have lost name and card, and the reports that still hold the person."""

    cases: tuple[Case, ...]
    holding: tuple[Holding, ...]

    @property
    def still_open(self) -> bool:
        """Whether the patron is still in collections, so that the next update records name and card again."""
        return any(case.state is CaseState.OPEN for case in self.cases)


def forget(conn: Connection, card: str, *, keep_days: int) -> Forgotten:
    """The patron's cases hold no name and no card; ToBeMended if we know nothing of this patron."""
    meta.lock(conn)
    found = known_cases(conn, card)
    cases.forget_names(conn, [case.id for case in found])
    numbers = {number for case in found for number in (case.number, case.patron) if number}
    holding = (
        Holding(
            stored=stored,
            folders=tuple(copies(conn, stored)),
            kept_until=stored.day + timedelta(days=keep_days),
        )
        for stored in report_files.holding(conn, sorted(numbers))
    )
    return Forgotten(cases=tuple(found), holding=tuple(holding))
