"""What a decision changes of restrictions: it depends on those that Koha has under lock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from gentle_nudge.domain.actions import LiftRestriction, Restrict
from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.plan import (
    Adoption,
    Decision,
    Ending,
    Pause,
    Referral,
    Reopening,
    Resumption,
    Succession,
)
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.collections.referral import PatronRecords
from gentle_nudge.domain.patron import Restriction


@dataclass(frozen=True, kw_only=True, slots=True)
class Holdings:
    """The restrictions of one patron as Koha has them under lock; `recorded` are the ids of those kept with cases."""

    patron: int
    today: date
    restrictions: tuple[Restriction, ...] = ()
    recorded: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordRestriction:
    """Record a restriction of ours that was there before with the case just opened for this patron.

    `case` is one opened again; None for a new one.
    """

    patron: int
    restriction: Restriction
    case: int | None = None


def restriction_changes(
    decision: Decision, holdings: Holdings, section: Section
) -> Iterator[Restrict | LiftRestriction | RecordRestriction]:
    """The changes of restrictions, which depend on those found under lock."""
    policy = section.policy
    match decision:
        case Referral() if policy.add_restriction:
            if restriction := active_restriction_of_ours(holdings, policy):
                yield record_restriction(restriction, holdings.patron, policy)
            else:
                comment = policy.comment(decision.day)
                yield Restrict(patron=holdings.patron, type=policy.restriction_type, comment=comment)
        case Adoption():
            if restriction := active_restriction_of_ours(holdings, policy):
                yield record_restriction(restriction, holdings.patron, policy)
            if decision.released and policy.remove_restriction:
                yield from lift(holdings, None, decision.candidate.records, section)
        case Reopening():
            yield from restrict_again(decision, holdings, policy)
        case Ending(state=CaseState.RELEASED | CaseState.PAID, facts=facts) if policy.remove_restriction:
            yield from lift(holdings, facts.case, facts.records, section)
        case Referral() | Succession() | Pause() | Resumption() | Ending():
            pass


def is_still_restricted(decision: Decision, holdings: Holdings, section: Section) -> bool:
    """Whether a restriction of ours stays active although this decision ends a case that was paid.

    It may stay for an open case of another section.
    """
    match decision:
        case Ending(state=CaseState.RELEASED | CaseState.PAID, facts=facts):
            records, recorded = facts.records, {*holdings.recorded, facts.case.restriction or 0}
        case Adoption(released=True):
            records, recorded = decision.candidate.records, {*holdings.recorded}
        case Referral() | Adoption() | Reopening() | Succession() | Pause() | Resumption() | Ending():
            return False
    if records.restriction_is_needed(section):
        return False
    changes = restriction_changes(decision, holdings, section)
    lifted = {action.restriction.id for action in changes if isinstance(action, LiftRestriction)}
    left = replace(
        holdings,
        restrictions=tuple(each for each in holdings.restrictions if each.id not in lifted),
        recorded=frozenset(recorded),
    )
    return active_restriction_of_ours(left, section.policy) is not None


def restrict_again(reopening: Reopening, holdings: Holdings, policy: Policy) -> Iterator[Restrict | RecordRestriction]:
    """Record the restriction of ours that is still active, or else restrict as at a referral.

    The case's own stays recorded as it was made: if staff have changed it, it is theirs.
    """
    case, patron = reopening.case, holdings.patron
    recorded = holdings.recorded | {case.restriction or 0}
    restriction = active_restriction_of_ours(replace(holdings, recorded=recorded), policy)
    if restriction and restriction.id == case.restriction:
        kind = case.restriction_type or policy.restriction_type
        as_made = replace(restriction, type=kind, comment=case.restriction_comment)
        yield RecordRestriction(patron=patron, restriction=as_made, case=case.id)
    elif restriction:
        yield replace(record_restriction(restriction, patron, policy), case=case.id)
    elif policy.add_restriction:
        yield Restrict(patron=patron, type=policy.restriction_type, comment=policy.comment(reopening.day))


def record_restriction(restriction: Restriction, patron: int, policy: Policy) -> RecordRestriction:
    """Record it with the patron's new case; a comment that staff wrote is not ours to compare with."""
    comment = restriction.comment if policy.made_this_comment(restriction.comment) else None
    return RecordRestriction(patron=patron, restriction=replace(restriction, comment=comment))


def lift(holdings: Holdings, case: Case | None, records: PatronRecords, section: Section) -> Iterator[LiftRestriction]:
    """Delete our restrictions, unless another open case needs them."""
    if not records.restriction_is_needed(section):
        for restriction in holdings.restrictions:
            if _may_be_lifted(restriction, case, section.policy, holdings.today):
                yield LiftRestriction(patron=holdings.patron, restriction=restriction)


def active_restriction_of_ours(holdings: Holdings, policy: Policy) -> Restriction | None:
    """An active restriction that is ours: recorded with a case of the patron, or with our whole comment."""
    for restriction in holdings.restrictions:
        ours = restriction.id in holdings.recorded or policy.made_this_comment(restriction.comment)
        if ours and restriction.is_active(holdings.today):
            return restriction
    return None


def _may_be_lifted(restriction: Restriction, case: Case | None, policy: Policy, today: date) -> bool:
    """Whether this active restriction is ours and, if recorded with the case, as it was then."""
    if not restriction.is_active(today):
        return False
    if case is None or restriction.id != case.restriction:
        return policy.made_this_comment(restriction.comment)
    comment = case.restriction_comment
    as_it_was = restriction.comment == comment if comment else policy.made_this_comment(restriction.comment)
    same_type = restriction.type == (case.restriction_type or policy.restriction_type)
    return as_it_was and same_type and restriction.expires is None
