"""What becomes of an open case tonight: it goes on, is released, was ended by staff, or its patron is gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.plan import Decision, Outcome
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.patron import FlagState, Patron, flag_state
from gentle_nudge.domain.report_row import case_row

ENDING = {
    Outcome.RELEASED: CaseState.RELEASED,
    Outcome.PAID: CaseState.PAID,
    Outcome.WITHDRAWN: CaseState.WITHDRAWN,
    Outcome.MERGED: CaseState.MERGED,
    Outcome.DELETED: CaseState.DELETED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseFacts:
    """An open case with what Koha says of it tonight.

    `patron` is the one the case follows, None when gone from Koha; then `heir` is the patron that took over the
    recorded lines (merged cards), None when nobody did. `balance` is the section's, of the patron or else the heir.
    """

    case: Case
    patron: Patron | None
    balance: Decimal = ZERO
    heir: Patron | None = None
    heir_has_case: bool = False


def judge(tonight: CaseFacts, section: Section) -> Decision:
    """What becomes of this case: one decision, with the row the update shows."""
    if tonight.patron is None:
        return _gone(tonight, section)
    if seems_withdrawn(tonight, section):
        return _ended_by_staff(tonight, tonight.patron, section.policy)
    return _goes_on(tonight, tonight.patron, section.policy)


def seems_withdrawn(tonight: CaseFacts, section: Section) -> bool:
    """Whether the patron is there and the flag has gone; a field that never was this case's flag says nothing."""
    if tonight.patron is None or was_flagged_elsewhere(tonight, section):
        return False
    return flag_state(tonight.patron.flag) is FlagState.NO


def was_flagged_elsewhere(tonight: CaseFacts, section: Section) -> bool:
    """Whether the case was flagged in another field than the settings name now."""
    return tonight.case.flag not in {None, str(section.policy.flag)}


def as_before(tonight: CaseFacts, section: Section) -> Decision:
    """The case goes on although its flag has gone: so many at once look like an accident."""
    due = shown(tonight.balance, section.policy)
    why = "the flag has gone, with too many others"
    return _decision(tonight, tonight.patron, Outcome.KEPT, why=why, due=due)


def _gone(tonight: CaseFacts, section: Section) -> Decision:
    heir, case = tonight.heir, tonight.case
    if heir is None:
        return _decision(tonight, None, Outcome.DELETED, why="the patron is gone from Koha", due=ZERO)
    if tonight.heir_has_case:
        why = f"merged into patron {heir.number}, who has an open case"
        return _decision(tonight, None, Outcome.MERGED, why=why, due=ZERO)
    going_on = _goes_on(tonight, heir, section.policy)
    if going_on.outcome is Outcome.KEPT:
        why = f"merged into patron {heir.number}: the case goes on there"
        going_on = replace(going_on, outcome=Outcome.FOLLOWED, why=why)
    return replace(going_on, follows=heir.number, patron=case.patron or 0)


def _goes_on(tonight: CaseFacts, patron: Patron, policy: Policy) -> Decision:
    if not (policy.clear_paid and tonight.balance <= policy.clear_at_or_below):
        why = "the case goes on"
        return _decision(tonight, patron, Outcome.KEPT, why=why, due=shown(tonight.balance, policy))
    why = f"owes {format_amount(tonight.balance)}, at or below {format_amount(policy.clear_at_or_below)}"
    due = ZERO if policy.released_due == "zero" else shown(tonight.balance, policy)
    return _decision(tonight, patron, Outcome.RELEASED, why=why, due=due)


def _ended_by_staff(tonight: CaseFacts, patron: Patron, policy: Policy) -> Decision:
    outcome = Outcome.PAID if tonight.balance <= policy.clear_at_or_below else Outcome.WITHDRAWN
    why = f"the flag was taken off; owes {format_amount(tonight.balance)}"
    return _decision(tonight, patron, outcome, why=why, due=last_word(tonight.balance, policy))


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


def _decision(
    tonight: CaseFacts, patron: Patron | None, outcome: Outcome, *, why: str, due: Decimal | None
) -> Decision:
    case = tonight.case
    return Decision(
        patron=case.patron or 0,
        case=case,
        outcome=outcome,
        why=why,
        amount=tonight.balance if patron else ZERO,
        ends=ENDING.get(outcome),
        row=None if due is None else case_row(case, patron, due),
    )


def lists_everybody(policy: Policy, day: date) -> bool:
    """Whether the update of this day lists every open case."""
    return policy.update_lists == "all" or (
        policy.full_update_on is not None and day.weekday() == policy.full_update_on
    )
