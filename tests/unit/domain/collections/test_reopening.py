"""When a closed case is opened again, and what that changes."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from gentle_nudge.domain.actions import ChargeFee, Restrict, SetFlag
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.changes import RecordRestriction, ReopenCase, planned_changes, restriction_changes
from gentle_nudge.domain.collections.judgement import plan_night
from gentle_nudge.domain.collections.plan import Adoption, Plan, Referral, Reopening
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.reopening import ClosedCase, is_reopened, reopen
from gentle_nudge.domain.patron import Flag, Restriction
from tests.builders.values import (
    SUNDAY,
    a_candidate,
    a_closed_case,
    a_last_word,
    a_section,
    a_submission,
    an_adoptee,
    an_update,
    evidence,
    holding,
    in_sort1,
    ours,
    with_case,
)


def opens(closed: ClosedCase, section: Section | None = None, day: date = SUNDAY) -> bool:
    return is_reopened(closed, section or a_section(), day)


def owing(**facts: Any) -> ClosedCase:
    return a_closed_case(a_candidate(owed="40.00"), **facts)


def numbers(plan: Plan, kind: type) -> list[int]:
    return [decision.number for decision in plan.decisions if isinstance(decision, kind)]


# When


@pytest.mark.parametrize(("owing_now", "expected"), [("12.00", False), ("12.01", True)])
def test_its_lines_owe_more_than_when_it_was_closed(owing_now: str, *, expected: bool) -> None:
    assert opens(owing(owing=owing_now, before="12.00")) is expected


@pytest.mark.parametrize(("balance", "expected"), [("5.00", False), ("5.01", True)])
def test_the_balance_is_above_the_limit(balance: str, *, expected: bool) -> None:
    closed = a_closed_case(a_candidate(owed=balance))
    assert opens(closed, a_section(clear_at_or_below=Decimal("5.00"))) is expected


@pytest.mark.parametrize(("days", "ago", "expected"), [(60, 60, True), (60, 61, False), (1, 1, True), (0, 0, False)])
def test_it_was_closed_so_many_days_ago(days: int, ago: int, *, expected: bool) -> None:
    closed = owing(closed_on=SUNDAY - timedelta(days=ago))
    assert opens(closed, a_section(reopen_days=days)) is expected


@pytest.mark.parametrize("state", CaseState)
def test_only_who_had_paid_is_reopened(state: CaseState) -> None:
    assert opens(owing(state=state)) is (state in {CaseState.RELEASED, CaseState.PAID})


def test_a_case_of_an_older_program_is_not_reopened() -> None:
    assert not opens(owing(closed_owing=None))


def test_only_its_own_lines_in_the_patrons_account_count() -> None:
    closed = owing(owing="40.00", before="39.00")
    assert opens(closed)
    assert not opens(replace(closed, lines=frozenset({1})))


def test_not_while_submissions_are_off() -> None:
    assert not opens(owing(), replace(a_section(), enabled=False))


def test_not_with_an_open_case() -> None:
    assert not opens(a_closed_case(with_case(a_candidate())))


def test_not_if_staff_withdrew_a_case_on_the_day_it_ended_or_later() -> None:
    closed, ended = owing(), SUNDAY - timedelta(days=1)
    assert opens(replace(closed, withdrawn_on=ended - timedelta(days=1)))
    assert not opens(replace(closed, withdrawn_on=ended))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"flag": in_sort1("yes")}, True),
        ({"flag": in_sort1("Class of 2027")}, False),
        ({"protected": True}, False),
        ({"exemption": in_sort1("ill")}, False),
        ({"exemption": in_sort1("no")}, True),
        ({"born": None, "category": "STAFF", "branch": "ELSEWHERE"}, True),
    ],
)
def test_flag_protection_and_exemption_speak_against_it_alone(facts: dict[str, Any], *, expected: bool) -> None:
    section = a_section(exemption=Flag(column="sort2"), minors="exclude", excluded_categories=frozenset({"STAFF"}))
    candidate = a_candidate()
    candidate = replace(candidate, patron=replace(candidate.patron, **facts))
    assert opens(a_closed_case(candidate), section) is expected


# In the plan


def test_it_is_told_and_the_patron_neither_referred_nor_adopted() -> None:
    closed = owing()
    found = evidence(candidates=[closed.candidate], adoptees=[an_adoptee(1)], closed=[closed])
    plan = plan_night(a_section(), SUNDAY, found, a_submission())
    assert (numbers(plan, Reopening), numbers(plan, Referral), numbers(plan, Adoption)) == ([1], [], [])
    assert [(row.number, row.due) for row in plan.update] == [(1, Decimal("40.00"))]


def test_its_reason_tells_of_the_ending_and_of_the_reopening() -> None:
    assert reopen(a_section(), owing(), SUNDAY).why == (
        "released on 2026-11-21: owes 0.00, at or below 0.00; "
        "reopened on 2026-11-22: its charges owe 40.00 again, 0.00 when it was closed"
    )


@pytest.mark.parametrize(("most", "lifted", "reopened"), [(1, None, 0), (2, None, 2), (1, 2, 2), (1, 3, 0), (1, 1, 0)])
def test_more_than_may_be_referred_are_not_reopened(most: int, lifted: int | None, reopened: int) -> None:
    closed = [a_closed_case(a_candidate(number), id=number) for number in (1, 2)]
    found = evidence(candidates=[each.candidate for each in closed], closed=closed)
    plan = plan_night(a_section(), SUNDAY, found, a_submission(most_referrals=most, lifted_to=lifted))
    assert len(plan.of(Reopening)) == reopened
    assert plan.submits
    assert plan.submission == []
    assert [refusal.kind for refusal in plan.refusals] == ([] if reopened else ["reopenings"])


def test_reopenings_and_referrals_are_counted_apart() -> None:
    found = evidence(candidates=[a_candidate(1), a_candidate(2)], closed=[a_closed_case(a_candidate(3), id=3)])
    plan = plan_night(a_section(), SUNDAY, found, a_submission(most_referrals=1))
    assert (len(plan.of(Reopening)), len(plan.held)) == (1, 2)
    assert [refusal.kind for refusal in plan.refusals] == ["fuse"]


def test_it_waits_if_the_update_of_the_day_is_made() -> None:
    closed = owing()
    found = evidence(candidates=[closed.candidate], closed=[closed])
    plan = plan_night(a_section(), SUNDAY, found, a_submission(update_due=False, most_referrals=0))
    assert (plan.decisions, plan.refusals) == ((), ())


def test_of_several_cases_of_a_patron_the_latest_is_reopened() -> None:
    closed = [a_closed_case(a_candidate(1), id=number) for number in (8, 9, 7)]
    plan = plan_night(a_section(), SUNDAY, evidence(closed=closed), an_update())
    assert [reopening.case.id for reopening in plan.of(Reopening)] == [9]


def test_its_last_word_is_told_no_more() -> None:
    words = [a_last_word(1, CaseState.RELEASED), a_last_word(2, CaseState.RELEASED)]
    plan = plan_night(a_section(), SUNDAY, evidence(closed=[owing()], last_words=words), an_update())
    assert [(row.number, row.due) for row in plan.update] == [(1, Decimal("40.00")), (2, Decimal("50.00"))]


def test_an_account_too_large_to_be_kept_is_passed_over() -> None:
    huge = a_closed_case(a_candidate(owed="2000000000000000.00"))
    plan = plan_night(a_section(), SUNDAY, evidence(closed=[huge]), an_update())
    assert plan.decisions == ()
    assert len(plan.named) == 1


# What it changes


def changed(closed: ClosedCase, *restrictions: Restriction, **policy: Any) -> list[object]:
    section = a_section(**policy)
    decision = reopen(section, closed, SUNDAY)
    held = holding(closed.candidate.patron, *restrictions)
    return [*planned_changes(decision, section), *restriction_changes(decision, held, section)]


def test_the_flag_is_set_the_case_opened_and_nothing_charged() -> None:
    flag, case, restriction = changed(owing(), add_restriction=True, restriction_type="COLL")
    assert isinstance(flag, SetFlag)
    assert isinstance(case, ReopenCase)
    assert isinstance(restriction, Restrict)
    assert (case.case, case.patron, case.flag, restriction.type) == (1, 1, "sort1", "COLL")
    assert restriction.comment == case.restriction_comment == "Patron sent to collections on 2026-11-22"
    assert not any(isinstance(action, ChargeFee) for action in changed(owing()))


def test_a_flag_that_says_yes_already_stays() -> None:
    (action,) = changed(a_closed_case(a_candidate(flag="Yes")))
    assert isinstance(action, ReopenCase)


def restriction_recorded(actions: list[object]) -> RecordRestriction | None:
    assert not any(isinstance(action, Restrict) for action in actions)
    return next((action for action in actions if isinstance(action, RecordRestriction)), None)


def test_an_active_restriction_of_ours_is_recorded_instead_of_a_new_one() -> None:
    action = restriction_recorded(changed(owing(), ours(5), add_restriction=True))
    assert action is not None
    assert (action.case, action.restriction) == (1, ours(5))


def test_the_cases_own_restriction_stays_recorded_as_it_was_made() -> None:
    made = {"restriction": 5, "restriction_type": "MANUAL", "restriction_comment": "In collections"}
    action = restriction_recorded(
        changed(owing(**made), ours(5, comment="Call me", type="STAFF"), add_restriction=True)
    )
    assert action is not None
    assert action.restriction == ours(5, comment="In collections")


def test_a_restriction_that_ended_is_made_again() -> None:
    ended = ours(5, expires=SUNDAY)
    actions = changed(owing(restriction=5), ended, add_restriction=True)
    assert [action for action in actions if isinstance(action, Restrict)]
