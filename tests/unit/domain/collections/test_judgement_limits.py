"""The limits of a night: the fuse, withdrawals that look like an accident, flags to adopt."""

from datetime import date
from decimal import Decimal

import pytest

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.case_outcome import CaseFacts
from gentle_nudge.domain.collections.judgement import Evidence, plan_night
from gentle_nudge.domain.collections.plan import Adoption, Ending, Plan, Referral, Succession
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate
from gentle_nudge.domain.collections.submission_day import Due
from tests.builders.values import (
    SUNDAY,
    a_candidate,
    a_patron,
    a_section,
    a_submission,
    an_adoptee,
    evidence,
    gone,
    in_collections,
    merged,
    with_case,
)


def night(found: Evidence, limits: Due | None = None, *, section: Section | None = None, day: date = SUNDAY) -> Plan:
    return plan_night(section or a_section(), day, found, limits or a_submission())


def patrons(plan: Plan) -> list[int]:
    return sorted(decision.number for decision in plan.decisions)


def ended(plan: Plan, state: CaseState) -> list[int]:
    return sorted(ending.number for ending in plan.of(Ending) if ending.state is state)


def what_became(plan: Plan) -> dict[int, object]:
    return {d.number: d.state if isinstance(d, Ending) else type(d) for d in plan.decisions}


def listed(plan: Plan) -> list[tuple[int, str]]:
    return sorted((row.number, str(row.due)) for row in plan.update())


def qualifying(count: int, *, first: int = 1000) -> list[Candidate]:
    return [a_candidate(number) for number in range(first, first + count)]


def unflagged(count: int, *, balance: str = "50.00") -> list[CaseFacts]:
    return [in_collections(number, flag="no", balance=balance) for number in range(1, count + 1)]


def kinds(plan: Plan) -> list[str]:
    return [refusal.kind for refusal in plan.refusals]


# The fuse


def test_as_many_as_the_fuse_allows_are_referred_and_one_more_blows_it() -> None:
    assert len(night(evidence(candidates=qualifying(5)), a_submission(most_referrals=5)).submission()) == 5
    blown = night(evidence(candidates=qualifying(6)), a_submission(most_referrals=5))
    assert kinds(blown) == ["fuse"]
    assert not blown.submits
    assert (blown.submission(), list(blown.of(Referral)), len(blown.held)) == ([], [], 6)


def test_a_blown_fuse_names_the_number_and_the_way_out() -> None:
    (refusal,) = night(evidence(candidates=qualifying(6)), a_submission(most_referrals=5)).refusals
    assert "6 patrons" in refusal.sentence
    assert "the 5 " in refusal.sentence
    assert "--most-referrals 6" in refusal.hint


def test_when_the_fuse_blows_everything_else_of_the_night_goes_on() -> None:
    found = evidence(
        candidates=qualifying(6),
        cases=[
            in_collections(1),
            in_collections(2, balance="0.00"),
            in_collections(3, flag="no"),
            gone(4),
            merged(5, a_patron(50)),
        ],
        adoptees=[an_adoptee(6)],
    )
    plan = night(found, a_submission(most_referrals=5), section=a_section(clear_paid=True))
    assert what_became(plan) == {
        2: CaseState.RELEASED,
        3: CaseState.WITHDRAWN,
        4: CaseState.DELETED,
        5: Succession,
        6: Adoption,
    }
    assert [number for number, _ in listed(plan)] == [1, 2, 3, 4, 5, 6]


def test_patrons_whom_a_rule_keeps_out_do_not_blow_the_fuse() -> None:
    found = evidence(candidates=[*qualifying(5), a_candidate(1, protected=True)])
    assert night(found, a_submission(most_referrals=5)).submits


@pytest.mark.parametrize(("lifted_to", "goes"), [(None, False), (19, False), (20, True), (22, True), (23, False)])
def test_lifted_by_hand_for_the_number_found_and_a_tenth_more(lifted_to: int | None, *, goes: bool) -> None:
    plan = night(evidence(candidates=qualifying(20)), a_submission(most_referrals=5, lifted_to=lifted_to))
    assert plan.submits is goes
    assert len(plan.submission()) == (20 if goes else 0)


def test_without_a_limit_any_number_is_referred() -> None:
    assert len(night(evidence(candidates=qualifying(900)), a_submission(most_referrals=None)).submission()) == 900


# Withdrawals


def test_as_many_as_the_limit_are_withdrawn() -> None:
    plan = night(evidence(cases=unflagged(20)))
    assert ended(plan, CaseState.WITHDRAWN) == list(range(1, 21))
    assert plan.refusals == ()
    assert {due for _, due in listed(plan)} == {"0.00"}


def test_one_more_than_the_limit_looks_like_an_accident_and_none_is_closed() -> None:
    plan = night(evidence(cases=unflagged(21)))
    assert kinds(plan) == ["withdrawals"]
    assert plan.decisions == ()
    assert listed(plan) == [(number, "50.00") for number in range(1, 22)]


def test_paid_and_withdrawn_patrons_count_together() -> None:
    paid = [in_collections(number, flag="no", balance="0.00") for number in range(100, 111)]
    assert kinds(night(evidence(cases=[*unflagged(10), *paid]))) == ["withdrawals"]
    assert kinds(night(evidence(cases=[*unflagged(9), *paid]))) == []


def test_an_accident_with_flags_stops_neither_the_submission_nor_other_endings() -> None:
    found = evidence(
        candidates=[a_candidate(1000)],
        cases=[*unflagged(21), in_collections(30, balance="0.00"), gone(31), merged(32, a_patron(33))],
        adoptees=[an_adoptee(40)],
    )
    plan = night(found, section=a_section(clear_paid=True))
    assert [row.patron.number for row in plan.submission()] == [1000]
    assert patrons(plan) == [30, 31, 32, 40, 1000]
    assert len(plan.update()) == 26


def test_cases_reported_as_before_are_not_released_though_their_balance_is_0() -> None:
    plan = night(evidence(cases=unflagged(21, balance="0.00")), section=a_section(clear_paid=True))
    assert plan.decisions == ()
    assert {due for _, due in listed(plan)} == {"0.00"}


def test_a_patron_whose_withdrawal_waits_is_still_in_collections() -> None:
    candidate = with_case(a_candidate(1, flag="no"))
    assert night(evidence(candidates=[candidate], cases=unflagged(21))).submission() == []


def test_the_refusal_of_withdrawals_names_the_number_and_the_way_out() -> None:
    (refusal,) = night(evidence(cases=unflagged(21))).refusals
    assert "21 patrons" in refusal.sentence
    assert "--most-withdrawals 21" in refusal.hint
    assert not refusal.stops_submission


def test_lifted_by_hand_the_limit_of_withdrawals_lets_them_through() -> None:
    plan = night(evidence(cases=unflagged(21)), a_submission(most_withdrawals=21))
    assert len(ended(plan, CaseState.WITHDRAWN)) == 21


def test_a_withdrawal_of_which_the_agency_is_told_nothing_is_not_in_the_update() -> None:
    plan = night(evidence(cases=unflagged(2)), section=a_section(withdrawn_due="none"))
    assert ended(plan, CaseState.WITHDRAWN) == [1, 2]
    assert listed(plan) == []


# Adoptions


def test_as_many_as_the_limit_are_adopted_and_listed() -> None:
    plan = night(evidence(adoptees=[an_adoptee(number) for number in range(1, 21)]))
    assert sorted(adoption.number for adoption in plan.of(Adoption)) == list(range(1, 21))
    assert len(plan.update()) == 20


def test_with_one_more_than_the_limit_none_is_adopted_listed_or_released_and_there_is_no_submission() -> None:
    found = evidence(
        candidates=[a_candidate(1000)], adoptees=[an_adoptee(number, balance="0.00") for number in range(1, 22)]
    )
    plan = night(found, section=a_section(clear_paid=True))
    assert kinds(plan) == ["adoptions"]
    assert (plan.decisions, plan.update(), plan.submission()) == ((), [], [])
    assert not plan.submits
    assert [referral.number for referral in plan.held] == [1000]


def test_too_many_to_adopt_stop_no_update_of_open_cases() -> None:
    found = evidence(
        cases=[in_collections(100), in_collections(101, balance="0.00"), in_collections(102, flag="no")],
        adoptees=[an_adoptee(number) for number in range(1, 22)],
    )
    plan = night(found, section=a_section(clear_paid=True))
    assert patrons(plan) == [101, 102]
    assert [number for number, _ in listed(plan)] == [100, 101, 102]


def test_the_refusal_of_adoptions_names_the_number_and_the_way_out() -> None:
    (refusal,) = night(evidence(adoptees=[an_adoptee(number) for number in range(1, 22)])).refusals
    assert "21 patrons" in refusal.sentence
    assert "init --adopt" in refusal.hint
    assert refusal.stops_submission


def test_an_adopted_patron_at_the_limit_is_released_at_once_and_a_cent_above_not() -> None:
    section = a_section(clear_paid=True, clear_at_or_below=Decimal("5.00"))
    plan = night(evidence(adoptees=[an_adoptee(1, balance="5.00"), an_adoptee(2, balance="5.01")]), section=section)
    assert [(adoption.number, adoption.released) for adoption in plan.of(Adoption)] == [(1, True), (2, False)]
    assert listed(plan) == [(1, "5.00"), (2, "5.01")]


def test_where_paid_patrons_are_not_cleared_an_adopted_one_stays() -> None:
    plan = night(evidence(adoptees=[an_adoptee(1, balance="0.00")]))
    assert [adoption.released for adoption in plan.of(Adoption)] == [False]


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ({"released_due": "balance", "negative_due": "as_is"}, "-2.00"),
        ({"released_due": "balance", "negative_due": "zero"}, "0.00"),
        ({"released_due": "zero", "negative_due": "as_is"}, "0.00"),
    ],
)
def test_the_dues_of_adopted_patrons_are_shown_as_all_others(policy: dict[str, str], told: str) -> None:
    plan = night(evidence(adoptees=[an_adoptee(1, balance="-2.00")]), section=a_section(clear_paid=True, **policy))
    assert listed(plan) == [(1, told)]


def test_an_adopted_patron_keeps_the_day_koha_tells_of_and_has_no_fee() -> None:
    plan = night(evidence(adoptees=[an_adoptee(1, balance="40.00", referred_on=date(2024, 2, 29))]))
    (adoption,) = plan.of(Adoption)
    assert adoption.referred_on == date(2024, 2, 29)
    assert [row.due for row in plan.update()] == [Decimal(40)]


def test_an_adopted_patron_is_not_referred_the_same_night() -> None:
    plan = night(evidence(candidates=[a_candidate(1, flag="yes")], adoptees=[an_adoptee(1)]))
    assert [type(decision) for decision in plan.decisions] == [Adoption]
