"""The road of a loan as it is told: its events, the reasons of each, and the earliest submission."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

RowSource = Literal["rule", "trigger"]
CodeSource = Literal["preference", "calendar", "category", "itemtype", "message"]
Source = RowSource | CodeSource | Literal["setting", "option", "assumption"]
OfJobs = Literal["courtesy", "fine", "notice", "restriction", "submission", "reminder"]
OfLoss = Literal["lost", "forgiven", "processing", "replacement", "loan_closed", "restriction_lifted"]
OfDesk = Literal["checkout", "due", "payment", "returned", "refund_lost", "refund_processing", "fine_restored"]
Kind = OfJobs | OfLoss | OfDesk | Literal["blocked", "unblocked"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """A reason of an event: which setting, its value, and for rules and triggers their row and `scope`.

    The scope is `library / category / item type`, `*` for any.
    """

    source: Source
    name: str
    value: str
    id: int | None = None
    scope: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What happens to the loan on a day; `balance` is what the road's lines owe after it.

    `late` are calendar days after the due date, `open_late` open days of the library that rules the fine.
    """

    day: date
    late: int
    open_late: int | None
    kind: Kind
    level: int | None = None
    letter: str | None = None
    transports: tuple[str, ...] = ()
    amount: Decimal | None = None
    balance: Decimal
    text: str
    why: tuple[Why, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class EarliestSubmission:
    """The first day on which the loan alone would be referred."""

    day: date
    owed: Decimal
    balance: Decimal
    fee: Decimal
    balance_after: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class RulingLibraries:
    """The libraries whose rules hold: for the due date and the fine, the notices, the loss, and the refund."""

    circulation: str
    notices: str
    loss: str
    refund: str
