"""What each decision changes in Koha and in our cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.actions import ChargeFee, ClearFlag, ForgiveFee, LiftRestriction, Restrict, SetFlag
from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.plan import Decision, Outcome
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.ledger import Line
from gentle_nudge.domain.patron import FlagRow, FlagState, Patron, Restriction, flag_state


@dataclass(frozen=True, kw_only=True, slots=True)
class Holdings:
    """What one patron has that a decision may touch, as of today.

    `flag` and `restrictions` are as Koha has them now, `recorded` the ids of restrictions recorded with cases.
    `flag_needed`, `restriction_needed`: another open case uses the same field, or needs the restriction.
    """

    patron: Patron
    today: date
    restrictions: tuple[Restriction, ...] = ()
    recorded: frozenset[int] = frozenset()
    flag_needed: bool = False
    restriction_needed: bool = False


def consequences(decision: Decision, held: Holdings | None, section: Section, day: date) -> Iterator[Action]:
    """The actions that carry this decision out.

    `held` is None when the patron is gone from Koha, and while nothing of Koha is touched yet: then only what changes
    in our own tables.
    """
    policy, case = section.policy, decision.case
    if decision.follows and case:
        yield FollowCase(case=case.id, patron=decision.follows)
    match decision.outcome:
        case Outcome.REFERRED if held:
            yield from _refer(decision, held, policy, day)
        case Outcome.REFERRED:
            yield opening(decision, policy)
        case Outcome.ADOPTED:
            yield opening(decision, policy, active_restriction_of_ours(held, policy) if held else None)
        case Outcome.FOLLOWED if held:
            yield from set_flag(held, policy)
        case _:
            pass
    if decision.ends:
        if held and decision.outcome in {Outcome.RELEASED, Outcome.ADOPTED}:
            yield from release(held, case, policy)
        yield CloseCase(case=case.id if case else None, patron=decision.patron, state=decision.ends, why=decision.why)


def _refer(decision: Decision, held: Holdings, policy: Policy, day: date) -> Iterator[Action]:
    found = active_restriction_of_ours(held, policy) if policy.add_restriction else None
    if policy.add_restriction and found is None:
        yield Restrict(patron=decision.patron, type=policy.restriction_type, comment=policy.comment(day))
    yield from set_flag(held, policy)
    if decision.fee > 0:
        yield ChargeFee(
            patron=decision.patron,
            amount=decision.fee,
            type=policy.fee_debit_type,
            description=policy.fee_description,
            branch=fee_branch(policy, held.patron),
        )
    yield opening(decision, policy, found)


def opening(decision: Decision, policy: Policy, found: Restriction | None = None) -> OpenCase:
    """The case of a patron who is referred or adopted; `found` is a restriction of ours that was there before."""
    if decision.candidate is None:
        raise AssertionError("nobody is referred or adopted without having been looked at")
    patron, account = decision.candidate.patron, decision.candidate.account
    referred = decision.outcome is Outcome.REFERRED
    comment = policy.comment(decision.referred_on) if referred and decision.referred_on else None
    if found:
        comment = found.comment if policy.made_this_comment(found.comment) else None
    return OpenCase(
        patron=patron,
        referred_on=decision.referred_on,
        adopted=not referred,
        owed=account.owed if referred else None,
        balance=account.balance if referred else None,
        fee=decision.fee if referred else None,
        lines=account.lines,
        flag=str(policy.flag),
        restriction=found.id if found else None,
        restriction_type=found.type if found else policy.restriction_type,
        restriction_comment=comment,
        total=decision.amount + decision.fee,
    )


def fee_branch(policy: Policy, patron: Patron) -> str | None:
    """The library the fee is booked to."""
    return {"none": None, "patron": patron.branch}.get(policy.fee_branch, policy.fee_branch)


def set_flag(held: Holdings, policy: Policy) -> Iterator[SetFlag]:
    """Make the flag say yes, unless it does already or is in other use."""
    rows = held.patron.flag
    if flag_state(rows) is FlagState.NO:
        lowest = min(rows, key=lambda row: row.row or 0, default=FlagRow(row=None, value=None))
        yield SetFlag(patron=held.patron.number, flag=policy.flag, before=lowest)


def release(held: Holdings, case: Case | None, policy: Policy) -> Iterator[Action]:
    """Take the flag off and, if the policy says so, our restrictions, unless another open case needs them."""
    if not held.flag_needed:
        for row in held.patron.flag:
            if row.says is FlagState.YES:
                yield ClearFlag(patron=held.patron.number, flag=policy.flag, before=row)
    if policy.remove_restriction and not held.restriction_needed:
        for restriction in held.restrictions:
            if _may_be_lifted(restriction, case, policy, held.today):
                yield LiftRestriction(patron=held.patron.number, restriction=restriction)


def active_restriction_of_ours(held: Holdings, policy: Policy) -> Restriction | None:
    """An active restriction that is ours: recorded with a case of the patron, or with our whole comment."""
    return next(
        (r for r in held.restrictions if r.is_active(held.today) and _is_ours(r, held, policy)),
        None,
    )


def _is_ours(restriction: Restriction, held: Holdings, policy: Policy) -> bool:
    return restriction.id in held.recorded or policy.made_this_comment(restriction.comment)


def _may_be_lifted(restriction: Restriction, case: Case | None, policy: Policy, today: date) -> bool:
    """Whether this active restriction is ours and, if recorded with the case, as it was then."""
    if not restriction.is_active(today):
        return False
    if case is None or restriction.id != case.restriction:
        return policy.made_this_comment(restriction.comment)
    as_it_was = (
        restriction.comment == case.restriction_comment
        if case.restriction_comment
        else policy.made_this_comment(restriction.comment)
    )
    same_type = restriction.type == (case.restriction_type or policy.restriction_type)
    return as_it_was and same_type and restriction.expires is None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCase:
    """Open a case; `restriction` is one of ours found in place, None when one is made or none is wanted."""

    patron: Patron
    referred_on: date | None
    adopted: bool = False
    owed: Decimal | None = None
    balance: Decimal | None = None
    fee: Decimal | None = None
    lines: tuple[Line, ...] = ()
    flag: str | None = None
    restriction: int | None = None
    restriction_type: str | None = None
    restriction_comment: str | None = None
    total: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CloseCase:
    """Close a case in this state, for this reason; `case` is None for one that the same run opens."""

    case: int | None
    patron: int
    state: CaseState
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowCase:
    """The case goes on with the patron that took over its lines."""

    case: int
    patron: int


Action = Restrict | LiftRestriction | SetFlag | ClearFlag | ChargeFee | OpenCase | CloseCase | FollowCase | ForgiveFee
