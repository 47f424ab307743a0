"""What each decision changes in our cases, and of flags and fees in Koha."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TypeVar

from gentle_nudge.domain.actions import ChargeFee, ClearFlag, LiftRestriction, Restrict, SetFlag
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
from gentle_nudge.domain.collections.restriction import RecordRestriction
from gentle_nudge.domain.patron import FlagRow, FlagState, Patron, flag_state

A = TypeVar("A")


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCase:
    """Open a case with its flag field, None if that is unknown, and the restriction that is made for it."""

    decision: Referral | Adoption
    restriction_type: str
    flag: str | None = None
    restriction_comment: str | None = None

    @property
    def patron(self) -> int:
        """The borrowernumber."""
        return self.decision.number


@dataclass(frozen=True, kw_only=True, slots=True)
class ReopenCase:
    """Open a closed case again for this patron, with its flag field and the restriction that is made for it."""

    case: int
    patron: int
    used_before: int
    why: str
    flag: str
    restriction_type: str
    restriction_comment: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CloseCase:
    """Close a case in this state, for this reason; `case` is None for one that the same run opens.

    `waiting` is the due of a last word that nobody may be told yet.
    """

    case: int | None
    patron: int
    state: CaseState
    why: str
    waiting: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowCase:
    """The case goes on with the patron that took over its lines; `used_before` is this patron's."""

    case: int
    patron: int
    used_before: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseCase:
    """The open case is paused since this day; None: it is paused no more."""

    case: int
    since: date | None


Action = (
    Restrict
    | LiftRestriction
    | SetFlag
    | ClearFlag
    | ChargeFee
    | OpenCase
    | ReopenCase
    | CloseCase
    | FollowCase
    | PauseCase
    | RecordRestriction
)


def of(actions: Iterable[object], kind: type[A]) -> list[A]:
    """The actions of one kind, in order."""
    return [action for action in actions if isinstance(action, kind)]


def flag_changes(actions: Iterable[Action]) -> list[SetFlag | ClearFlag]:
    """The changes of flags, in order."""
    return [action for action in actions if isinstance(action, SetFlag | ClearFlag)]


def planned_changes(decision: Decision, section: Section) -> Iterator[Action]:
    """The changes of flag, fee and case, which the decision alone calls for: known before anything is locked."""
    policy = section.policy
    open_case = partial(OpenCase, flag=str(policy.flag), restriction_type=policy.restriction_type)
    match decision:
        case Referral():
            yield from set_flag(decision.patron, policy)
            yield from charge_fee(decision, policy)
            yield open_case(decision=decision, restriction_comment=policy.comment(decision.day))
        case Adoption():
            yield open_case(decision=decision)
            if decision.released:
                yield from clear_flag(decision.patron, decision.candidate.records, section)
                yield CloseCase(case=None, patron=decision.number, state=CaseState.RELEASED, why=decision.why)
        case Reopening():
            yield from set_flag(decision.patron, policy)
            yield ReopenCase(
                case=decision.case.id,
                patron=decision.number,
                used_before=decision.patron.used_before,
                why=decision.why,
                flag=str(policy.flag),
                restriction_type=policy.restriction_type,
                restriction_comment=policy.comment(decision.day),
            )
        case Succession():
            yield from go_on_with_heir(decision, policy)
        case Pause() | Resumption():
            yield PauseCase(case=decision.case.id, since=decision.paused_on)
        case Ending():
            yield from end_case(decision, section)


def go_on_with_heir(succession: Succession, policy: Policy) -> Iterator[Action]:
    """The case follows the heir, who is flagged; it is paused no more if the agency is told of it."""
    facts = succession.facts
    if facts.heir:
        yield follow_case(facts.case, facts.heir)
        yield from set_flag(facts.heir, policy)
    if facts.case.paused_on and succession.row:
        yield PauseCase(case=facts.case.id, since=None)


def end_case(ending: Ending, section: Section) -> Iterator[Action]:
    """The case is closed; if it is released, the flag says no."""
    facts, is_released = ending.facts, ending.state is CaseState.RELEASED
    if is_released and facts.heir:
        yield follow_case(facts.case, facts.heir)
    if is_released and facts.person:
        yield from clear_flag(facts.person, facts.records, section)
    yield CloseCase(
        case=facts.case.id,
        patron=ending.number,
        state=ending.state,
        why=ending.why,
        waiting=ending.waiting,
    )


def follow_case(case: Case, heir: Patron) -> FollowCase:
    """Let the case go on with the heir."""
    return FollowCase(case=case.id, patron=heir.number, used_before=heir.used_before)


def charge_fee(referral: Referral, policy: Policy) -> Iterator[ChargeFee]:
    """Charge the processing fee, if there is one."""
    if referral.fee > 0:
        yield ChargeFee(
            patron=referral.number,
            amount=referral.fee,
            type=policy.fee_debit_type,
            description=policy.fee_description,
            branch={"none": None, "patron": referral.patron.branch}.get(policy.fee_branch, policy.fee_branch),
        )


def set_flag(patron: Patron, policy: Policy) -> Iterator[SetFlag]:
    """Make the flag say yes, unless it does already or is in other use."""
    if flag_state(patron.flag) is FlagState.NO:
        lowest = min(patron.flag, key=lambda row: row.row or 0, default=FlagRow(row=None, value=None))
        yield SetFlag(patron=patron.number, flag=policy.flag, before=lowest)


def clear_flag(patron: Patron, records: PatronRecords, section: Section) -> Iterator[ClearFlag]:
    """Make every row of the flag that says yes say no, unless another open case needs it."""
    if not records.flag_is_needed(section):
        for row in patron.flag:
            if flag_state((row,)) is FlagState.YES:
                yield ClearFlag(patron=patron.number, flag=section.policy.flag, before=row)
