"""The judgement of a night: who is referred, who follows whom, what is listed, what is counted."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.case_outcome import CaseFacts
from gentle_nudge.domain.collections.judgement import plan_night
from gentle_nudge.domain.collections.plan import Ending, Plan, Referral, Succession, heir_of
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Reason
from gentle_nudge.domain.collections.section_facts import Evidence
from gentle_nudge.domain.collections.submission_day import Due, Refusal
from tests.builders.values import (
    MONDAY,
    SUNDAY,
    a_candidate,
    a_case,
    a_last_word,
    a_patron,
    a_section,
    a_submission,
    an_account,
    an_adoptee,
    an_update,
    evidence,
    gone,
    in_collections,
    merged,
)

CHANGES_ONLY = a_section(update_lists="changed")


def night(found: Evidence, limits: Due | None = None, *, section: Section | None = None, day: date = SUNDAY) -> Plan:
    return plan_night(section or a_section(), day, found, limits or a_submission())


def patrons(plan: Plan) -> list[int]:
    return sorted(decision.number for decision in plan.decisions)


def listed(plan: Plan) -> list[tuple[int, str]]:
    return sorted((row.number, str(row.due)) for row in plan.update)


def unflagged(count: int, *, balance: str = "50.00") -> list[CaseFacts]:
    return [in_collections(number, flag="no", balance=balance) for number in range(1, count + 1)]


def kinds(plan: Plan) -> list[str]:
    return [refusal.kind for refusal in plan.refusals]


# A submission


def test_a_submission_refers_whom_no_rule_keeps_out() -> None:
    plan = night(evidence(candidates=[a_candidate(1), a_candidate(2, flag="yes"), a_candidate(3, owed="24.99")]))
    assert plan.submits
    assert [referral.number for referral in plan.of(Referral)] == [1]
    assert [row.patron.number for row in plan.submission] == [1]


def test_on_other_days_nobody_is_referred() -> None:
    plan = night(evidence(cases=[in_collections(1)]), an_update(), day=MONDAY)
    assert not plan.submits
    assert (plan.submission, listed(plan)) == ([], [(1, "50.00")])


def test_a_late_submission_says_so() -> None:
    assert night(evidence(candidates=[a_candidate(1)]), a_submission(late=True), day=MONDAY).late


def test_every_decision_has_its_reason() -> None:
    plan = night(
        evidence(
            candidates=[a_candidate(1)],
            cases=[in_collections(2, balance="0.00"), in_collections(3, flag="no"), gone(4)],
            adoptees=[an_adoptee(5)],
        ),
        section=a_section(clear_paid=True),
    )
    assert patrons(plan) == [1, 2, 3, 4, 5]
    assert all(decision.why for decision in plan.decisions)


# What a dry run counts


def test_patrons_who_owe_enough_in_the_window_are_counted_by_their_first_reason() -> None:
    plan = night(
        evidence(
            candidates=[
                a_candidate(1, flag="yes"),
                a_candidate(2, flag="yes", protected=True),
                a_candidate(3, protected=True),
                replace(a_candidate(4), account=an_account("25.00", balance="24.99")),
            ],
            owing_less=7,
        )
    )
    assert plan.left_out == {Reason.IN_COLLECTIONS: 2, Reason.PROTECTED: 1, Reason.BALANCE_BELOW_THRESHOLD: 1}
    assert plan.owing_less == 7


def test_all_others_who_owe_something_in_the_window_are_one_figure() -> None:
    owing = [a_candidate(1, owed="24.99"), a_candidate(2, owed="0.01", flag="yes"), a_candidate(3, owed="0.00")]
    plan = night(evidence(candidates=[*owing, a_candidate(4, owed="-5.00")], owing_less=7))
    assert plan.left_out == {}
    assert plan.owing_less == 9


# Merged cards


def test_the_heir_of_a_merged_patron_counts_as_in_collections_the_same_night() -> None:
    plan = night(evidence(candidates=[a_candidate(9)], cases=[merged(1, a_patron(9))]))
    assert patrons(plan) == [1]
    assert plan.left_out == {Reason.IN_COLLECTIONS: 1}
    assert listed(plan) == [(1, "50.00")]


def test_the_heir_whose_case_is_released_at_once_is_not_referred_the_same_night_either() -> None:
    section = a_section(clear_paid=True, clear_at_or_below=Decimal("60.00"), threshold=Decimal("25.00"))
    plan = night(evidence(candidates=[a_candidate(9)], cases=[merged(1, a_patron(9))]), section=section)
    (ending,) = plan.of(Ending)
    assert (ending.number, heir_of(ending), ending.state) == (1, 9, CaseState.RELEASED)
    assert plan.decisions == (ending,)


def test_a_flagged_heir_is_not_adopted_beside_the_case_that_follows() -> None:
    plan = night(evidence(cases=[merged(1, a_patron(9, flag="yes"))], adoptees=[an_adoptee(9)]))
    assert [type(decision) for decision in plan.decisions] == [Succession]


def test_an_heir_does_not_count_toward_the_limit_of_adoptions() -> None:
    found = evidence(
        cases=[merged(100, a_patron(1, flag="yes"))], adoptees=[an_adoptee(number) for number in range(1, 22)]
    )
    assert kinds(night(found)) == []


def test_merged_into_a_patron_with_an_open_case_this_one_has_a_last_row_of_0() -> None:
    heir = a_patron(2, flag="yes")
    plan = night(evidence(cases=[merged(1, heir, heir_has_case=True), in_collections(2, balance="90.00")]))
    assert [(d.number, d.state) for d in plan.of(Ending)] == [(1, CaseState.MERGED)]
    assert len(plan.decisions) == 1
    assert listed(plan) == [(1, "0.00"), (2, "90.00")]


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_cases_merged_into_one_patron_the_earlier_follows_and_the_other_ends_with_0(*, turned: bool) -> None:
    both = [merged(1, a_patron(9)), merged(2, a_patron(9))]
    plan = night(evidence(cases=both[::-1] if turned else both))
    following, merged_into_it = plan.decisions
    assert isinstance(following, Succession)
    assert isinstance(merged_into_it, Ending)
    assert (following.number, merged_into_it.number, merged_into_it.state) == (1, 2, CaseState.MERGED)
    assert listed(plan) == [(1, "50.00"), (2, "0.00")]


def test_of_two_cases_merged_into_a_patron_who_has_paid_one_is_released_and_the_other_merged() -> None:
    both = [merged(1, a_patron(9), balance="0.00"), merged(2, a_patron(9), balance="0.00")]
    plan = night(evidence(cases=both), section=a_section(clear_paid=True))
    assert [d.state for d in plan.of(Ending)] == [CaseState.RELEASED, CaseState.MERGED]


def test_a_merge_is_not_a_withdrawal() -> None:
    others = [in_collections(number) for number in range(100, 160)]
    found = evidence(cases=[*unflagged(20), merged(30, a_patron(31, flag="no")), *others])
    assert kinds(night(found)) == []


# A flag in other use


def test_a_flag_overwritten_by_something_in_other_use_is_named_and_the_case_stays_open() -> None:
    plan = night(evidence(cases=[in_collections(1, flag="Class of 2027"), in_collections(2)]))
    assert plan.decisions == ()
    assert len(plan.named) == 1
    assert "number 1" in plan.named[0]
    assert "sort1" in plan.named[0]
    assert listed(plan) == [(1, "50.00"), (2, "50.00")]


def test_what_stands_in_the_overwritten_flag_is_not_told() -> None:
    assert "Class" not in night(evidence(cases=[in_collections(1, flag="Class of 2027")])).named[0]


def test_overwritten_flags_do_not_count_as_withdrawals() -> None:
    found = [in_collections(number, flag="x") for number in range(1, 30)]
    plan = night(evidence(cases=found))
    assert kinds(plan) == []
    assert len(plan.named) == 29


# Lists of changes


def test_with_changes_only_cases_as_last_queued_are_not_listed() -> None:
    found = evidence(cases=[in_collections(1), in_collections(2, balance="50.01"), in_collections(3, surname="New")])
    assert [number for number, _ in listed(night(found, an_update(), section=CHANGES_ONLY, day=MONDAY))] == [2, 3]
    assert [number for number, _ in listed(night(found, section=CHANGES_ONLY, day=SUNDAY))] == [1, 2, 3]


def test_with_changes_only_those_that_end_or_begin_tonight_are_listed() -> None:
    section = a_section(update_lists="changed", clear_paid=True, released_due="balance", withdrawn_due="balance")
    released = in_collections(1, balance="0.00")
    found = evidence(
        candidates=[a_candidate(1000)],
        cases=[
            replace(released, case=replace(released.case, last_due=Decimal("0.00"))),
            in_collections(2, flag="no"),
            gone(3),
            in_collections(4),
        ],
        adoptees=[an_adoptee(5)],
    )
    plan = night(found, section=section, day=MONDAY)
    assert [number for number, _ in listed(plan)] == [1, 2, 3, 5, 1000]


def test_cases_whose_ending_is_refused_are_not_listed_though_they_changed() -> None:
    found = [*unflagged(21), in_collections(22, balance="52.00")]
    changed = replace(found[0], balance=Decimal("51.00"))
    for section in (CHANGES_ONLY, a_section()):
        plan = night(evidence(cases=[changed, *found[1:]]), section=section, day=MONDAY)
        assert listed(plan) == [(22, "52.00")]


# Last words of closed cases


@pytest.mark.parametrize(("setting", "told"), [("zero", ["0.00"]), ("balance", ["61.20"]), ("none", [])])
@pytest.mark.parametrize("state", [CaseState.WITHDRAWN, CaseState.PAID, CaseState.ANONYMIZED])
def test_the_last_word_of_a_case_ended_by_hand(state: CaseState, setting: str, told: list[str]) -> None:
    found = evidence(last_words=[a_last_word(1, state, balance="61.20")])
    assert [due for _, due in listed(night(found, section=a_section(withdrawn_due=setting)))] == told


@pytest.mark.parametrize("state", [CaseState.RELEASED, CaseState.MERGED, CaseState.DELETED])
def test_the_last_word_of_other_closed_cases_is_said_again_as_it_was(state: CaseState) -> None:
    found = evidence(last_words=[a_last_word(1, state, balance="61.20", last_due=Decimal("1.50"))])
    assert listed(night(found)) == [(1, "1.50")]


def test_of_somebody_in_collections_again_there_is_no_last_word() -> None:
    found = evidence(cases=[in_collections(1)], last_words=[replace(a_last_word(1, CaseState.WITHDRAWN))])
    assert listed(night(found)) == [(1, "50.00")]


def test_of_several_closed_cases_of_one_patron_only_the_latest_has_the_last_word() -> None:
    words = [
        replace(a_last_word(1, CaseState.RELEASED), case=a_case(id_, state=CaseState.RELEASED, last_due=Decimal(id_)))
        for id_ in (4, 3)
    ]
    assert listed(night(evidence(last_words=words))) == [(1, "4")]


def test_the_last_word_of_a_patron_gone_is_not_the_balance_of_the_heir() -> None:
    closed = a_case(1, state=CaseState.WITHDRAWN, to_report=True)
    word = CaseFacts(case=closed, patron=None, balance=Decimal("70.00"), heir=a_patron(9))
    assert listed(night(evidence(last_words=[word]), section=a_section(withdrawn_due="balance"))) == [(1, "0.00")]


def test_last_words_are_said_on_days_of_changes_only_too() -> None:
    found = evidence(last_words=[a_last_word(1, CaseState.WITHDRAWN)])
    assert listed(night(found, an_update(), section=CHANGES_ONLY, day=MONDAY)) == [(1, "0.00")]


# Beside the plugin


def test_a_refusal_beside_the_plugin_holds_the_submission_and_lets_the_update_go() -> None:
    refusal = Refusal(kind="plugin", sentence="the plugin is installed", hint="--beside-plugin")
    found = evidence(candidates=[a_candidate(1000)], cases=[in_collections(1)])
    plan = night(found, a_submission(beside_plugin=refusal))
    assert plan.refusals == (refusal,)
    assert (plan.submission, listed(plan)) == ([], [(1, "50.00")])


# Sections gone from the settings of which nobody may be told


def test_of_a_held_section_only_a_payment_is_seen_nothing_is_told_and_the_cases_are_counted() -> None:
    section = replace(a_section(clear_paid=True), held=("south",), frees=("south",))
    south = [in_collections(1, balance="0.00"), in_collections(2, balance="40.00", flag="no")]
    paid = a_case(3, patron=3, section="south", state=CaseState.RELEASED, to_report=True)
    waiting = replace(in_collections(3), case=paid)
    cases = [replace(facts, case=replace(facts.case, section="south")) for facts in south]
    plan = night(evidence(cases=[*cases, in_collections(4, balance="30.00")], last_words=(waiting,)), section=section)
    assert plan.closes == {CaseState.RELEASED: 1}
    assert listed(plan) == [(4, "30.00")]
    assert plan.untold == {waiting.case.id}
    (refusal,) = plan.refusals
    assert (refusal.kind, refusal.stops_submission) == ("held", False)
    assert "nobody is told of its 3 cases" in refusal.sentence


def test_the_last_word_of_a_case_released_untold_is_the_due_of_that_day() -> None:
    released = a_case(3, patron=3, state=CaseState.RELEASED, last_word=Decimal("1.50"), to_report=True)
    plan = night(evidence(last_words=(replace(in_collections(3, balance="90.00"), case=released),)))
    assert listed(plan) == [(3, "1.50")]
