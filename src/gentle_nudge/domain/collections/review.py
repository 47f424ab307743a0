"""The list that staff see before a referral: its states, its rows, and the place of a patron on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

REPLACED, NOT_APPROVED = "replaced", "not approved"


class ListState(StrEnum):
    """The states of a list."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    USED = "used"


class Outcome(StrEnum):
    """What became of a patron on a list."""

    LISTED = "listed"
    LEFT_OUT = "left_out"
    REFERRED = "referred"
    DROPPED = "dropped"


TO_COME = (ListState.OPEN, ListState.APPROVED)
MAY_BE_USED = (ListState.OPEN, ListState.APPROVED, ListState.REJECTED)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewList:
    """A row of `gentle_nudge_list`: who will be referred on `for_day`; `who` decided about it `at` that instant."""

    id: int
    section: str
    for_day: date
    made: date
    state: ListState
    who: str | None = None
    at: datetime | None = None
    reason: str | None = None

    def may_be_used(self, last_submission: date | None) -> bool:
        """Whether the submission of this list has not been made and the list has not lapsed."""
        return self.state in MAY_BE_USED and (last_submission is None or last_submission < self.for_day)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListRow:
    """A row of `gentle_nudge_list_row`: a patron with the amounts and the words of the marks of when it was made.

    `why` is the word of a reason, or what staff wrote; then `who` wrote it `at` that instant.
    """

    patron: int
    owed: Decimal
    balance: Decimal
    marks: tuple[str, ...] = ()
    outcome: Outcome = Outcome.LISTED
    why: str | None = None
    who: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The place of one patron on the list in force; `row` is None if the patron is not on it."""

    for_day: date
    row: ListRow | None = None

    @property
    def is_left_out(self) -> bool:
        """Whether staff have left the patron out."""
        return self.row is not None and self.row.outcome is Outcome.LEFT_OUT


@dataclass(frozen=True, kw_only=True, slots=True)
class ListInForce:
    """The list in force on a day, with its rows by patron."""

    of: ReviewList
    rows: Mapping[int, ListRow]

    def place_of(self, patron: int) -> Place:
        """The patron's place on it."""
        return Place(for_day=self.of.for_day, row=self.rows.get(patron))
