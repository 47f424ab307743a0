"""Marks: reasons to look twice at a patron on a list. None of them decides anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from statistics import median

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.patron import age, comes_of_age, known_birth
from gentle_nudge.domain.wording import counted

MUCH, NEARLY = 10, Decimal("1.05")
YOUNG_ADULT_DAYS, RECENT_DAYS = 90, 30
LEAVES = "These charges will not refer the patron later: they leave the window."


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A mark, with a sentence for staff; None if only its word was kept."""

    mark: str
    sentence: str | None = None


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
    """A patron on a list, with everything that a mark asks; `found`: items of lost charges that the library has again.

    `usual` is the balance that is usual here, None if nobody knows. `owed_next_week` is the sum in the window a week
    later. `waiting` others wait for titles of the patron. `unreachable` is a sentence about what is missing.
    """

    referral: Referral
    section: Section
    usual: Decimal | None
    found: int = 0
    claimed: int = 0
    payment: Payment | None = None
    cases: tuple[Case, ...] = ()
    unreachable: str = ""
    waiting: int = 0
    owed_next_week: Decimal = ZERO


def usual_balance(referred: Iterable[Decimal], listed: Iterable[Decimal]) -> Decimal | None:
    """The median of the balances referred lately; of those on the list if none was; None if there is none."""
    balances = list(referred) or list(listed)
    return median(balances) if balances else None


def marks_of(facts: MarkFacts) -> tuple[Mark, ...]:
    """The marks of one patron, in their order."""
    sentences = {word: sentence_of(facts) for word, sentence_of in SENTENCES.items()}
    return tuple(Mark(mark=word, sentence=sentence) for word, sentence in sentences.items() if sentence)


def _found(facts: MarkFacts) -> str:
    what = counted(facts.found, "lost item is", "lost items are")
    return f"{what} no longer lost in Koha: probably our mistake." if facts.found else ""


def _claimed(facts: MarkFacts) -> str:
    what = counted(facts.claimed, "item")
    return f"Claims to have returned {what}, and nobody has decided." if facts.claimed else ""


def _much(facts: MarkFacts) -> str:
    balance, usual = facts.referral.balance, facts.usual
    if not usual or balance < MUCH * usual:
        return ""
    times = (balance / usual).quantize(Decimal(1), ROUND_HALF_UP)
    lost = counted(len(facts.referral.account.lost_charges), "lost item")
    return f"Owes {times} times what is usual here; {lost}."


def _just_adult(facts: MarkFacts) -> str:
    years, day = facts.section.policy.adult_age, facts.referral.day
    born = known_birth(facts.referral.patron.born, day)
    if born is None or age(born, day) < years:
        return ""
    birthday = comes_of_age(born, years)
    oldest = facts.referral.account.oldest_charge or birthday
    if birthday <= oldest and (day - birthday).days >= YOUNG_ADULT_DAYS:
        return ""
    turned = f"Turns {years} on the very day" if birthday == day else f"Turned {years} on {birthday}"
    return f"{turned}; the oldest charge was made as a minor." if birthday > oldest else f"{turned}."


def _payment(facts: MarkFacts) -> str:
    payment = facts.payment
    if payment is None or (facts.referral.day - payment.day).days >= RECENT_DAYS:
        return ""
    return f"Paid {format_amount(payment.amount)} on {payment.day}."


def _credit(facts: MarkFacts) -> str:
    credit = -sum((line.outstanding for line in facts.referral.account.lines if line.outstanding < 0), ZERO)
    return f"Has an unused credit of {format_amount(credit)}; already taken off." if credit else ""


def _at_threshold(facts: MarkFacts) -> str:
    balance, threshold = facts.referral.balance, facts.section.policy.threshold
    if balance == threshold:
        return "Owes exactly the threshold."
    near = f"Owes hardly more than the threshold of {format_amount(threshold)}."
    return near if balance < threshold * NEARLY else ""


def _referred_before(facts: MarkFacts) -> str:
    return f"Was referred before: {'; '.join(map(_case, facts.cases))}." if facts.cases else ""


def _case(case: Case) -> str:
    since = f"on {case.referred_on}" if case.referred_on else "on an unknown day"
    return f"{since}, still open" if case.state is CaseState.OPEN else f"{since}, {case.state} on {case.closed_on}"


def _younger(facts: MarkFacts) -> str:
    day = facts.referral.day
    last = facts.section.policy.window(day).last
    later = (line.outstanding for line in facts.referral.account.debits if line.day and line.day > last)
    younger, days = sum(later, ZERO), counted((day - last).days, "day")
    return f"{format_amount(younger)} of the balance is not {days} old yet." if younger else ""


def _waited_for(facts: MarkFacts) -> str:
    others = counted(facts.waiting, "other waits", "others wait")
    return f"{others} for something that this patron holds back." if facts.waiting else ""


# In the order in which a row has them.
SENTENCES: Mapping[str, Callable[[MarkFacts], str]] = {
    "FOUND": _found,
    "CLAIMED": _claimed,
    "MUCH": _much,
    "JUST_ADULT": _just_adult,
    "PAYMENT": _payment,
    "CREDIT": _credit,
    "AT_THRESHOLD": _at_threshold,
    "REFERRED_BEFORE": _referred_before,
    "UNREACHABLE": lambda facts: facts.unreachable,
    "YOUNGER": _younger,
    "WAITED_FOR": _waited_for,
    "LEAVING": lambda facts: LEAVES if facts.owed_next_week < facts.section.policy.threshold else "",
}


def waited_for(
    titles: Mapping[int, frozenset[int]], waiting: Mapping[int, frozenset[int]]
) -> dict[int, frozenset[int]]:
    """Patron -> the others who wait for one of the patron's titles; `waiting`: title -> who waits for it."""
    return {
        patron: frozenset().union(*(waiting.get(title, frozenset()) for title in theirs)) - {patron}
        for patron, theirs in titles.items()
    }
