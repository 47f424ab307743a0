"""Who is referred, and for each other patron the first reason why not (rules of the submission)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.ledger import Account
from gentle_nudge.domain.patron import FlagState, Patron, age, flag_state


class Reason(StrEnum):
    """Why a patron is not referred, in the order in which the rules are asked."""

    OTHER_SECTION = "another section speaks for the patron or the charges, or submissions of this one are off"
    IN_COLLECTIONS = "in collections already: a case is open, or the flag says yes"
    FLAG_IN_OTHER_USE = "the flag field holds something that is neither a yes nor a no"
    PROTECTED = "a protected or anonymized patron, or one that Koha uses itself"
    EXEMPT = "the exemption field says so"
    CATEGORY = "the patron category is not referred"
    MINOR = "a minor"
    UNKNOWN_AGE = "no date of birth"
    NO_LOST_CHARGE = "no lost charge is outstanding"
    BELOW_THRESHOLD = "owes less than the threshold in the window"
    BALANCE_BELOW_THRESHOLD = "the balance is less than the threshold"


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One patron as the rules see them on one day, for one section.

    `speaks` is whether the section speaks for them; `has_case` whether a case of the section is open.
    """

    patron: Patron
    account: Account
    speaks: bool = True
    has_case: bool = False


Rule = Callable[[Candidate, Policy, date], bool]


def _other_section(candidate: Candidate, _policy: Policy, _day: date) -> bool:
    return not candidate.speaks


def _in_collections(candidate: Candidate, _policy: Policy, _day: date) -> bool:
    return candidate.has_case or flag_state(candidate.patron.flag) is FlagState.YES


def _flag_in_other_use(candidate: Candidate, _policy: Policy, _day: date) -> bool:
    return flag_state(candidate.patron.flag) is FlagState.OTHER


def _protected(candidate: Candidate, _policy: Policy, _day: date) -> bool:
    return candidate.patron.protected


def _exempt(candidate: Candidate, policy: Policy, _day: date) -> bool:
    return policy.exemption is not None and flag_state(candidate.patron.exemption) is not FlagState.NO


def _category(candidate: Candidate, policy: Policy, _day: date) -> bool:
    code = candidate.patron.category.casefold()
    return (
        bool(policy.categories and code not in _folded(policy.categories))
        or code in _folded(policy.excluded_categories)
        or candidate.patron.category_type in policy.excluded_category_types
    )


def _folded(codes: frozenset[str]) -> frozenset[str]:
    return frozenset(code.casefold() for code in codes)


def is_minor(patron: Patron, policy: Policy, day: date) -> bool:
    """Whether the patron is known to be younger than an adult on this day."""
    return patron.born is not None and age(patron.born, day) < policy.adult_age


def _minor(candidate: Candidate, policy: Policy, day: date) -> bool:
    if policy.minors == "include" or not is_minor(candidate.patron, policy, day):
        return False
    return policy.minors == "exclude" or candidate.patron.guardian is None


def _unknown_age(candidate: Candidate, policy: Policy, _day: date) -> bool:
    return policy.minors != "include" and policy.unknown_birthdate == "exclude" and candidate.patron.born is None


def _no_lost_charge(candidate: Candidate, policy: Policy, _day: date) -> bool:
    return policy.require_lost_fee and not candidate.account.lost_charge


def _below_threshold(candidate: Candidate, policy: Policy, _day: date) -> bool:
    return candidate.account.owed < policy.threshold


def _balance_below_threshold(candidate: Candidate, policy: Policy, _day: date) -> bool:
    return min(candidate.account.balance, candidate.account.whole_balance) < policy.threshold


RULES: dict[Reason, Rule] = {
    Reason.OTHER_SECTION: _other_section,
    Reason.IN_COLLECTIONS: _in_collections,
    Reason.FLAG_IN_OTHER_USE: _flag_in_other_use,
    Reason.PROTECTED: _protected,
    Reason.EXEMPT: _exempt,
    Reason.CATEGORY: _category,
    Reason.MINOR: _minor,
    Reason.UNKNOWN_AGE: _unknown_age,
    Reason.NO_LOST_CHARGE: _no_lost_charge,
    Reason.BELOW_THRESHOLD: _below_threshold,
    Reason.BALANCE_BELOW_THRESHOLD: _balance_below_threshold,
}


def why_not(candidate: Candidate, section: Section, day: date) -> Reason | None:
    """The first reason why the section does not refer this patron on this day; None: it does."""
    return next((reason for reason, rule in RULES.items() if rule(candidate, section.policy, day)), None)


def verdicts(candidate: Candidate, section: Section, day: date) -> dict[Reason, bool]:
    """Every rule with whether it keeps the patron out (for `explain`)."""
    return {reason: rule(candidate, section.policy, day) for reason, rule in RULES.items()}
