"""The limits of a night: the fuse, endings that look like an accident, flags to adopt."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.case_outcome import CaseFacts
from gentle_nudge.domain.collections.judgement import plan_night
from gentle_nudge.domain.collections.plan import Adoption, Ending, Plan, Referral, Succession
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate
from gentle_nudge.domain.collections.section_facts import Evidence
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
    return sorted((row.number, str(row.due)) for row in plan.update)


def qualifying(count: int, *, first: int = 1000) -> list[Candidate]:
    return [a_candidate(number) for number in range(first, first + count)]


def unflagged(count: int, *, balance: str = "50.00") -> list[CaseFacts]:
    return [in_collections(number, flag="no", balance=balance) for number in range(1, count + 1)]


def kinds(plan: Plan) -> list[str]:
    return [refusal.kind for refusal in plan.refusals]


# The fuse


def test_as_many_as_the_fuse_allows_are_referred_and_one_more_blows_it() -> None:
    assert len(night(evidence(candidates=qualifying(5)), a_submission(most_referrals=5)).submission) == 5
    blown = night(evidence(candidates=qualifying(6)), a_submission(most_referrals=5))
    assert kinds(blown) == ["fuse"]
    assert not blown.submits
    assert (blown.submission, list(blown.of(Referral)), len(blown.held)) == ([], [], 6)


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
    assert len(plan.submission) == (20 if goes else 0)


def test_without_a_limit_any_number_is_referred() -> None:
    assert len(night(evidence(candidates=qualifying(900)), a_submission(most_referrals=None)).submission) == 900


# Endings


def going_on(count: int) -> list[CaseFacts]:
    return [in_collections(number) for number in range(1000, 1000 + count)]


def deleted(count: int) -> list[CaseFacts]:
    return [gone(number) for number in range(200, 200 + count)]


def emptied(count: int) -> list[CaseFacts]:
    return [in_collections(number, balance="0.00") for number in range(300, 300 + count)]


def united(count: int) -> list[CaseFacts]:
    return [merged(number, a_patron(number + 1000), heir_has_case=True) for number in range(400, 400 + count)]


def of(count: int, ending: list[CaseFacts], **limits: object) -> Plan:
    """A night of so many open cases, of which these end unless it is refused."""
    cases = [*ending, *going_on(count - len(ending))]
    return night(evidence(cases=cases), a_submission(**limits), section=a_section(clear_paid=True))


def ends_at_most(most: int, accident: Callable[[int], list[CaseFacts]], open_cases: int) -> None:
    """So many of the open cases end; with one more none ends or is listed."""
    assert len(of(open_cases, accident(most)).of(Ending)) == most
    if open_cases > most:
        plan = of(open_cases, accident(most + 1))
        assert kinds(plan) == ["endings"]
        assert plan.decisions == ()
        assert len(plan.update) == open_cases - most - 1


@pytest.mark.parametrize(("open_cases", "most"), [(3, 3), (12, 3), (15, 3), (16, 4), (60, 15), (80, 20), (1000, 20)])
@pytest.mark.parametrize("accident", [unflagged, deleted])
def test_without_a_payment_seen_end_20_cases_and_a_quarter_of_the_open_ones_but_3_in_any_case(
    accident: Callable[[int], list[CaseFacts]], open_cases: int, most: int
) -> None:
    ends_at_most(most, accident, open_cases)


@pytest.mark.parametrize(("open_cases", "most"), [(5, 5), (10, 5), (11, 5), (12, 6), (60, 30), (1000, 500)])
@pytest.mark.parametrize("accident", [emptied, united])
def test_of_all_kinds_half_of_the_open_cases_end_but_5_in_any_case(
    accident: Callable[[int], list[CaseFacts]], open_cases: int, most: int
) -> None:
    ends_at_most(most, accident, open_cases)


def test_withdrawn_paid_by_staffs_word_and_deleted_count_together() -> None:
    paid = [in_collections(number, flag="no", balance="0.00") for number in range(100, 107)]
    assert kinds(of(80, [*unflagged(7), *paid, *deleted(6)])) == []
    assert kinds(of(80, [*unflagged(7), *paid, *deleted(7)])) == ["endings"]


def test_if_too_many_end_without_a_payment_those_who_paid_are_released_all_the_same() -> None:
    plan = of(80, [*unflagged(21), *emptied(3), *united(2)])
    assert kinds(plan) == ["endings"]
    assert patrons(plan) == [300, 301, 302, 400, 401]


def test_if_too_many_end_in_all_none_of_them_does() -> None:
    plan = of(60, [*unflagged(5), *deleted(5), *emptied(20), *united(1)])
    assert kinds(plan) == ["endings"]
    assert plan.decisions == ()
    assert [number for number, _ in listed(plan)] == list(range(1000, 1029))


def test_a_release_counts_only_if_the_case_was_told_with_more_than_who_paid_may_owe() -> None:
    told = [replace(facts, case=replace(facts.case, last_due=Decimal("5.01"))) for facts in emptied(6)]
    told_less = [replace(facts, case=replace(facts.case, last_due=Decimal("5.00"))) for facts in emptied(6)]
    never_told = [replace(facts, case=replace(facts.case, last_due=None)) for facts in emptied(6)]
    section = a_section(clear_paid=True, clear_at_or_below=Decimal("5.00"))
    assert kinds(night(evidence(cases=told), section=section)) == ["endings"]
    assert ended(night(evidence(cases=told_less), section=section), CaseState.RELEASED) == list(range(300, 306))
    assert ended(night(evidence(cases=never_told), section=section), CaseState.RELEASED) == list(range(300, 306))


def test_old_flags_that_are_adopted_and_released_at_once_do_not_count() -> None:
    adoptees = [an_adoptee(number, balance="0.00") for number in range(1, 21)]
    plan = night(evidence(adoptees=adoptees), section=a_section(clear_paid=True))
    assert (kinds(plan), plan.closes[CaseState.RELEASED]) == ([], 20)


@pytest.mark.parametrize(("most", "goes"), [(20, False), (21, True), (None, True)])
def test_a_number_sets_both_limits_and_without_one_any_number_ends(most: int | None, *, goes: bool) -> None:
    assert len(of(30, unflagged(21), most_endings=most).of(Ending)) == (21 if goes else 0)
    assert len(of(30, emptied(21), most_endings=most).of(Ending)) == (21 if goes else 0)


@pytest.mark.parametrize(("lifted_to", "goes"), [(None, False), (29, False), (30, True), (33, True), (34, False)])
def test_endings_are_let_through_by_hand_for_the_number_found_and_a_tenth_more(
    lifted_to: int | None, *, goes: bool
) -> None:
    assert len(of(90, unflagged(30), endings_lifted_to=lifted_to).of(Ending)) == (30 if goes else 0)


def test_let_through_by_hand_for_all_kinds_those_without_a_payment_end_too() -> None:
    ending = [*unflagged(20), *emptied(20)]
    (refusal,) = of(60, ending).refusals
    assert "--most-endings 40" in refusal.hint
    assert len(of(60, ending, endings_lifted_to=40).of(Ending)) == 40


def test_an_accident_stops_neither_the_submission_nor_adoptions_nor_other_endings() -> None:
    found = evidence(
        candidates=[a_candidate(1000)],
        cases=[*unflagged(21), in_collections(30, balance="0.00"), merged(32, a_patron(33))],
        adoptees=[an_adoptee(40)],
    )
    plan = night(found, a_submission(most_endings=22), section=a_section(clear_paid=True))
    assert len(plan.of(Ending)) == 22
    plan = night(replace(found, cases=[*found.cases, *going_on(60)]), section=a_section(clear_paid=True))
    assert [row.patron.number for row in plan.submission] == [1000]
    assert patrons(plan) == [30, 32, 40, 1000]


def test_a_patron_whose_ending_is_refused_is_still_in_collections() -> None:
    candidate = with_case(a_candidate(1, flag="no"))
    assert night(evidence(candidates=[candidate], cases=unflagged(21))).submission == []


def test_an_heir_is_not_adopted_while_the_ending_of_the_case_is_refused() -> None:
    heir = a_patron(900, flag="yes")
    cases = [merged(1, heir, balance="0.00"), *emptied(6)]
    plan = night(evidence(cases=cases, adoptees=[an_adoptee(900, balance="0.00")]), section=a_section(clear_paid=True))
    assert (kinds(plan), plan.decisions) == (["endings"], ())


def test_the_refusal_of_endings_names_the_number_the_kinds_and_the_way_out() -> None:
    (refusal,) = of(60, [*unflagged(10), *deleted(6)]).refusals
    assert refusal.sentence.startswith("16 open cases would end (10 withdrawn, 6 deleted), more than the 15 ")
    assert "--most-endings 16" in refusal.hint
    assert not refusal.stops_submission


def test_a_withdrawal_of_which_the_agency_is_told_nothing_is_not_in_the_update() -> None:
    plan = night(evidence(cases=unflagged(2)), section=a_section(withdrawn_due="none"))
    assert ended(plan, CaseState.WITHDRAWN) == [1, 2]
    assert listed(plan) == []


@pytest.mark.parametrize(("paid", "sentence"), [("50.00", "2 withdrawn"), ("0.00", "2 paid")])
def test_any_case_that_ends_by_the_flag_is_in_a_sentence(paid: str, sentence: str) -> None:
    assert night(evidence(cases=unflagged(2, balance=paid))).withdrawals.endswith(sentence)
    assert night(evidence(cases=[in_collections(1), gone(2)])).withdrawals == ""


# Adoptions


def test_as_many_as_the_limit_are_adopted_and_listed() -> None:
    plan = night(evidence(adoptees=[an_adoptee(number) for number in range(1, 21)]))
    assert sorted(adoption.number for adoption in plan.of(Adoption)) == list(range(1, 21))
    assert len(plan.update) == 20


def test_with_one_more_than_the_limit_none_is_adopted_listed_or_released_and_there_is_no_submission() -> None:
    found = evidence(
        candidates=[a_candidate(1000)], adoptees=[an_adoptee(number, balance="0.00") for number in range(1, 22)]
    )
    plan = night(found, section=a_section(clear_paid=True))
    assert kinds(plan) == ["adoptions"]
    assert (plan.decisions, plan.update, plan.submission) == ((), [], [])
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
    assert [row.due for row in plan.update] == [Decimal(40)]


def test_an_adopted_patron_is_not_referred_the_same_night() -> None:
    plan = night(evidence(candidates=[a_candidate(1, flag="yes")], adoptees=[an_adoptee(1)]))
    assert [type(decision) for decision in plan.decisions] == [Adoption]
