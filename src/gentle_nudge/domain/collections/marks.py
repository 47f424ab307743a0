"""Marks: reasons to look twice at a patron on a list. None of them decides anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.ledger import Line
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.patron import age, comes_of_age, known_birth
from gentle_nudge.domain.wording import counted

if TYPE_CHECKING:
    from gentle_nudge.domain.collections.plan import Referral
    from gentle_nudge.domain.collections.review import Marked

MUCH, NEARLY = 10, Decimal("1.05")
YOUNG_ADULT_DAYS, RECENT_DAYS = 90, 30
LOST = "LOST"
LEAVES = "These charges will not refer the patron later: they leave the window."


class MarkWord(StrEnum):
    """The marks, in the order in which a row has them."""

    FOUND = "FOUND"
    CLAIMED = "CLAIMED"
    MUCH = "MUCH"
    JUST_ADULT = "JUST_ADULT"
    PAYMENT = "PAYMENT"
    CREDIT = "CREDIT"
    AT_THRESHOLD = "AT_THRESHOLD"
    REFERRED_BEFORE = "REFERRED_BEFORE"
    UNREACHABLE = "UNREACHABLE"
    YOUNGER = "YOUNGER"
    WAITED_FOR = "WAITED_FOR"
    LEAVING = "LEAVING"


PROBABLY_OUR_MISTAKE = {MarkWord.FOUND, MarkWord.CLAIMED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A mark, with a sentence for staff."""

    word: MarkWord
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """A payment of the patron."""

    day: date
    amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """How many patrons of a list hold back a title, and how many `others` wait for one of those titles."""

    patrons: int
    others: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkFacts:
    """What the marks ask besides the referral; `is_found`: items of lost charges that the library has again.

    `owed_next_week` is the sum in the window a week later. `waiting` others wait for titles of the patron.
    `unreachable` is a sentence about what is missing.
    """

    found: int = 0
    claimed: int = 0
    payment: Payment | None = None
    cases: tuple[Case, ...] = ()
    unreachable: str = ""
    waiting: int = 0
    owed_next_week: Decimal = ZERO


@dataclass(frozen=True, kw_only=True, slots=True)
class Usual:
    """The median of the balances that are usual here; None if there is none."""

    balance: Decimal | None = field(default=None)

    @classmethod
    def of(cls, referred: Iterable[Decimal], listed: Iterable[Decimal]) -> Usual:
        """The median of the balances referred lately; of those on the list if none was."""
        balances = list(referred) or list(listed)
        return cls(balance=median(balances) if balances else None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """A patron on a list, with everything that a mark asks."""

    referral: Referral
    section: Section
    facts: MarkFacts
    usual: Usual

    @property
    def lines(self) -> tuple[Line, ...]:
        """The section's outstanding lines."""
        return self.referral.account.lines


def marks_of(referral: Referral, section: Section, facts: MarkFacts, usual: Usual) -> tuple[Mark, ...]:
    """The marks of one patron, in their order."""
    looked = Looked(referral=referral, section=section, facts=facts, usual=usual)
    sentences = {word: sentence_of(looked) for word, sentence_of in SENTENCES.items()}
    return tuple(Mark(word=word, sentence=sentences[word]) for word in MarkWord if sentences[word])


def _found(looked: Looked) -> str:
    what = counted(looked.facts.found, "lost item is", "lost items are")
    return f"{what} no longer lost in Koha: probably our mistake." if looked.facts.found else ""


def _claimed(looked: Looked) -> str:
    what = counted(looked.facts.claimed, "item")
    return f"Claims to have returned {what}, and nobody has decided." if looked.facts.claimed else ""


def _much(looked: Looked) -> str:
    balance, usual = looked.referral.balance, looked.usual.balance
    if not usual or balance < MUCH * usual:
        return ""
    times = (balance / usual).quantize(Decimal(1), ROUND_HALF_UP)
    lost = sum(line.type == LOST and line.outstanding > 0 for line in looked.lines)
    return f"Owes {times} times what is usual here; {counted(lost, 'lost item')}."


def _just_adult(looked: Looked) -> str:
    years, day = looked.section.policy.adult_age, looked.referral.day
    born = known_birth(looked.referral.patron.born, day)
    if born is None or age(born, day) < years:
        return ""
    birthday = comes_of_age(born, years)
    counting = (line.day for line in looked.lines if line.counted and line.outstanding > 0 and line.day)
    oldest = min(counting, default=birthday)
    if birthday <= oldest and (day - birthday).days >= YOUNG_ADULT_DAYS:
        return ""
    turned = f"Turns {years} on the very day" if birthday == day else f"Turned {years} on {birthday}"
    return f"{turned}; the oldest charge was made as a minor." if birthday > oldest else f"{turned}."


def _payment(looked: Looked) -> str:
    payment = looked.facts.payment
    if payment is None or (looked.referral.day - payment.day).days >= RECENT_DAYS:
        return ""
    return f"Paid {format_amount(payment.amount)} on {payment.day}."


def _credit(looked: Looked) -> str:
    credit = -sum((line.outstanding for line in looked.lines if line.outstanding < 0), ZERO)
    return f"Has an unused credit of {format_amount(credit)}; already taken off." if credit else ""


def _at_threshold(looked: Looked) -> str:
    balance, threshold = looked.referral.balance, looked.section.policy.threshold
    if balance == threshold:
        return "Owes exactly the threshold."
    near = f"Owes hardly more than the threshold of {format_amount(threshold)}."
    return near if balance < threshold * NEARLY else ""


def _referred_before(looked: Looked) -> str:
    return f"Was referred before: {'; '.join(map(_case, looked.facts.cases))}." if looked.facts.cases else ""


def _case(case: Case) -> str:
    since = f"on {case.referred_on}" if case.referred_on else "on an unknown day"
    return f"{since}, still open" if case.state is CaseState.OPEN else f"{since}, {case.state} on {case.closed_on}"


def _younger(looked: Looked) -> str:
    day = looked.referral.day
    last = looked.section.policy.window(day).last
    later = (line.outstanding for line in looked.lines if line.outstanding > 0 and line.day and line.day > last)
    younger, days = sum(later, ZERO), counted((day - last).days, "day")
    return f"{format_amount(younger)} of the balance is not {days} old yet." if younger else ""


def _waited_for(looked: Looked) -> str:
    others = counted(looked.facts.waiting, "other waits", "others wait")
    return f"{others} for something that this patron holds back." if looked.facts.waiting else ""


SENTENCES: Mapping[MarkWord, Callable[[Looked], str]] = {
    MarkWord.FOUND: _found,
    MarkWord.CLAIMED: _claimed,
    MarkWord.MUCH: _much,
    MarkWord.JUST_ADULT: _just_adult,
    MarkWord.PAYMENT: _payment,
    MarkWord.CREDIT: _credit,
    MarkWord.AT_THRESHOLD: _at_threshold,
    MarkWord.REFERRED_BEFORE: _referred_before,
    MarkWord.UNREACHABLE: lambda looked: looked.facts.unreachable,
    MarkWord.YOUNGER: _younger,
    MarkWord.WAITED_FOR: _waited_for,
    MarkWord.LEAVING: lambda looked: LEAVES if looked.facts.owed_next_week < looked.section.policy.threshold else "",
}


def in_list_order(rows: Sequence[Marked]) -> tuple[Marked, ...]:
    """The rows of a list: first those with marks, probable mistakes of ours before all; the others as they come."""

    def first(row: Marked) -> tuple[bool, Decimal, int]:
        words = {mark.word for mark in row.marks}
        return not words & PROBABLY_OUR_MISTAKE, -row.referral.balance, row.referral.number

    return (*sorted((row for row in rows if row.marks), key=first), *(row for row in rows if not row.marks))


def waited_for(
    titles: Mapping[int, frozenset[int]], waiting: Mapping[int, frozenset[int]]
) -> dict[int, frozenset[int]]:
    """Patron -> the others who wait for one of the patron's titles; `waiting`: title -> who waits for it."""
    return {
        patron: frozenset().union(*(waiting.get(title, frozenset()) for title in theirs)) - {patron}
        for patron, theirs in titles.items()
    }
