"""A wish: what a person wants done, written down by a command, a file or Koha, and taken by the next run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from gentle_nudge.domain.wording import is_blank


class Door(StrEnum):
    """Where wishes come from; a row with any other word is served all the same."""

    COMMAND = "command"
    FILE = "file"
    KOHA = "koha"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """A row of `gentle_nudge_wish`; `id` is None until it is written, `taken_at` until it is answered.

    The same `origin` asks once at a door. `who` is a login name, or `koha:` and a borrowernumber. Others may have
    written the row: `what` may be a word that nobody knows, and any column that it needs may be missing.
    """

    id: int | None = None
    door: str
    origin: str
    what: str
    who: str
    at: datetime
    section: str | None = None
    list_day: date | None = None
    patron: int | None = None
    reason: str | None = None
    until: date | None = None
    note: str | None = None
    taken_at: datetime | None = None
    done: bool | None = None
    answer: str | None = None

    def lacks(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the columns that hold nothing, or a text that is blank."""
        values = ((column, getattr(self, column)) for column in columns)
        return tuple(name for name, value in values if value is None or (isinstance(value, str) and is_blank(value)))
