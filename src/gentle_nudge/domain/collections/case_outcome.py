"""What becomes of an open case tonight: it goes on, is released, was ended by staff, or its patron is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.plan import Ending, Succession
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.collections.referral import NO_RECORDS, PatronRecords
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.patron import FlagState, Patron, flag_state
from gentle_nudge.domain.report_row import UpdateRow, case_row


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseFacts:
    """An open case with what Koha says of it tonight.

    `patron` is the one the case follows, None when gone from Koha; then `heir` is the patron that took over the
    recorded lines (merged cards), None when nobody did. `balance` (the section's) and `records` are of the patron or
    else the heir.
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


def judge(tonight: CaseFacts, section: Section) -> UpdateRow | Succession | Ending:
    """What becomes of this case; one that just goes on is no more than a row of the update."""
    person = tonight.person
    if person is None:
        return _ending(tonight, CaseState.DELETED, ZERO, why="the patron is gone from Koha")
    if tonight.heir and tonight.records.has_case(section):
        why = f"merged into patron {person.number}, who has an open case"
        return _ending(tonight, CaseState.MERGED, ZERO, why=why)
    if seems_withdrawn(tonight, section):
        return _ended_by_staff(tonight, section.policy)
    if is_released(tonight.balance, section.policy):
        why = f"owes {format_amount(tonight.balance)}, at or below {format_amount(section.policy.clear_at_or_below)}"
        return _ending(tonight, CaseState.RELEASED, released_due(tonight.balance, section.policy), why=why)
    row = as_before(tonight, section.policy)
    if tonight.heir is None:
        return row
    return Succession(facts=tonight, row=row, why=f"merged into patron {person.number}: the case goes on there")


def is_released(balance: Decimal, policy: Policy) -> bool:
    """Whether who owes this is released."""
    return policy.clear_paid and balance <= policy.clear_at_or_below


def seems_withdrawn(tonight: CaseFacts, section: Section) -> bool:
    """Whether the patron is there and the flag has gone; a field that never was this case's flag says nothing."""
    if tonight.patron is None or was_flagged_elsewhere(tonight, section):
        return False
    return flag_state(tonight.patron.flag) is FlagState.NO


def was_flagged_elsewhere(tonight: CaseFacts, section: Section) -> bool:
    """Whether the case was flagged in another field than the settings name now."""
    return tonight.case.flag not in {None, str(section.policy.flag)}


def as_before(tonight: CaseFacts, policy: Policy) -> UpdateRow:
    """The row of a case that goes on."""
    return case_row(tonight.case, tonight.person, shown(tonight.balance, policy))


def _ended_by_staff(tonight: CaseFacts, policy: Policy) -> Ending:
    state = CaseState.PAID if tonight.balance <= policy.clear_at_or_below else CaseState.WITHDRAWN
    why = f"the flag was taken off; owes {format_amount(tonight.balance)}"
    return _ending(tonight, state, last_word(tonight.balance, policy), why=why)


def _ending(tonight: CaseFacts, state: CaseState, due: Decimal | None, *, why: str) -> Ending:
    """The end of the case; merged into another one, its row no longer stands where a patron is."""
    person = None if state is CaseState.MERGED else tonight.person
    row = None if due is None else case_row(tonight.case, person, due)
    return Ending(facts=tonight, state=state, row=row, why=why)


def released_due(balance: Decimal, policy: Policy) -> Decimal:
    """The due that the agency is told of a released case."""
    return ZERO if policy.released_due == "zero" else shown(balance, policy)


def last_word(balance: Decimal, policy: Policy) -> Decimal | None:
    """The due that the agency is told of a case that staff ended; None: nothing."""
    match policy.withdrawn_due:
        case "zero":
            return ZERO
        case "balance":
            return shown(balance, policy)
        case "none":
            return None


def shown(balance: Decimal, policy: Policy) -> Decimal:
    """The balance as the update shows it: a credit as it is, or as zero."""
    return max(balance, ZERO) if policy.negative_due == "zero" else balance


def lists_everybody(policy: Policy, day: date) -> bool:
    """Whether the update of this day lists every open case."""
    return policy.update_lists == "all" or (
        policy.full_update_on is not None and day.weekday() == policy.full_update_on
    )
