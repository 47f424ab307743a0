"""What is asked about a loan, what is told of it, and the rules of other systems that its road asks on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from gentle_nudge.domain.circulation.account import RoadLine
from gentle_nudge.domain.circulation.snapshot import Courtesy
from gentle_nudge.domain.money import ZERO
from gentle_nudge.errors import UserError

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


class NotComputed(UserError):
    """The road cannot be walked: why, and a hint (exit 2)."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Combination:
    """A library with a patron category and an item type."""

    library: str
    category: str
    itemtype: str

    def __str__(self) -> str:
        return f"{self.library}/{self.category}/{self.itemtype}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Loan:
    """The loan that is asked about: the options of `timeline`, once they are known with Koha's spelling of the codes.

    At most one of `checkout` and `due` is given. `library` is the one of the check-out, which holds the item then.
    `expires`: the patron's `dateexpiry`, for ReturnBeforeExpiry; None if no patron is named. `courtesies`: the patron's
    own, else those of the category's template; empty without the message tables.
    """

    library: str
    item_library: str
    patron_library: str
    category: str
    itemtype: str
    checkout: date | None = None
    due: date | None = None
    price: Decimal = ZERO
    returned: date | None = None
    paid: Decimal | None = None
    other_overdue: Decimal | None = None  # None: nothing, or what Koha knows of the patron
    patron: int | None = None
    expires: date | None = None
    courtesies: tuple[Courtesy, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SoFar:
    """The road up to a day: lines with something outstanding on it, their balance, and the letters sent until then."""

    day: date
    lines: tuple[RoadLine, ...]
    balance: Decimal
    sent: tuple[Event, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionVerdict:
    """Whether the loan alone would be referred on a day: the sum owed in the window, and the first reason if not.

    `fee` is our processing fee, of `fee_type`. `why` names the settings that decide (`threshold`, the window).
    """

    owed: Decimal
    fee: Decimal = ZERO
    fee_type: str = "MANUAL"
    reason: str | None = None
    why: tuple[Why, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionRules:
    """How the section that speaks for the charge refers.

    `section` is None if no section speaks for it or a required key is missing; then `none_because` says so in words.
    `judge` is asked on weekdays `submit_on` (Monday is 0) after the due date, if the balance reaches the threshold.
    """

    section: str | None = None
    none_because: str = ""
    judge: Callable[[SoFar], SubmissionVerdict] | None = None
    submit_on: int = 0
    threshold: Decimal = ZERO
    count_fees_newer_than: int = 90
    count_fees_older_than: int = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class ReminderVerdict:
    """The reminder of a night; `level` None: none tonight, ask again on `ask_on`, or when the account has changed."""

    level: int | None = None
    letter: str = ""
    transports: tuple[str, ...] = ()
    fee: Decimal = ZERO
    fee_type: str = "MANUAL"
    ask_on: date | None = None
    why: tuple[Why, ...] = ()


RemindersOfRoad = Callable[[SoFar], ReminderVerdict]
