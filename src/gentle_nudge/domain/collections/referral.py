"""Who is referred, and for each other patron the first reason why not (rules of the submission)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.collections.review import ListInForce, Place, ReviewList
from gentle_nudge.domain.collections.submission_day import SubmissionHistory
from gentle_nudge.domain.hold import Hold, hold_in_field
from gentle_nudge.domain.ledger import Account
from gentle_nudge.domain.patron import FlagState, Patron, SentNotice, age, flag_state, known_birth


class Reason(StrEnum):
    """Why a patron is not referred, in the order in which the rules are asked."""

    OTHER_SECTION = "another section speaks for the patron or the charges, or submissions of this one are off"
    IN_COLLECTIONS = "in collections already: a case is open, or the flag says yes"
    FLAG_IN_OTHER_USE = "the flag field holds something that is neither a yes nor a no"
    PROTECTED = "a protected or anonymized patron, or one that Koha uses itself"
    EXEMPT = "the exemption field says so"
    ON_HOLD = "on hold: staff keep the patron back"
    CATEGORY = "the patron category is not referred"
    MINOR = "a minor"
    UNKNOWN_AGE = "no date of birth, or one more than 110 years ago"
    NO_LOST_CHARGE = "no lost charge is outstanding"
    NO_NOTICE = "no letter of prior_notice was sent in time"
    PAID_LATELY = "has paid something lately"
    UNREACHABLE = "cannot be reached: marked as gone, or no address, telephone or e-mail"
    BELOW_THRESHOLD = "owes less than the threshold in the window"
    BALANCE_BELOW_THRESHOLD = "the balance is less than the threshold"
    LEFT_OUT = "staff have left the patron out of the list"
    NOT_ON_THE_LIST = "qualifies only since the list was made, and will be on the next one"


@dataclass(frozen=True, kw_only=True, slots=True)
class PatronRecords:
    """Our records of a patron: the sections with an open case, the holds by people, the notices of `prior_notice`.

    `place` is the patron's place on the list in force, if one is.
    """

    open_cases: frozenset[str] = frozenset()
    holds: tuple[Hold, ...] = ()
    notices: tuple[SentNotice, ...] = ()
    place: Place | None = None

    def has_case(self, section: Section) -> bool:
        """Whether a case of this section is open; of any section if it has all charges, so that no debt goes twice."""
        return bool(self.open_cases if section.charges_by == "patron" else self.open_cases & set(section.cases_of))

    def without(self, section: str) -> PatronRecords:
        """The records without the open case of the section with this name."""
        return replace(self, open_cases=self.open_cases - {section})

    def is_held(self, section: Section) -> bool:
        """Whether a case is open of a section that is gone, and nobody may be told of it."""
        return not self.open_cases.isdisjoint(section.held)

    def has_flag_of(self, section: Section) -> bool:
        """Whether a case is open that stands for the flag: in this section, in another with its flag field, or held."""
        with_flag = (*section.cases_of, *section.sharing, *section.held)
        return self.has_case(section) or not self.open_cases.isdisjoint(with_flag)

    def flag_is_needed(self, section: Section) -> bool:
        """Whether an open case of another section uses the same flag field, or may use it."""
        return bool(self.open_cases & ({*section.sharing, *section.held} - set(section.cases_of)))

    def restriction_is_needed(self, section: Section) -> bool:
        """Whether a case of another section is open."""
        return bool(self.open_cases - set(section.cases_of))


NO_RECORDS = PatronRecords()


@dataclass(frozen=True, kw_only=True)
class SectionRecords:
    """Our records of one section; empty while we have no tables. They hold as long as the `revision` does.

    `last_words`: closed cases of which the agency is still to be told. `open_cases`: patron -> all sections with an
    open case. `withdrawn`: patron -> the latest day a case was withdrawn, None if only by sections whose days do not
    count here; cases of cards merged into theirs included, whose lines are `inherited`.
    `merged`: patron -> those gone from Koha whose recorded lines they have now; empty if all charges are the patron's.
    `holds`: patron -> the open holds by command or file; `in_field` are those that the nights have recorded of the
    section's field in Koha.
    `has_reminder_fees`: fees are recorded with reminders, whosever they are.
    `lists` are the section's latest lists; under the one `in_force`, if there is one, patrons are judged.
    """

    revision: int | None = None
    last_words: tuple[Case, ...] = ()
    open_cases: Mapping[int, frozenset[str]] = field(default_factory=dict)
    withdrawn: Mapping[int, date | None] = field(default_factory=dict)
    inherited: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    merged: Mapping[int, frozenset[int]] = field(default_factory=dict)
    holds: Mapping[int, tuple[Hold, ...]] = field(default_factory=dict)
    in_field: tuple[Hold, ...] = ()
    has_reminder_fees: bool = False
    past: SubmissionHistory = field(default_factory=SubmissionHistory)
    last_update: date | None = None
    lists: tuple[ReviewList, ...] = ()
    in_force: ListInForce | None = None

    @property
    def is_any(self) -> bool:
        """Whether we have tables."""
        return self.revision is not None

    def of(self, patron: int) -> PatronRecords:
        """The records of one patron."""
        if self.in_force is None and patron not in self.open_cases and patron not in self.holds:
            return NO_RECORDS
        return PatronRecords(
            open_cases=self.open_cases.get(patron, frozenset()),
            holds=self.holds.get(patron, ()),
            place=self.in_force.place_of(patron) if self.in_force else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One patron on one day, with everything that the rules of one section ask about."""

    patron: Patron
    account: Account
    records: PatronRecords = NO_RECORDS


def hold_of(patron: Patron, records: PatronRecords, day: date) -> Hold | None:
    """The hold that keeps the patron back on this day, first one by a person; None if there is none.

    The field in Koha is read if the section's policy names one.
    """
    in_field = hold_in_field(patron) if patron.hold else None
    return next((hold for hold in (*records.holds, *filter(None, [in_field])) if hold.is_in_force(day)), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """A patron who owes enough in the window and is not referred, with the first reason."""

    candidate: Candidate
    reason: Reason

    @property
    def number(self) -> int:
        """The borrowernumber."""
        return self.candidate.patron.number


Rule = Callable[[Candidate, Section, date], bool]


def speaks_for(section: Section, candidate: Candidate) -> bool:
    """Whether the section speaks for the patron, or for some of the charges."""
    if section.charges_by == "patron":
        return section.enabled and section.scope.holds(candidate.patron.branch)
    return section.enabled and candidate.account.has_lines_here


def _category(candidate: Candidate, section: Section, _day: date) -> bool:
    policy, code = section.policy, candidate.patron.category.casefold()
    only, never = ({name.casefold() for name in names} for names in (policy.categories, policy.excluded_categories))
    type_is_excluded = candidate.patron.category_type in policy.excluded_category_types
    return bool(only and code not in only) or code in never or type_is_excluded


def is_minor(patron: Patron, policy: Policy, day: date) -> bool:
    """Whether the patron is known to be younger than an adult on this day."""
    born = known_birth(patron.born, day)
    return born is not None and age(born, day) < policy.adult_age


def _minor(candidate: Candidate, section: Section, day: date) -> bool:
    policy = section.policy
    if policy.minors == "include" or not is_minor(candidate.patron, policy, day):
        return False
    return policy.minors == "exclude" or candidate.patron.guardian is None


def _unknown_age(candidate: Candidate, section: Section, day: date) -> bool:
    policy, born = section.policy, known_birth(candidate.patron.born, day)
    return policy.minors != "include" and policy.unknown_birthdate == "exclude" and born is None


def had_notice(candidate: Candidate, policy: Policy, day: date) -> bool:
    """Whether a notice was sent on a day from that of the oldest counted debit to `prior_notice_days` before this one.

    Nobody needs one without a counted debit.
    """
    oldest, latest = candidate.account.oldest_charge, day - timedelta(days=policy.prior_notice_days)
    return oldest is None or any(oldest <= notice.sent_on <= latest for notice in candidate.records.notices)


def deferred_until(account: Account, policy: Policy) -> date | None:
    """The first day on which the patron's latest payment keeps nobody from being referred; None: there is none."""
    paid, days = account.last_payment, policy.defer_after_payment
    return paid + timedelta(days=days) if paid and days else None


def _paid_lately(candidate: Candidate, section: Section, day: date) -> bool:
    until = deferred_until(candidate.account, section.policy)
    return until is not None and day < until


RULES: dict[Reason, Rule] = {
    Reason.OTHER_SECTION: lambda candidate, section, _day: not speaks_for(section, candidate),
    Reason.IN_COLLECTIONS: lambda candidate, section, _day: (
        candidate.records.has_case(section) or candidate.records.is_held(section) or candidate.patron.is_flagged
    ),
    Reason.FLAG_IN_OTHER_USE: lambda candidate, _section, _day: flag_state(candidate.patron.flag) is FlagState.OTHER,
    Reason.PROTECTED: lambda candidate, _section, _day: candidate.patron.protected,
    Reason.EXEMPT: lambda candidate, section, _day: (
        section.policy.exemption is not None and flag_state(candidate.patron.exemption) is not FlagState.NO
    ),
    Reason.ON_HOLD: lambda candidate, _section, day: hold_of(candidate.patron, candidate.records, day) is not None,
    Reason.CATEGORY: _category,
    Reason.MINOR: _minor,
    Reason.UNKNOWN_AGE: _unknown_age,
    Reason.NO_LOST_CHARGE: lambda candidate, section, _day: (
        section.policy.require_lost_fee and not candidate.account.lost_charge
    ),
    Reason.NO_NOTICE: lambda candidate, section, day: (
        bool(section.policy.prior_notice) and not had_notice(candidate, section.policy, day)
    ),
    Reason.PAID_LATELY: _paid_lately,
    Reason.UNREACHABLE: lambda candidate, section, _day: (
        section.policy.unreachable == "exclude" and (candidate.patron.is_gone or not candidate.patron.has_contact)
    ),
    Reason.BELOW_THRESHOLD: lambda candidate, section, _day: candidate.account.owed < section.policy.threshold,
    Reason.BALANCE_BELOW_THRESHOLD: lambda candidate, section, _day: (
        min(candidate.account.balance, candidate.account.whole_balance) < section.policy.threshold
    ),
    Reason.LEFT_OUT: lambda candidate, _section, _day: (
        candidate.records.place is not None and candidate.records.place.is_left_out
    ),
    Reason.NOT_ON_THE_LIST: lambda candidate, _section, _day: (
        candidate.records.place is not None and candidate.records.place.row is None
    ),
}


def why_not(candidate: Candidate, section: Section, day: date) -> Reason | None:
    """The first reason why the section does not refer this patron on this day; None: it does."""
    return next((reason for reason, rule in RULES.items() if rule(candidate, section, day)), None)


def verdicts(candidate: Candidate, section: Section, day: date) -> dict[Reason, bool]:
    """Every rule with whether it keeps the patron out (for `explain`)."""
    return {reason: rule(candidate, section, day) for reason, rule in RULES.items()}
