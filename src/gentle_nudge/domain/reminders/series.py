"""A series: which level is due, why not, and what ends it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from gentle_nudge.domain.patron import Patron, Restriction
from gentle_nudge.domain.reminders.debt import Debt
from gentle_nudge.domain.reminders.levels import Remind

SENT = frozenset({"sent", "gone"})  # what is gone from Koha's queue was cleaned up after it was sent


class SeriesState(StrEnum):
    """Whether a series is open, or what has ended it."""

    OPEN = "open"
    PAID = "paid"
    BELOW_MINIMUM = "below_minimum"
    REFERRED = "referred"
    STOPPED = "stopped"
    MOVED = "moved"
    GONE = "gone"


class Reason(StrEnum):
    """Why a patron gets no letter, in the order in which it is asked."""

    GONE = "no longer in Koha, or the number is somebody else's"
    MOVED = "the patron belongs to another section"
    IN_COLLECTIONS = "in collections: a case is open, or the flag says yes"
    PROTECTED = "a protected or anonymized patron, or one that Koha uses itself"
    EXEMPT = "the exemption field says so"
    ON_HOLD = "on hold: staff keep the patron back"
    CATEGORY = "the patron category is not reminded"
    TOO_OLD = "owes the minimum only with charges that are too old"
    BELOW_MINIMUM = "owes less than the minimum"
    FINISHED = "the last level has been sent"
    NOT_YET = "the next level falls due on a later day"
    NOT_SENT = "no message of the level before has been sent"
    BAD_LETTER = "a letter of the level cannot be used"
    NO_LETTER = "Koha has no letter of the level for this patron"
    UNREACHABLE = "no transport of the level reaches anybody"


ENDS = {
    Reason.GONE: SeriesState.GONE,
    Reason.MOVED: SeriesState.MOVED,
    Reason.IN_COLLECTIONS: SeriesState.REFERRED,
    Reason.TOO_OLD: SeriesState.BELOW_MINIMUM,
    Reason.BELOW_MINIMUM: SeriesState.BELOW_MINIMUM,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A row of `gentle_nudge_reminder_message`; `message` is its number in Koha's queue, `replaces` a failed e-mail's.

    Its `state` is Koha's word, or `gone` after Koha has cleaned it up.
    """

    id: int | None = None
    message: int
    addressee: int
    transport: str
    language: str
    state: str = "pending"
    failure: str | None = None
    replaces: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reminder:
    """A row of `gentle_nudge_reminder` with its messages: the letter of one level, sent on `day`."""

    id: int | None = None
    level: int
    day: date
    letter: str
    branch: str
    charges: Decimal
    fee: Decimal
    fee_line: int | None
    total: Decimal
    messages: tuple[Message, ...] = ()

    @property
    def was_sent(self) -> bool:
        """Whether one message at least has left."""
        return any(message.state in SENT for message in self.messages)


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """A row of `gentle_nudge_series` with its reminders, in order of level.

    `used_before`: how many patrons with this number Koha had deleted when it began.
    """

    id: int = 0
    section: str
    patron: int
    since: date
    opened_on: date
    state: SeriesState = SeriesState.OPEN
    closed_on: date | None = None
    why: str | None = None
    who: str | None = None
    used_before: int = 0
    restriction: int | None = None
    restriction_type: str | None = None
    restriction_comment: str | None = None
    lifted_on: date | None = None
    reminders: tuple[Reminder, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.state is SeriesState.OPEN

    @property
    def has_restriction(self) -> bool:
        """Whether a restriction of it has not been lifted."""
        return self.restriction is not None and self.lifted_on is None

    @property
    def last(self) -> Reminder | None:
        """The reminder of the highest level."""
        return self.reminders[-1] if self.reminders else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Debtor:
    """One patron with everything that the rules of reminders ask about; `patron` is None if gone from Koha."""

    number: int
    section: str = ""
    patron: Patron | None
    debt: Debt = field(default_factory=Debt)
    series: Series | None = None
    is_here: bool = True
    is_in_collections: bool = False
    is_exempt: bool = False
    is_on_hold: bool = False

    @property
    def card(self) -> str | None:
        """The number of the card."""
        return self.patron.card if self.patron else None

    @property
    def last(self) -> Reminder | None:
        """The reminder of the highest level that was sent in the open series."""
        return self.series.last if self.series else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What is to become of a debtor: a letter of this level unless there is a `reason`; maybe the end of the series."""

    debtor: Debtor
    reason: Reason | None
    level: int | None = None
    due_on: date | None = None
    since: date | None = None
    ends: SeriesState | None = None


def judge(debtor: Debtor, remind: Remind, day: date) -> Verdict:
    """The verdict on this day; whether letters can be made and sent is asked afterwards."""
    last, since = debtor.last, debtor.debt.since(remind.minimum)
    level = remind.step_after(last.level if last else 0)
    begins = last.day if last else since
    due_on = begins + timedelta(days=remind.steps[level].after_days) if level and begins else None
    reason = why_kept_back(debtor, remind)
    if reason is None and level is None:
        reason = Reason.FINISHED
    elif reason is None and (due_on is None or due_on > day):
        reason = Reason.NOT_YET
    elif reason is None and last and not last.was_sent:
        reason = Reason.NOT_SENT
    ends = _end(debtor, reason) if debtor.series and reason else None
    return Verdict(debtor=debtor, reason=reason, level=level, due_on=due_on, since=since, ends=ends)


def why_kept_back(debtor: Debtor, remind: Remind) -> Reason | None:
    """The first reason why the patron gets no letter of whatever level."""
    patron, debt = debtor.patron, debtor.debt
    if patron is None or (debtor.series and patron.used_before > debtor.series.used_before):
        return Reason.GONE
    reasons: Mapping[Reason, bool] = {
        Reason.MOVED: not debtor.is_here,
        Reason.IN_COLLECTIONS: debtor.is_in_collections,
        Reason.PROTECTED: patron.protected,
        Reason.EXEMPT: debtor.is_exempt,
        Reason.ON_HOLD: debtor.is_on_hold,
        Reason.CATEGORY: patron.category.casefold() in map(str.casefold, remind.excluded_categories),
        Reason.TOO_OLD: debt.charges < remind.minimum <= debt.charges_of_any_age,
        Reason.BELOW_MINIMUM: debt.charges < remind.minimum,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _end(debtor: Debtor, reason: Reason) -> SeriesState | None:
    """What ends an open series; None: it goes on, or rests."""
    if reason is Reason.PROTECTED and debtor.patron and debtor.patron.anonymized:
        return SeriesState.GONE
    if reason is Reason.BELOW_MINIMUM and not debtor.debt.charges:
        return SeriesState.PAID
    return ENDS.get(reason)


def may_be_lifted(debtor: Debtor, remind: Remind) -> bool:
    """Whether the restriction of a series has lost its ground, whatever the state of the series."""
    return debtor.debt.charges_of_any_age < remind.minimum and not debtor.is_in_collections


def as_made(series: Series, present: Iterable[Restriction]) -> Restriction | None:
    """The restriction that the series has made; None if it is gone, or if staff have changed it: then it is theirs."""
    made = (series.restriction, series.restriction_type, series.restriction_comment, None)
    return next((each for each in present if (each.id, each.type, each.comment, each.expires) == made), None)


def failed_emails(debtor: Debtor, remind: Remind) -> tuple[Message, ...]:
    """The failed e-mails of the series' last level that become print, if Koha has what is needed."""
    last = debtor.last
    step = remind.steps.get(last.level) if last else None
    if last is None or step is None or "print" not in (step.transports or ()) or why_kept_back(debtor, remind):
        return ()
    replaced = {message.replaces for message in last.messages}
    failed = (each for each in last.messages if each.transport == "email" and each.state == "failed")
    return tuple(each for each in failed if each.message not in replaced)
