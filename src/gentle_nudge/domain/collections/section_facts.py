"""Everything gathered about one section, and accounts that are passed over because their sums are too large."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date

from gentle_nudge.domain.collections.case_outcome import CaseFacts, last_row
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate, PatronRecords, Reason
from gentle_nudge.domain.collections.reopening import ClosedCase
from gentle_nudge.domain.hold import NO_CHANGES, HoldChanges
from gentle_nudge.domain.money import can_be_kept
from gentle_nudge.domain.patron import Patron


@dataclass(frozen=True, kw_only=True, slots=True)
class Adoptee:
    """A patron whose flag says yes without a case; `referred_on` as far as Koha tells."""

    candidate: Candidate
    referred_on: date | None = None


def is_adoptee(patron: Patron, records: PatronRecords, section: Section) -> bool:
    """Whether the patron is the section's, the flag says yes, and no case is open in a section with this flag.

    The flag of an anonymized patron was left behind.
    """
    ours = section.scope.holds(patron.branch) or (section.charges_by != "patron" and section.enabled)
    return ours and patron.is_flagged and not patron.anonymized and not records.has_flag_of(section)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything gathered about one section; `last_words` are closed cases the agency is still to be told of.

    `closed` are the closed cases that may have to be opened again, `elsewhere` the patrons whose case another section
    opens again. `holds` is what has become of the holds since the last night.

    `cases` and then `candidates` are iterated once, so that they may be read meanwhile and are never in memory all at
    once. Two are asked last: how many others owe something in the window (`owing_less`), and how many owe enough there
    and are left out for a reason that needs no look at them (`left_out`).
    """

    candidates: Iterable[Candidate] = ()
    owing_less: Callable[[], int] = int  # which is 0
    left_out: Callable[[], Mapping[Reason, int]] = dict
    cases: Iterable[CaseFacts] = ()
    last_words: tuple[CaseFacts, ...] = ()
    adoptees: tuple[Adoptee, ...] = ()
    closed: tuple[ClosedCase, ...] = ()
    elsewhere: AbstractSet[int] = frozenset()
    holds: HoldChanges = NO_CHANGES


def passing_over(section: Section, evidence: Evidence, noted: set[int]) -> Evidence:
    """The evidence without accounts whose sums are too large to be kept; while it is read their patrons are noted.

    Last words of which nobody may be told are left out too.
    """

    def keeps(number: int, *, fits: bool) -> bool:
        if not fits:
            noted.add(number)
        return fits

    def keeps_account(candidate: Candidate) -> bool:
        return keeps(candidate.patron.number, fits=candidate.account.can_be_kept)

    def keeps_case(facts: CaseFacts) -> bool:
        return keeps(facts.person.number if facts.person else 0, fits=can_be_kept(facts.balance))

    def keeps_last_word(facts: CaseFacts) -> bool:
        row, may_be_told = last_row(section, facts), facts.case.section not in section.frees
        return may_be_told and keeps(row.patron if row else 0, fits=row is None or can_be_kept(row.due))

    return replace(
        evidence,
        candidates=filter(keeps_account, evidence.candidates),
        cases=filter(keeps_case, evidence.cases),
        last_words=tuple(filter(keeps_last_word, evidence.last_words)),
        adoptees=tuple(adoptee for adoptee in evidence.adoptees if keeps_account(adoptee.candidate)),
        closed=tuple(closed for closed in evidence.closed if keeps_account(closed.candidate)),
    )


def passed_over(patrons: AbstractSet[int]) -> tuple[str, ...]:
    """A sentence about each patron whose account is passed over."""
    why = "the account is passed over, because its sums are too large to be kept; mend its charges in Koha"
    return tuple(f"patron number {number}: {why}" for number in sorted(patrons))
