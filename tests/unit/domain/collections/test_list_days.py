"""Which list is in force, when a submission is due under it, and when a list is made."""

from datetime import date, timedelta

import pytest

from gentle_nudge.domain.collections.list_days import ends_as, list_day, next_submission_day
from gentle_nudge.domain.collections.review import ListState, ReviewList
from gentle_nudge.domain.collections.submission_day import SubmissionHistory
from tests.builders.days import LAST_SUNDAY, MONDAY, NEXT_SUNDAY, SUNDAY, WEDNESDAY
from tests.builders.values import a_policy

POLICY = a_policy(review_days=3)
A_WEEK_AGO = SubmissionHistory(last_submission=LAST_SUNDAY, first_run=LAST_SUNDAY)
THURSDAY = SUNDAY - timedelta(days=3)


def a_list(for_day: date = SUNDAY, state: ListState = ListState.OPEN) -> ReviewList:
    return ReviewList(id=for_day.toordinal(), section="global", for_day=for_day, made=THURSDAY, state=state)


def on(
    day: date, *lists: ReviewList, past: SubmissionHistory = A_WEEK_AGO, **rules: object
) -> tuple[bool, date | None]:
    found = list_day(a_policy(**{"review_days": 3, **rules}), day, lists, past, today=day)
    return found.submission_due, found.make_for


def test_the_next_submission_day_is_never_this_day() -> None:
    assert next_submission_day(POLICY, SUNDAY) == NEXT_SUNDAY
    assert next_submission_day(POLICY, THURSDAY) == SUNDAY


def test_the_list_is_made_so_many_days_before_and_not_earlier() -> None:
    assert on(THURSDAY - timedelta(days=1)) == (False, None)
    assert on(THURSDAY) == (False, SUNDAY)


def test_the_first_night_in_time_makes_the_list_and_no_later_one_does() -> None:
    assert on(SUNDAY - timedelta(days=1)) == (False, SUNDAY)
    assert on(SUNDAY - timedelta(days=1), a_list()) == (False, None)


@pytest.mark.parametrize("state", [ListState.OPEN, ListState.APPROVED, ListState.REJECTED])
def test_a_submission_is_due_under_the_list_of_the_day(state: ListState) -> None:
    assert on(SUNDAY, a_list(state=state)) == (True, None)


def test_a_missed_night_is_made_up_for_with_the_same_list() -> None:
    assert on(MONDAY, a_list()) == (True, None)


def test_what_was_done_is_not_due_again() -> None:
    done = SubmissionHistory(last_submission=SUNDAY, first_run=LAST_SUNDAY)
    for state in (ListState.USED, ListState.LAPSED, ListState.REJECTED):
        assert on(MONDAY, a_list(state=state), past=done) == (False, None)


def test_without_a_list_in_time_one_is_made_for_a_later_day_and_nobody_is_referred() -> None:
    assert on(SUNDAY) == (False, WEDNESDAY)
    assert on(MONDAY, a_list(WEDNESDAY)) == (False, None)
    assert on(WEDNESDAY, a_list(WEDNESDAY)) == (True, None)


def test_the_night_of_the_day_missed_too_makes_the_list_the_next_night() -> None:
    assert on(MONDAY) == (False, MONDAY + timedelta(days=3))


def test_a_late_list_that_would_reach_the_next_submission_day_is_that_day_s() -> None:
    saturday = NEXT_SUNDAY - timedelta(days=1)
    assert on(saturday) == (False, NEXT_SUNDAY)


def test_after_a_late_submission_the_next_list_is_made_as_ever() -> None:
    done = SubmissionHistory(last_submission=WEDNESDAY, first_run=LAST_SUNDAY)
    late = a_list(WEDNESDAY, ListState.USED)
    assert on(NEXT_SUNDAY - timedelta(days=4), late, past=done) == (False, None)
    assert on(NEXT_SUNDAY - timedelta(days=3), late, past=done) == (False, NEXT_SUNDAY)


def test_an_unused_list_is_in_force_until_the_day_of_the_next() -> None:
    lists = (a_list(NEXT_SUNDAY), a_list(SUNDAY))
    before = list_day(POLICY, NEXT_SUNDAY - timedelta(days=1), lists, A_WEEK_AGO, today=NEXT_SUNDAY)
    assert before.under == a_list(SUNDAY)
    assert list_day(POLICY, NEXT_SUNDAY, lists, A_WEEK_AGO, today=NEXT_SUNDAY).under == a_list(NEXT_SUNDAY)


def test_looking_ahead_to_a_day_whose_list_is_still_to_be_made_sees_a_submission() -> None:
    assert list_day(POLICY, SUNDAY, (), A_WEEK_AGO, today=MONDAY - timedelta(days=7)).submission_due
    assert not list_day(POLICY, SUNDAY, (), A_WEEK_AGO, today=SUNDAY).submission_due


def test_without_lists_everything_is_as_ever() -> None:
    assert on(SUNDAY, review_days=0) == (True, None)
    assert on(THURSDAY, review_days=0) == (False, None)
    assert on(MONDAY, review_days=0) == (True, None)


def test_a_list_made_before_lists_were_switched_off_still_holds() -> None:
    assert on(SUNDAY, a_list(), review_days=0) == (True, None)


def test_how_a_list_ends() -> None:
    lapse = a_policy(review_days=3, review_ends="lapse")
    assert ends_as(POLICY, a_list()) is ListState.USED
    assert ends_as(lapse, a_list()) is ListState.LAPSED
    assert ends_as(lapse, a_list(state=ListState.APPROVED)) is ListState.USED
    assert ends_as(POLICY, a_list(state=ListState.REJECTED)) is ListState.REJECTED
