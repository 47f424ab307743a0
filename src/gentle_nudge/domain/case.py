"""A case: our record of one referral."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class CaseState(StrEnum):
    """The states of a case."""

    OPEN = "open"
    RELEASED = "released"
    PAID = "paid"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"
    DELETED = "deleted"
    ANONYMIZED = "anonymized"


def by_state(states: Iterable[CaseState]) -> str:
    """How many of each state there are: `2 released, 1 withdrawn`."""
    counts = Counter(states)
    return ", ".join(f"{counts[state]} {state}" for state in CaseState if counts[state])


@dataclass(frozen=True, kw_only=True, slots=True)
class CasePause:
    """A row of `gentle_nudge_case_pause`: since when the agency heard no more, and since when it heard again."""

    since: date
    until: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A row of `gentle_nudge_case`.

    `patron` is the borrowernumber it follows now, `number` the one first reported; both None once forgotten. The run
    `opened_run` opened it, a person if None. Amounts are those at referral; None when unknown (adopted).
    `used_before`: how many patrons with the number `patron` Koha had deleted when the case began to follow this one.
    `closed_owing` is what its recorded lines owed when it was closed; None while it is open, or if an older program
    closed it. `last_word` is the last due of a case that was closed while nobody might be told of it.
    `paused_on`: since when the agency hears no more of an open case on hold.
    """

    id: int
    section: str
    patron: int | None
    number: int | None
    referred_on: date | None = None
    adopted: bool = False
    owed: Decimal | None = None
    balance: Decimal | None = None
    fee: Decimal | None = None
    fee_line: int | None = None
    flag: str | None = None
    restriction: int | None = None
    restriction_type: str | None = None
    restriction_comment: str | None = None
    state: CaseState = CaseState.OPEN
    closed_on: date | None = None
    why: str | None = None
    last_due: Decimal | None = None
    last_word: Decimal | None = None
    surname: str | None = None
    firstname: str | None = None
    card: str | None = None
    to_report: bool = False
    opened_run: int | None = None
    used_before: int = 0
    closed_owing: Decimal | None = None
    paused_on: date | None = None
