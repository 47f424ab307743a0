"""What the end of a case changes in Koha and in our cases, and what a merge of cards does."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from gentle_nudge.domain.actions import ClearFlag, LiftRestriction, SetFlag
from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.case_outcome import CaseFacts, judge
from gentle_nudge.domain.collections.changes import Action, CloseCase, FollowCase, planned_changes
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import PatronRecords
from gentle_nudge.domain.collections.restriction import Holdings, restriction_changes
from gentle_nudge.domain.patron import FlagRow, Restriction
from gentle_nudge.domain.report_row import UpdateRow
from tests.builders.values import (
    ATTRIBUTE,
    IN_CASE,
    SORT1,
    SUNDAY,
    a_case,
    a_patron,
    a_section,
    gone,
    holding,
    in_attributes,
    in_collections,
    in_sort1,
    merged,
    ours,
)

TOMORROW = SUNDAY + timedelta(days=1)
LIFTING = a_section(clear_paid=True, remove_restriction=True)


def of_case(tonight: CaseFacts, held: Holdings, section: Section) -> list[Action]:
    """What is planned, and what the restrictions found under lock add to it."""
    outcome = judge(tonight, section, SUNDAY)
    if outcome is None or isinstance(outcome, UpdateRow):
        return []
    return [*planned_changes(outcome, section), *restriction_changes(outcome, held, section)]


def of_release(
    *restrictions: Restriction,
    section: Section = LIFTING,
    case: Case | None = None,
    records: PatronRecords = IN_CASE,
) -> list[Action]:
    case = case or a_case(restriction=5, restriction_type="MANUAL")
    patron = a_patron(flag="yes")
    facts = CaseFacts(case=case, patron=patron, balance=Decimal(0), records=records)
    return of_case(facts, holding(patron, *restrictions, recorded=[5]), section)


def lifted(actions: list[Action]) -> list[int]:
    return [action.restriction.id for action in actions if isinstance(action, LiftRestriction)]


# Release: the flag


def test_a_release_takes_the_flag_off_and_closes_the_case() -> None:
    actions = of_release()
    assert [type(action) for action in actions] == [ClearFlag, CloseCase]
    closing = actions[-1]
    assert isinstance(closing, CloseCase)
    assert (closing.case, closing.state) == (1, CaseState.RELEASED)
    assert closing.why


def test_every_attribute_row_that_says_yes_is_cleared_and_no_other() -> None:
    rows = in_attributes("1", "0", "Class of 2027", "yes", None)
    patron = replace(a_patron(), flag=rows)
    section = a_section(clear_paid=True, flag=ATTRIBUTE)
    actions = of_case(CaseFacts(case=a_case(), patron=patron), holding(patron), section)
    cleared = [action.before.row for action in actions if isinstance(action, ClearFlag)]
    assert cleared == [11, 14]
    assert {action.flag for action in actions if isinstance(action, ClearFlag)} == {ATTRIBUTE}


def test_a_flag_in_other_use_is_never_changed() -> None:
    patron = a_patron(flag="Class of 2027")
    actions = of_case(CaseFacts(case=a_case(), patron=patron), holding(patron), a_section(clear_paid=True))
    assert not any(isinstance(action, SetFlag | ClearFlag) for action in actions)


def test_the_flag_stays_while_another_open_case_uses_the_same_field() -> None:
    section = replace(LIFTING, sharing=("north",))
    needed = PatronRecords(open_cases=frozenset({"global", "north"}))
    assert [type(action) for action in of_release(section=section, records=needed)] == [CloseCase]
    elsewhere = of_release(section=replace(LIFTING, sharing=("south",)), records=needed)
    assert [type(action) for action in elsewhere] == [ClearFlag, CloseCase]


# Release: the restrictions


def test_the_restriction_recorded_with_the_case_is_lifted() -> None:
    assert lifted(of_release(ours(5))) == [5]


def test_a_library_that_keeps_restrictions_keeps_them() -> None:
    assert lifted(of_release(ours(5), section=a_section(clear_paid=True, remove_restriction=False))) == []


@pytest.mark.parametrize(
    "edited",
    [
        {"comment": "Patron sent to collections on 2026-09-06, promised to pay"},
        {"comment": None},
        {"type": "SUSPENSION"},
        {"expires": TOMORROW},
        {"expires": SUNDAY},
    ],
)
def test_a_restriction_that_staff_changed_stays(edited: dict[str, Any]) -> None:
    assert lifted(of_release(ours(5, **edited))) == []


def test_one_found_gone_is_no_error() -> None:
    assert [type(action) for action in of_release()] == [ClearFlag, CloseCase]


def test_the_other_active_ones_of_ours_are_lifted_too() -> None:
    assert lifted(of_release(ours(5), ours(6), ours(7, expires=TOMORROW))) == [5, 6, 7]


def test_an_expired_one_of_ours_is_left_alone() -> None:
    assert lifted(of_release(ours(5), ours(6, expires=SUNDAY))) == [5]


def test_restrictions_for_other_reasons_stay() -> None:
    assert lifted(of_release(ours(5), ours(6, comment="Lost card"), ours(7, comment=None))) == [5]


def test_restrictions_stay_while_another_open_case_needs_them() -> None:
    needed = PatronRecords(open_cases=frozenset({"global", "north"}))
    assert lifted(of_release(ours(5), ours(6), records=needed)) == []


def test_a_recorded_restriction_of_another_type_than_todays_setting_is_lifted_if_staff_left_it_alone() -> None:
    case = a_case(restriction=5, restriction_type="OLD")
    assert lifted(of_release(ours(5, type="OLD"), case=case)) == [5]
    assert lifted(of_release(ours(5, type="MANUAL"), case=case)) == []


def test_where_no_type_was_recorded_the_librarys_is_expected() -> None:
    case = a_case(restriction=5, restriction_type=None)
    assert lifted(of_release(ours(5, type="MANUAL"), case=case)) == [5]
    assert lifted(of_release(ours(5, type="SUSPENSION"), case=case)) == []


# Other endings


def test_a_case_withdrawn_by_staff_is_closed_and_koha_left_as_they_left_it() -> None:
    tonight = in_collections(flag="no", balance="40.00")
    (closing,) = of_case(tonight, holding(tonight.patron, ours(5), recorded=[5]), LIFTING)
    assert isinstance(closing, CloseCase)
    assert closing.state is CaseState.WITHDRAWN
    assert closing.why


@pytest.mark.parametrize(("section", "goes"), [(LIFTING, [5]), (a_section(clear_paid=True), [])])
def test_a_case_ended_by_staff_as_paid_loses_our_restriction_as_at_a_release(section: Section, goes: list[int]) -> None:
    tonight = in_collections(flag="no", balance="0.00")
    held = holding(tonight.patron, ours(5), ours(6, comment="Lost card"), recorded=[5])
    closing, *rest = of_case(tonight, held, section)
    assert isinstance(closing, CloseCase)
    assert closing.state is CaseState.PAID
    assert lifted(rest) == goes


def test_the_case_of_an_anonymized_patron_is_closed_and_koha_left_as_it_is() -> None:
    tonight = in_collections(anonymized=True, balance="0.00")
    (closing,) = of_case(tonight, holding(tonight.patron, ours(5), recorded=[5]), LIFTING)
    assert isinstance(closing, CloseCase)
    assert closing.state is CaseState.ANONYMIZED


def test_a_case_that_follows_an_heir_knows_how_often_the_number_was_used_before() -> None:
    heir = a_patron(9, flag="yes", used_before=1)
    assert of_case(merged(1, heir), holding(heir), a_section()) == [FollowCase(case=1, patron=9, used_before=1)]


def test_a_deleted_patrons_case_is_closed_and_nothing_else_happens() -> None:
    (closing,) = of_case(gone(4), holding(), LIFTING)
    assert isinstance(closing, CloseCase)
    assert (closing.case, closing.state) == (4, CaseState.DELETED)


def test_a_case_that_just_goes_on_changes_nothing() -> None:
    tonight = in_collections()
    assert of_case(tonight, holding(tonight.patron), LIFTING) == []


# Merged cards


def test_merged_the_case_follows_and_the_heir_is_flagged_but_neither_charged_nor_restricted() -> None:
    heir = a_patron(9, flag="no")
    section = a_section(add_restriction=True)
    actions = of_case(merged(1, heir), holding(heir), section)
    assert actions == [
        FollowCase(case=1, patron=9),
        SetFlag(patron=9, flag=SORT1, before=FlagRow(row=None, value="no")),
    ]


@pytest.mark.parametrize("flag", ["yes", "1", "Class of 2027"])
def test_an_heir_whose_flag_says_yes_already_or_is_in_other_use_keeps_it(flag: str) -> None:
    heir = a_patron(9, flag=flag)
    assert of_case(merged(1, heir), holding(heir), a_section()) == [FollowCase(case=1, patron=9)]


def test_of_an_heirs_attribute_rows_none_is_set_if_one_says_yes() -> None:
    heir = replace(a_patron(9), flag=in_attributes("0", "1"))
    assert of_case(merged(1, heir), holding(heir), a_section(flag=ATTRIBUTE)) == [FollowCase(case=1, patron=9)]


def test_merged_into_a_patron_who_owes_nothing_the_case_follows_and_is_released_there() -> None:
    heir = replace(a_patron(9), flag=in_sort1("yes"))
    actions = of_case(merged(1, heir, balance="0.00"), holding(heir, ours(77)), LIFTING)
    assert [type(action) for action in actions] == [FollowCase, ClearFlag, CloseCase, LiftRestriction]


def test_merged_into_a_patron_with_an_open_case_only_this_case_is_closed() -> None:
    heir = a_patron(9, flag="yes")
    (closing,) = of_case(merged(1, heir, heir_has_case=True), holding(heir), LIFTING)
    assert isinstance(closing, CloseCase)
    assert (closing.case, closing.state) == (1, CaseState.MERGED)


def test_a_restriction_recorded_with_the_case_is_lifted_though_the_sentence_of_the_settings_has_changed() -> None:
    was = "Sent to the agency on 2026-06-07"
    case = a_case(restriction=5, restriction_type="MANUAL", restriction_comment=was)
    assert lifted(of_release(ours(5, comment=was), case=case)) == [5]


def test_a_restriction_recorded_with_the_case_stays_once_staff_changed_its_comment() -> None:
    case = a_case(restriction=5, restriction_type="MANUAL", restriction_comment="Sent to the agency on 2026-06-07")
    assert lifted(of_release(ours(5, comment="Sent to the agency on 2026-06-07, see Ann"), case=case)) == []
