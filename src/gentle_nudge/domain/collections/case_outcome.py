"""What becomes of an open case tonight: it goes on, is released, was ended by staff, or its patron is gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.plan import CaseDecision, Ending, Pause, Resumption, Succession
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.collections.referral import NO_RECORDS, PatronRecords, hold_of
from gentle_nudge.domain.hold import Hold
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.patron import FlagState, Patron, flag_state
from gentle_nudge.domain.report_row import UpdateRow, case_row

# Ended without a payment that we have seen, while the patron is still in Koha.
ENDED_BY_OTHERS = (CaseState.WITHDRAWN, CaseState.PAID, CaseState.ANONYMIZED)


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseFacts:
    """A case with what Koha says of it tonight.

    `patron` is the one the case follows, None when gone from Koha, even if somebody else has the number now; then
    `heir` is the patron that took over the recorded lines (merged cards), None when nobody did. `balance` (the
    section's) and `records` are of the patron or else the heir.
    """

    case: Case
    patron: Patron | None
    heir: Patron | None = None
    balance: Decimal = ZERO
    records: PatronRecords = NO_RECORDS

    @property
    def person(self) -> Patron | None:
        """The patron, or else the heir."""
        return self.patron or self.heir


# A row: the case just goes on. None: so it does, but the agency hears nothing of it, because its patron is on hold.
Outcome = UpdateRow | CaseDecision | None


def outcome_of(facts: CaseFacts, section: Section, day: date) -> Outcome:
    """What becomes of this open case of the section, or of one whose section is gone and that it frees."""
    return judge_held(facts, section) if facts.case.section in section.frees else judge(facts, section, day)


def judge(facts: CaseFacts, section: Section, day: date) -> Outcome:
    """What becomes of this open case."""
    person, policy, owes = facts.person, section.policy, f"owes {format_amount(facts.balance)}"
    if person is None:
        return _ending(facts, CaseState.DELETED, ZERO, why="the patron is gone from Koha")
    if facts.heir and facts.records.has_case(section):
        why = f"merged into patron {person.number}, who has an open case"
        return _ending(facts, CaseState.MERGED, ZERO, why=why)
    if person.anonymized or seems_withdrawn(facts, section):
        state = CaseState.PAID if facts.balance <= policy.clear_at_or_below else CaseState.WITHDRAWN
        why = f"the flag was taken off; {owes}"
        if person.anonymized:
            state, why = CaseState.ANONYMIZED, "the patron was anonymized in Koha"
        return _ending(facts, state, last_word(facts.balance, policy), why=why)
    if is_released(facts.balance, policy):
        return _ending(facts, CaseState.RELEASED, released_due(facts.balance, policy), why=_why_released(facts, policy))
    return go_on(facts, person, policy, day)


def go_on(facts: CaseFacts, person: Patron, policy: Policy, day: date) -> Outcome:
    """How an open case of this patron or heir goes on: as before, with the heir, paused or resumed."""
    hold, row = hold_of(person, facts.records, day), as_before(facts, policy)
    if facts.heir:
        return _succession(facts, facts.heir, None if hold else row)
    if hold is None:
        return row if facts.case.paused_on is None else resume(facts, row)
    if facts.case.paused_on is None:
        return pause(facts, hold, policy, day)
    return row_on_hold(facts, policy) if facts.case.to_report else None


def pause(facts: CaseFacts, hold: Hold, policy: Policy, day: date) -> Pause:
    """The case is paused; a reason that staff wrote into Koha's field stays there."""
    until = f" until {hold.until}" if hold.until else ""
    why = f"on hold{until}: {hold.reason}" if hold.is_by_person else f"on hold{until} by {policy.hold}"
    row = row_on_hold(facts, policy)
    return Pause(facts=facts, why=why, row=row, paused_on=day, is_by_person=hold.is_by_person)


def resume(facts: CaseFacts, row: UpdateRow) -> Resumption:
    """The case is told of again, even if nothing but the hold has changed."""
    why = f"the hold is over; paused since {facts.case.paused_on}"
    return Resumption(facts=facts, why=why, row=replace(row, marked=True))


def row_on_hold(facts: CaseFacts, policy: Policy) -> UpdateRow | None:
    """The row of an open case on hold, as `hold_due` says; None if the agency is told nothing."""
    if policy.hold_due == "none":
        return None
    due = shown(facts.balance, policy) if policy.hold_due == "balance" else ZERO
    return replace(case_row(facts.case, facts.person, due), marked=True)


def is_in_syncs(facts: CaseFacts, day: date) -> bool:
    """Whether syncs list this open case: not while its patron is on hold.

    One that Koha's field alone keeps back is listed until an update has paused it: the fuse on pauses may forbid that.
    """
    hold = hold_of(facts.person, facts.records, day) if facts.person else None
    return hold is None or not (hold.is_by_person or facts.case.paused_on)


def _why_released(facts: CaseFacts, policy: Policy) -> str:
    return f"owes {format_amount(facts.balance)}, at or below {format_amount(policy.clear_at_or_below)}"


def _succession(facts: CaseFacts, heir: Patron, row: UpdateRow | None) -> Succession:
    return Succession(facts=facts, row=row, why=f"merged into patron {heir.number}: the case goes on there")


def is_somebody_else(case: Case, patron: Patron) -> bool:
    """Whether Koha has deleted the case's patron and given the number to this one.

    Older servers forget at a restart that they have given a number, if it was the last one and its row is deleted.
    """
    return patron.used_before > case.used_before


def judge_held(facts: CaseFacts, section: Section) -> Outcome:
    """What becomes of an open case of which nobody may be told; only a payment ends it, and its last word waits.

    With another open case it stays as it is: part of the balance is told there.
    """
    person, policy = facts.person, section.policy
    if person and not facts.records.open_cases:
        if is_released(facts.balance, policy):
            due, why = released_due(facts.balance, policy), _why_released(facts, policy)
            return Ending(facts=facts, state=CaseState.RELEASED, row=None, waiting=due, why=why)
        if facts.heir:
            return _succession(facts, facts.heir, None)
    return as_before(facts, policy)


def is_released(balance: Decimal, policy: Policy) -> bool:
    """Whether a patron with this balance is released."""
    return policy.clear_paid and balance <= policy.clear_at_or_below


def seems_withdrawn(facts: CaseFacts, section: Section) -> bool:
    """Whether the patron is there and the flag is gone; only the field in which the case was flagged counts."""
    if facts.patron is None or was_flagged_elsewhere(facts, section):
        return False
    return flag_state(facts.patron.flag) is FlagState.NO


def was_flagged_elsewhere(facts: CaseFacts, section: Section) -> bool:
    """Whether the case was flagged in another field than the settings name now."""
    return facts.case.flag not in {None, str(section.policy.flag)}


def as_before(facts: CaseFacts, policy: Policy) -> UpdateRow:
    """The row of a case that goes on."""
    return case_row(facts.case, facts.person, shown(facts.balance, policy))


def _ending(facts: CaseFacts, state: CaseState, due: Decimal | None, *, why: str) -> Ending:
    """The end of the case. The row of a merged case stands with the patrons gone from Koha."""
    person = None if state is CaseState.MERGED else facts.person
    row = None if due is None else case_row(facts.case, person, due)
    return Ending(facts=facts, state=state, row=row, why=why)


def released_due(balance: Decimal, policy: Policy) -> Decimal:
    """The due in the last row of a released case."""
    return ZERO if policy.released_due == "zero" else shown(balance, policy)


def last_word(balance: Decimal, policy: Policy) -> Decimal | None:
    """The due in the last row of a case that staff ended, or an anonymized one; None: there is no row."""
    if policy.withdrawn_due == "balance":
        return shown(balance, policy)
    return ZERO if policy.withdrawn_due == "zero" else None


def shown(balance: Decimal, policy: Policy) -> Decimal:
    """The balance as the update shows it: a credit as it is, or as zero."""
    return max(balance, ZERO) if policy.negative_due == "zero" else balance


def lists_everybody(policy: Policy, day: date) -> bool:
    """Whether the update of this day lists every open case."""
    return policy.update_lists == "all" or day.weekday() == policy.full_update_on


def last_row(section: Section, facts: CaseFacts) -> UpdateRow | None:
    """The last row of a closed case; None if the agency is told nothing of it."""
    due = facts.case.last_due if facts.case.last_word is None else facts.case.last_word
    if facts.case.state in ENDED_BY_OTHERS:
        due = last_word(facts.balance if facts.patron else ZERO, section.policy)
    return None if due is None else case_row(facts.case, facts.patron, due)
