"""What holds on every evening, whatever the library's policy and whoever is in it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.actions import ChargeFee, ClearFlag, SetFlag
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.changes import (
    Action,
    CloseCase,
    FollowCase,
    Holdings,
    OpenCase,
    ReopenCase,
    planned_changes,
    restriction_changes,
)
from gentle_nudge.domain.collections.ending_fuse import EndingsThatCount, most_endings
from gentle_nudge.domain.collections.judgement import plan_night
from gentle_nudge.domain.collections.plan import Adoption, Decision, Ending, Plan, Referral, Reopening, heir_of
from gentle_nudge.domain.collections.submission_day import Due
from gentle_nudge.domain.patron import FlagRow, FlagState, Patron, flag_state
from tests.builders.values import a_section
from tests.unit.domain.collections.worlds import World, limits, worlds

T = TypeVar("T")
NO_LIMITS = Due(submission_due=True)
BALANCES = a_section(clear_paid=True, withdrawn_due="balance")

any_limits = st.builds(
    Due,
    submission_due=st.booleans(),
    most_referrals=limits,
    lifted_to=limits,
    most_adoptions=limits,
    most_endings=limits | st.just("usual"),
    endings_lifted_to=limits,
)


def night(world: World, limits: Due = NO_LIMITS) -> Plan:
    return replace(plan_night(world.section, world.day, world.evidence, limits), order=world.order)


def referred(plan: Plan) -> set[int]:
    return {referral.number for referral in plan.of(Referral)}


def in_order(decisions: Iterable[Decision]) -> list[Decision]:
    return sorted(decisions, key=lambda decision: (decision.number, type(decision).__name__))


def shuffled(some: Iterable[T], chance: Random) -> tuple[T, ...]:
    all_of_it = tuple(some)
    return tuple(chance.sample(all_of_it, len(all_of_it)))


def actions(world: World, plan: Plan) -> list[Action]:
    done: list[Action] = []
    for decision in plan.decisions:
        held = Holdings(patron=heir_of(decision) or decision.number, today=world.day)
        done += planned_changes(decision, world.section)
        done += restriction_changes(decision, held, world.section)
    return done


# The same evidence, the same night


@given(worlds(), any_limits, st.randoms(use_true_random=False))
def test_the_order_of_the_evidence_does_not_matter(world: World, limits: Due, chance: Random) -> None:
    found = world.evidence
    turned = replace(
        found,
        candidates=shuffled(found.candidates, chance),
        cases=shuffled(found.cases, chance),
        last_words=shuffled(found.last_words, chance),
        adoptees=shuffled(found.adoptees, chance),
        closed=shuffled(found.closed, chance),
    )
    plan = night(world, limits)
    other = night(replace(world, evidence=turned), limits)
    assert in_order(plan.decisions) == in_order(other.decisions)
    assert in_order(plan.held) == in_order(other.held)
    assert (plan.submission, plan.update) == (other.submission, other.update)
    assert (plan.left_out, plan.owing_less, plan.refusals) == (other.left_out, other.owing_less, other.refusals)
    assert sorted(plan.named) == sorted(other.named)


@given(worlds(), any_limits)
def test_judging_twice_gives_the_same_plan(world: World, limits: Due) -> None:
    assert night(world, limits) == night(world, limits)


# Who is referred


@given(worlds(), st.decimals(min_value=10, max_value=90, places=2))
def test_a_lower_threshold_never_refers_fewer(world: World, other: Decimal) -> None:
    policy = world.section.policy
    one, another = (
        night(replace(world, section=replace(world.section, policy=replace(policy, threshold=threshold))))
        for threshold in sorted([other, policy.threshold])
    )
    assert referred(one) >= referred(another)


@given(worlds(), any_limits)
def test_nobody_is_referred_and_released_closed_or_adopted_in_one_night(world: World, limits: Due) -> None:
    plan = night(world, limits)
    others = {decision.number for decision in plan.decisions if not isinstance(decision, Referral)}
    assert referred(plan).isdisjoint(others | plan.heirs)
    assert max(Counter(decision.number for decision in plan.decisions).values(), default=0) <= 1


@given(worlds(), any_limits)
def test_a_patron_with_an_open_case_or_a_yes_is_never_referred(world: World, limits: Due) -> None:
    taken = {
        found.patron.number
        for found in world.evidence.candidates
        if found.records.open_cases or flag_state(found.patron.flag) is not FlagState.NO
    }
    plan = night(world, limits)
    assert taken.isdisjoint(referred(plan) | {referral.number for referral in plan.held})


@given(worlds())
def test_nobody_is_referred_who_owes_less_than_the_threshold(world: World) -> None:
    threshold = world.section.policy.threshold
    for row in night(world).submission:
        assert min(row.account.owed, row.account.balance, row.account.whole_balance) >= threshold


@given(worlds(), any_limits)
def test_everybody_who_owes_enough_in_the_window_is_referred_held_or_counted(world: World, limits: Due) -> None:
    plan = night(world, limits)
    enough = [c for c in world.evidence.candidates if c.account.owed >= world.section.policy.threshold]
    assert len(referred(plan)) + len(plan.held) + sum(plan.left_out.values()) == len(enough)
    assert not (plan.held and referred(plan))


@given(worlds(), any_limits)
def test_no_limit_is_ever_exceeded(world: World, limits: Due) -> None:
    plan = night(world, limits)
    lifted = max(limits.most_referrals or 0, limits.lifted_to or 0)
    counted = EndingsThatCount.among(plan.of(Ending), world.section.policy)
    most_unpaid, most = most_endings(limits, len(tuple(world.evidence.cases)))
    by_hand = limits.endings_lifted_to or 0
    assert limits.most_referrals is None or len(referred(plan)) <= lifted
    assert limits.most_referrals is None or len(plan.of(Reopening)) <= lifted
    assert limits.most_adoptions is None or len(plan.of(Adoption)) <= limits.most_adoptions
    assert most is None or len(counted.all) <= max(most, by_hand)
    assert most_unpaid is None or len(counted.unpaid) <= max(most_unpaid, by_hand)


@given(worlds(), any_limits)
def test_anonymized_patrons_are_named_nowhere_and_never_begin_anew(world: World, limits: Due) -> None:
    plan = night(world, limits)
    anonymized = {found.patron.number for found in world.evidence.candidates if found.patron.anonymized}
    rows = [row for row in plan.update if row.patron in anonymized]
    assert {(row.surname, row.firstname, row.card) for row in rows} <= {(None, None, None)}
    assert anonymized.isdisjoint(referred(plan) | plan.heirs | {adoption.number for adoption in plan.of(Adoption)})


# The fuse on endings


def ended(plan: Plan) -> set[int]:
    return {ending.number for ending in plan.of(Ending)}


def refused(world: World, plan: Plan) -> set[int]:
    """The cases that would end if there were no limit."""
    return ended(night(world)) - ended(plan)


@given(worlds(), st.sampled_from([0, 1, 2, 3, 4, 5, 6, "usual", None]), st.integers(0, 6))
def test_a_lower_limit_never_ends_more_cases(world: World, one: Any, lower: int) -> None:
    limit = replace(NO_LIMITS, most_endings=one)
    most = [each for each in most_endings(limit, len(tuple(world.evidence.cases))) if each is not None]
    other = replace(NO_LIMITS, most_endings=min([lower, *most]))
    assert ended(night(world, other)) <= ended(night(world, limit)) <= ended(night(world))


@given(worlds(), any_limits)
def test_cases_whose_ending_is_refused_are_neither_changed_nor_listed(world: World, limits: Due) -> None:
    plan = night(world, limits)
    untouched = refused(world, plan)
    assert bool(untouched) == ("endings" in {refusal.kind for refusal in plan.refusals})
    changed = {decision.number for decision in plan.decisions} | plan.heirs
    assert untouched.isdisjoint(changed | {row.number for row in plan.update})


@given(worlds(), any_limits)
def test_the_fuse_on_endings_changes_nothing_for_all_others(world: World, limits: Due) -> None:
    plan, without = night(world, limits), night(world, replace(limits, most_endings=None))
    untouched = refused(world, plan)
    assert in_order(plan.decisions) == in_order(d for d in without.decisions if d.number not in untouched)
    assert plan.update == [row for row in without.update if row.number not in untouched]
    assert [r for r in plan.refusals if r.kind != "endings"] == list(without.refusals)


# Reasons


@given(worlds(), any_limits)
def test_every_decision_and_every_closed_case_has_its_reason(world: World, limits: Due) -> None:
    plan = night(world, limits)
    assert all(decision.why for decision in (*plan.decisions, *plan.held))
    assert all(action.why for action in actions(world, plan) if isinstance(action, CloseCase))
    assert all(refusal.sentence and refusal.hint for refusal in plan.refusals)


# What is told


@given(worlds(), any_limits)
def test_the_submissions_sums_equal_their_parts_to_the_cent(world: World, limits: Due) -> None:
    plan = night(world, limits)
    rows, accounts = plan.submission, {c.patron.number: c.account for c in world.evidence.candidates}
    fees = world.section.policy.processing_fee * len(rows)
    assert sum(row.total for row in rows) == sum(accounts[row.patron.number].balance for row in rows) + fees
    assert sum(d.balance + d.fee for d in plan.of(Referral)) == sum(row.total for row in rows)


@given(worlds(section=BALANCES))
def test_the_updates_sum_equals_the_balances_and_the_fees_to_the_cent(world: World) -> None:
    world = replace(world, evidence=replace(world.evidence, last_words=()))
    plan = night(world)
    going_on = [found.balance for found in world.evidence.cases if found.patron]
    followed = [decision.balance for decision in plan.decisions if heir_of(decision)]
    followed += [d.balance for d in plan.of(Ending) if d.state is CaseState.ANONYMIZED and d.facts.heir]
    adopted = [adoption.balance for adoption in plan.of(Adoption)]
    reopened = [reopening.balance for reopening in plan.of(Reopening)]
    new = [*reopened, *(row.total for row in plan.submission)]
    assert sum(row.due for row in plan.update) == sum([*going_on, *followed, *adopted, *new])


@given(worlds(), any_limits)
def test_no_number_stands_twice_in_a_report(world: World, limits: Due) -> None:
    plan = night(world, limits)
    for numbers in ([row.number for row in plan.update], [row.patron.number for row in plan.submission]):
        assert len(numbers) == len(set(numbers))


@given(worlds(section=BALANCES), any_limits)
def test_every_open_case_is_in_the_full_update_whatever_limits_trip(world: World, limits: Due) -> None:
    plan = night(world, limits)
    told = {row.number for row in plan.update}
    assert told | refused(world, plan) >= {found.case.number for found in world.evidence.cases}


@given(worlds(), any_limits)
def test_the_update_speaks_of_nobody_without_a_case(world: World, limits: Due) -> None:
    plan = night(world, limits)
    with_case = {found.case.number for found in (*world.evidence.cases, *world.evidence.last_words)}
    new = {d.number for d in plan.decisions if isinstance(d, Referral | Adoption | Reopening)}
    assert {row.number for row in plan.update} <= with_case | new


# Cases opened again


@given(worlds(), any_limits)
def test_whose_case_owes_again_is_neither_referred_nor_adopted_whatever_limits_trip(world: World, limits: Due) -> None:
    reopened = {reopening.number for reopening in night(world).of(Reopening)}
    plan = night(world, limits)
    beside = {d.number for d in (*plan.decisions, *plan.held) if isinstance(d, Referral | Adoption)}
    assert reopened.isdisjoint(beside)


@given(worlds(), any_limits)
def test_nobody_is_reopened_at_or_below_the_limit_and_nobody_of_them_pays_a_fee(world: World, limits: Due) -> None:
    plan = night(world, limits)
    reopened = plan.of(Reopening)
    assert all(each.balance > world.section.policy.clear_at_or_below for each in reopened)
    charged = {action.patron for action in actions(world, plan) if isinstance(action, ChargeFee)}
    assert charged.isdisjoint(each.number for each in reopened)


# Flags and cases


def flagged_after(world: World, done: list[Action]) -> set[int]:
    people: dict[int, Patron] = {found.patron.number: found.patron for found in world.evidence.candidates}
    for action in done:
        if isinstance(action, SetFlag | ClearFlag):
            value = action.flag.yes if isinstance(action, SetFlag) else action.flag.no
            person = people[action.patron]
            others = tuple(row for row in person.flag if row != action.before)
            people[action.patron] = replace(person, flag=(*others, FlagRow(row=action.before.row, value=value)))
    return {number for number, person in people.items() if person.is_flagged}


def in_collections_after(world: World, done: list[Action]) -> set[int]:
    open_cases: dict[tuple[int | None, int], int] = {}
    for found in world.evidence.cases:
        open_cases[(found.case.id, 0)] = found.case.patron or 0
    for action in done:
        match action:
            case OpenCase():
                open_cases[(None, action.patron)] = action.patron
            case FollowCase():
                open_cases[(action.case, 0)] = action.patron
            case ReopenCase():
                open_cases[(action.case, 0)] = action.patron
            case CloseCase():
                del open_cases[(action.case, 0 if action.case else action.patron)]
            case _:
                pass
    assert len(set(open_cases.values())) == len(open_cases), "one open case per patron"
    return set(open_cases.values())


@given(worlds(other_use=False))
def test_after_every_night_the_flags_that_say_yes_are_the_open_cases_or_left_behind(world: World) -> None:
    done = actions(world, night(world))
    left_behind = {found.patron.number for found in world.evidence.candidates if found.patron.anonymized}
    assert flagged_after(world, done) - left_behind == in_collections_after(world, done)


@given(worlds(), any_limits)
def test_a_flag_in_other_use_is_never_changed(world: World, limits: Due) -> None:
    changed = [a.before for a in actions(world, night(world, limits)) if isinstance(a, SetFlag | ClearFlag)]
    assert all(flag_state((row,)) is not FlagState.OTHER for row in changed)


@given(worlds(), any_limits)
def test_nobody_is_charged_without_a_case_or_twice(world: World, limits: Due) -> None:
    done = actions(world, night(world, limits))
    charged = [action.patron for action in done if isinstance(action, ChargeFee)]
    opened = [
        action.patron for action in done if isinstance(action, OpenCase) and isinstance(action.decision, Referral)
    ]
    assert len(charged) == len(set(charged))
    assert set(charged) <= set(opened)
