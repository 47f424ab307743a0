"""What becomes of an open case: it goes on, is released, was ended by staff, or its patron is gone."""

from dataclasses import replace
from decimal import Decimal

import pytest

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.case_outcome import (
    CaseFacts,
    is_somebody_else,
    judge,
    last_word,
    lists_everybody,
    outcome_of,
    shown,
)
from gentle_nudge.domain.collections.plan import CaseDecision, Ending, Succession, heir_of
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import PatronRecords
from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.report_row import UpdateRow, case_row
from tests.builders.values import (
    MONDAY,
    SUNDAY,
    a_case,
    a_patron,
    a_policy,
    a_section,
    amounts,
    gone,
    in_attributes,
    in_collections,
    merged,
)

Outcome = UpdateRow | CaseDecision


def told(outcome: Outcome | None) -> Outcome:
    """What becomes of a case that is not kept quiet."""
    assert outcome is not None
    return outcome


def judged(tonight: CaseFacts, **policy: object) -> Outcome:
    return told(judge(tonight, a_section(**policy), SUNDAY))


def row(outcome: Outcome) -> UpdateRow | None:
    return outcome if isinstance(outcome, UpdateRow) else outcome.row


def due(outcome: Outcome) -> str | None:
    said = row(outcome)
    return str(said.due) if said else None


def end(outcome: Outcome) -> CaseState | None:
    return outcome.state if isinstance(outcome, Ending) else None


# The update follows the case


@pytest.mark.parametrize(
    ("tonight", "amount"),
    [
        (in_collections(balance="61.20"), "61.20"),
        (in_collections(balance="61.20", flag="no"), "61.20"),
        (merged(1, a_patron(9), balance="70.00"), "70.00"),
        (merged(1, a_patron(9), balance="70.00", heir_has_case=True), "0.00"),
        (gone(), "0.00"),
    ],
)
def test_the_amount_of_a_decision_is_the_balance_of_whom_the_case_follows(tonight: CaseFacts, amount: str) -> None:
    outcome = judged(tonight)
    assert (outcome.due if isinstance(outcome, UpdateRow) else outcome.balance) == Decimal(amount)


def test_an_open_case_goes_on_and_the_balance_is_reported() -> None:
    decision = judged(in_collections(balance="61.20"))
    assert isinstance(decision, UpdateRow)
    assert due(decision) == "61.20"


@pytest.mark.parametrize(
    "become",
    [
        {"branch": "ELSEWHERE"},
        {"category": "STAFF"},
        {"born": None},
        {"protected": True},
        {"exemption": in_attributes("1")},
    ],
)
def test_whatever_has_become_of_the_patron_the_case_goes_on(become: dict[str, object]) -> None:
    decision = judged(
        in_collections(**become),  # type: ignore[arg-type]
        minors="exclude",
        excluded_categories=frozenset({"STAFF"}),
    )
    assert isinstance(decision, UpdateRow)


def test_without_a_single_line_0_is_reported() -> None:
    patron = a_patron(flag="yes")
    assert due(judged(CaseFacts(case=a_case(), patron=patron))) == "0.00"


def test_the_row_stands_under_the_number_first_reported_with_todays_name_and_card() -> None:
    tonight = in_collections(7, surname="Newname", card="30000007")
    shown_row = judged(replace(tonight, case=replace(tonight.case, number=3)))
    assert isinstance(shown_row, UpdateRow)
    assert (shown_row.number, shown_row.patron, shown_row.surname, shown_row.card, shown_row.gone) == (
        3,
        7,
        "Newname",
        "30000007",
        False,
    )


@pytest.mark.parametrize(("setting", "told"), [("as_is", "-5.50"), ("zero", "0.00")])
def test_a_credit_is_reported_as_it_is_or_as_zero(setting: str, told: str) -> None:
    assert due(judged(in_collections(balance="-5.50"), negative_due=setting)) == told


@pytest.mark.parametrize("setting", ["as_is", "zero"])
def test_a_debt_is_reported_as_it_is_however_credits_are(setting: str) -> None:
    assert due(judged(in_collections(balance="0.01"), negative_due=setting)) == "0.01"


# Release


def test_at_the_limit_a_patron_is_released_and_a_cent_above_not() -> None:
    assert end(judged(in_collections(balance="0.00"), clear_paid=True)) is CaseState.RELEASED
    assert end(judged(in_collections(balance="-3.00"), clear_paid=True)) is CaseState.RELEASED
    assert end(judged(in_collections(balance="0.01"), clear_paid=True)) is None


def test_the_limit_of_the_release_is_the_librarys() -> None:
    limit = {"clear_paid": True, "clear_at_or_below": Decimal("5.00")}
    assert end(judged(in_collections(balance="5.00"), **limit)) is CaseState.RELEASED
    assert isinstance(judged(in_collections(balance="5.01"), **limit), UpdateRow)


def test_where_paid_patrons_are_not_cleared_nobody_is_released() -> None:
    decision = judged(in_collections(balance="0.00"), clear_paid=False)
    assert isinstance(decision, UpdateRow)
    assert due(decision) == "0.00"


@pytest.mark.parametrize(
    ("released_due", "negative_due", "told"),
    [("balance", "as_is", "-2.00"), ("balance", "zero", "0.00"), ("zero", "as_is", "0.00"), ("zero", "zero", "0.00")],
)
def test_the_last_word_after_a_release_is_the_balance_or_zero(released_due: str, negative_due: str, told: str) -> None:
    decision = judged(
        in_collections(balance="-2.00"), clear_paid=True, released_due=released_due, negative_due=negative_due
    )
    assert due(decision) == told


def test_what_is_left_of_a_released_debt_is_told_as_balance_or_as_zero() -> None:
    limit = {"clear_paid": True, "clear_at_or_below": Decimal("5.00")}
    assert due(judged(in_collections(balance="4.20"), **limit, released_due="balance")) == "4.20"
    assert due(judged(in_collections(balance="4.20"), **limit, released_due="zero")) == "0.00"


# Withdrawal


@pytest.mark.parametrize("flag", [None, "", "no", "0", " NO "])
def test_a_case_whose_flag_has_gone_was_ended_by_staff(flag: str | None) -> None:
    assert end(judged(in_collections(flag=flag))) is CaseState.WITHDRAWN


def test_a_case_whose_attribute_was_deleted_was_ended_by_staff() -> None:
    tonight = in_collections()
    without = replace(tonight, patron=replace(a_patron(), flag=()))
    assert end(judged(without)) is CaseState.WITHDRAWN


@pytest.mark.parametrize("clear_paid", [True, False])
def test_ended_by_staff_it_counts_as_paid_at_the_limit_and_as_withdrawn_a_cent_above(*, clear_paid: bool) -> None:
    limit = {"clear_paid": clear_paid, "clear_at_or_below": Decimal("5.00")}
    assert end(judged(in_collections(flag="no", balance="5.00"), **limit)) is CaseState.PAID
    assert end(judged(in_collections(flag="no", balance="5.01"), **limit)) is CaseState.WITHDRAWN


@pytest.mark.parametrize("balance", ["40.00", "0.00"])
@pytest.mark.parametrize(("setting", "told"), [("zero", "0.00"), ("balance", "the balance"), ("none", None)])
def test_the_last_row_of_a_case_ended_by_staff(setting: str, told: str | None, balance: str) -> None:
    decision = judged(in_collections(flag="no", balance=balance), withdrawn_due=setting)
    assert due(decision) == (balance if told == "the balance" else told)


def test_a_credit_left_at_withdrawal_is_told_as_other_credits_are() -> None:
    assert last_word(Decimal("-1.00"), a_policy(withdrawn_due="balance", negative_due="zero")) == 0
    assert last_word(Decimal("-1.00"), a_policy(withdrawn_due="balance", negative_due="as_is")) == -1


def test_a_flag_overwritten_by_something_in_other_use_does_not_withdraw() -> None:
    decision = judged(in_collections(flag="Class of 2027", balance="40.00"))
    assert isinstance(decision, UpdateRow)
    assert due(decision) == "40.00"


# Who the patron is


@pytest.mark.parametrize("flag", ["yes", "no", None, "Class of 2027"])
@pytest.mark.parametrize("balance", ["40.00", "0.00"])
@pytest.mark.parametrize(("setting", "told"), [("zero", "0.00"), ("balance", "the balance"), ("none", None)])
def test_an_anonymized_patron_is_judged_before_flag_and_balance(
    flag: str | None, balance: str, setting: str, told: str | None
) -> None:
    tonight = in_collections(7, flag=flag, balance=balance, anonymized=True)
    tonight = replace(tonight, case=replace(tonight.case, number=3))
    decision = judged(tonight, withdrawn_due=setting, clear_paid=True)
    assert isinstance(decision, Ending)
    assert (decision.state, due(decision)) == (CaseState.ANONYMIZED, balance if told == "the balance" else told)
    said = row(decision)
    if said:
        assert (said.number, said.patron, said.gone) == (3, 7, False)
        assert (said.surname, said.firstname, said.card) == (None, None, None)


def test_merged_into_an_anonymized_patron_the_case_ends_as_anonymized() -> None:
    decision = judged(merged(1, a_patron(9, anonymized=True), balance="70.00"), withdrawn_due="balance")
    assert isinstance(decision, Ending)
    assert (decision.state, heir_of(decision), due(decision)) == (CaseState.ANONYMIZED, None, "70.00")


@pytest.mark.parametrize(
    ("then", "now", "other"), [(0, 0, False), (0, 1, True), (1, 1, False), (1, 2, True), (1, 0, False)]
)
def test_a_number_deleted_once_more_since_the_case_began_is_somebody_elses(then: int, now: int, *, other: bool) -> None:
    assert is_somebody_else(a_case(used_before=then), a_patron(used_before=now)) is other


# Patron gone


def test_merged_cards_the_case_follows_under_the_number_first_reported() -> None:
    decision = judged(merged(1, a_patron(9), balance="70.00"))
    assert isinstance(decision, Succession)
    assert heir_of(decision) == 9
    assert decision.row
    assert (decision.row.number, decision.row.patron, decision.row.card) == (1, 9, "20000009")
    assert (due(decision), decision.row.gone) == ("70.00", False)


@pytest.mark.parametrize("flag", ["no", "yes", None, "Class of 2027"])
def test_the_flag_of_the_heir_does_not_withdraw_what_follows(flag: str | None) -> None:
    assert isinstance(judged(merged(1, a_patron(9, flag=flag))), Succession)


def test_merged_into_a_patron_who_has_paid_the_case_is_released() -> None:
    decision = judged(merged(1, a_patron(9), balance="0.00"), clear_paid=True)
    assert isinstance(decision, Ending)
    assert (decision.state, heir_of(decision), due(decision)) == (CaseState.RELEASED, 9, "0.00")


def test_merged_into_a_patron_with_an_open_case_this_one_ends_with_0() -> None:
    decision = judged(merged(1, a_patron(9, flag="yes"), balance="70.00", heir_has_case=True))
    assert isinstance(decision, Ending)
    assert (decision.state, heir_of(decision), due(decision)) == (CaseState.MERGED, None, "0.00")
    assert decision.row
    assert decision.row.number == 1


@pytest.mark.parametrize("withdrawn_due", ["zero", "balance", "none"])
def test_a_deleted_patrons_case_ends_with_0_under_the_name_last_told(withdrawn_due: str) -> None:
    decision = judged(gone(1), withdrawn_due=withdrawn_due)
    assert isinstance(decision, Ending)
    assert (decision.state, due(decision)) == (CaseState.DELETED, "0.00")
    assert decision.row
    assert (decision.row.number, decision.row.surname, decision.row.card) == (1, "Surname1", "20000001")
    assert decision.row.gone


@pytest.mark.parametrize(
    "tonight",
    [
        in_collections(),
        in_collections(balance="0.00"),
        in_collections(flag="no"),
        in_collections(flag="x"),
        in_collections(anonymized=True),
        gone(),
        merged(1, a_patron(9)),
        merged(1, a_patron(9), heir_has_case=True),
    ],
)
def test_no_case_ends_or_follows_without_a_reason(tonight: CaseFacts) -> None:
    outcome = judged(tonight, clear_paid=True)
    assert isinstance(outcome, UpdateRow) or outcome.why


@pytest.mark.parametrize("balance", amounts("-10.00", "0.00", "10.00"))
def test_shown_changes_credits_only(balance: Decimal) -> None:
    assert shown(balance, a_policy(negative_due="as_is")) == balance
    assert shown(balance, a_policy(negative_due="zero")) == max(balance, Decimal(0))


# Lists of what changed


def test_a_case_is_no_news_while_balance_name_and_card_are_as_last_queued() -> None:
    tonight = in_collections(balance="50.00")
    assert not case_row(tonight.case, tonight.patron, Decimal("50.00")).is_news


@pytest.mark.parametrize("change", [{"surname": "Newname"}, {"firstname": None}, {"card": "30000001"}])
def test_a_case_is_news_when_name_or_card_changed(change: dict[str, object]) -> None:
    tonight = in_collections(balance="50.00", **change)  # type: ignore[arg-type]
    assert case_row(tonight.case, tonight.patron, Decimal("50.00")).is_news


def test_a_case_is_news_when_the_balance_changed_by_a_cent() -> None:
    tonight = in_collections()
    assert case_row(tonight.case, tonight.patron, Decimal("50.01")).is_news


def test_a_case_never_queued_or_to_be_told_again_is_news() -> None:
    tonight = in_collections()
    for case in (replace(tonight.case, last_due=None), replace(tonight.case, to_report=True)):
        assert case_row(case, tonight.patron, Decimal("50.00")).is_news


def test_the_update_lists_everybody_unless_told_to_list_changes() -> None:
    assert lists_everybody(a_policy(), MONDAY)
    assert not lists_everybody(a_policy(update_lists="changed"), MONDAY)


def test_with_changes_only_everybody_is_listed_on_the_day_of_the_full_update() -> None:
    assert lists_everybody(a_policy(update_lists="changed"), SUNDAY)
    assert lists_everybody(a_policy(update_lists="changed", full_update_on=Weekday.MONDAY), MONDAY)
    assert not lists_everybody(a_policy(update_lists="changed", full_update_on=Weekday.MONDAY), SUNDAY)
    assert not lists_everybody(a_policy(update_lists="changed", full_update_on=None), SUNDAY)


# Gone sections of which nobody may be told

FREES = replace(a_section(clear_paid=True), held=("south",), frees=("south",))


def held(tonight: CaseFacts, section: Section = FREES) -> Outcome:
    """What becomes of this case if it is one of the section that is gone."""
    return told(outcome_of(replace(tonight, case=replace(tonight.case, section="south")), section, SUNDAY))


def test_a_held_case_is_not_withdrawn_and_not_ended_by_a_deleted_patron() -> None:
    assert isinstance(held(in_collections(flag="no", balance="40.00")), UpdateRow)
    assert isinstance(held(gone()), UpdateRow)
    assert isinstance(outcome_of(in_collections(flag="no", balance="40.00"), FREES, SUNDAY), Ending)


def test_a_held_case_is_released_untold_by_the_policy_of_the_section_that_frees_it() -> None:
    released = held(in_collections(balance="0.00"))
    assert isinstance(released, Ending)
    assert (released.state, released.row, released.waiting) == (CaseState.RELEASED, None, Decimal("0.00"))
    assert isinstance(held(in_collections(balance="0.01")), UpdateRow)
    assert isinstance(held(in_collections(balance="0.00"), replace(a_section(), frees=("south",))), UpdateRow)


def test_a_held_case_follows_the_heir_untold_unless_the_heir_has_a_case() -> None:
    followed = held(merged(1, a_patron(9), balance="70.00"))
    assert isinstance(followed, Succession)
    assert (followed.row, heir_of(followed)) == (None, 9)
    assert isinstance(held(merged(1, a_patron(9), balance="70.00", heir_has_case=True)), UpdateRow)


def test_a_held_case_waits_while_another_case_of_the_patron_is_open() -> None:
    another = replace(in_collections(balance="0.00"), records=PatronRecords(open_cases=frozenset({"global"})))
    assert isinstance(held(another), UpdateRow)
