"""When a submission is due, when it is late, and how many patrons it may refer."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.collections.submission_day import (
    SubmissionHistory,
    is_late,
    is_lifted_for,
    is_submission_due,
    most_referrals,
    submits_on,
)
from gentle_nudge.domain.moment import Weekday
from tests.builders.values import a_policy

SUN, MON, TUE, SAT = date(2026, 11, 22), date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 28)
LAST_SUN, NEXT_SUN = date(2026, 11, 15), date(2026, 11, 29)
LONG_AGO = date(2026, 1, 4)


def due(day: date, *, last: date | None = None, first_run: date | None = LONG_AGO) -> bool:
    return is_submission_due(a_policy(), day, SubmissionHistory(last_submission=last, first_run=first_run))


# When


@pytest.mark.parametrize(
    ("day", "belongs"),
    [(LAST_SUN, LAST_SUN), (date(2026, 11, 21), LAST_SUN), (SUN, SUN), (MON, SUN), (SAT, SUN), (NEXT_SUN, NEXT_SUN)],
)
def test_a_submission_belongs_to_the_latest_weekday_not_after_the_day(day: date, belongs: date) -> None:
    assert submits_on(a_policy(), day) == belongs


@pytest.mark.parametrize("weekday", list(Weekday))
def test_every_weekday_can_be_the_one(weekday: Weekday) -> None:
    policy = a_policy(submit_on=weekday)
    week = [SUN + timedelta(days=ahead) for ahead in range(7)]
    assert [day.weekday() for day in week if submits_on(policy, day) == day] == [weekday]
    assert [day.weekday() for day in week if not is_late(policy, day)] == [weekday]


def test_on_its_weekday_it_is_due() -> None:
    assert due(SUN, last=LAST_SUN)
    assert not is_late(a_policy(), SUN)


def test_on_its_weekday_it_is_due_on_the_very_first_night() -> None:
    assert due(SUN, last=None, first_run=None)


def test_on_its_weekday_it_is_due_even_if_last_weeks_was_late() -> None:
    assert due(SUN, last=SUN - timedelta(days=1))


def test_made_on_its_weekday_it_is_not_due_again_that_week() -> None:
    assert not any(due(SUN + timedelta(days=ahead), last=SUN) for ahead in range(7))
    assert due(NEXT_SUN, last=SUN)


def test_made_late_it_is_not_due_again_that_week() -> None:
    assert not any(due(TUE + timedelta(days=ahead), last=TUE) for ahead in range(5))
    assert due(NEXT_SUN, last=TUE)


def test_missed_on_the_weekday_it_is_due_the_next_night_and_late() -> None:
    assert due(MON, last=LAST_SUN)
    assert is_late(a_policy(), MON)


def test_missed_on_the_weekday_it_stays_due_until_it_is_made() -> None:
    assert all(due(SUN + timedelta(days=ahead), last=LAST_SUN) for ahead in range(7))


@pytest.mark.parametrize(("days_before", "is_due"), [(7, False), (8, True)])
def test_a_late_one_waits_until_the_last_is_more_than_seven_days_past(days_before: int, *, is_due: bool) -> None:
    assert due(TUE, last=TUE - timedelta(days=days_before)) is is_due


def test_installed_on_a_monday_it_waits_for_its_weekday() -> None:
    assert not due(MON, last=None, first_run=None)
    assert not due(TUE, last=None, first_run=MON)
    assert not due(SAT, last=None, first_run=MON)
    assert due(NEXT_SUN, last=None, first_run=MON)


def test_refused_by_the_fuse_on_the_first_weekday_it_is_due_the_next_night() -> None:
    assert due(MON, last=None, first_run=SUN)


def test_with_a_run_before_the_weekday_it_is_due_although_there_never_was_a_submission() -> None:
    assert due(MON, last=None, first_run=SUN - timedelta(days=1))


def test_a_changed_weekday_is_late_only_once_the_last_is_more_than_a_week_past() -> None:
    tuesdays = a_policy(submit_on=Weekday.TUESDAY)
    past = SubmissionHistory(last_submission=SUN, first_run=LONG_AGO)
    assert not is_submission_due(tuesdays, MON, past)
    assert is_submission_due(tuesdays, TUE, past)


@given(last=st.dates(date(2026, 1, 1), date(2026, 11, 22)), ahead=st.integers(0, 30))
def test_once_made_it_is_not_due_again_on_the_same_day_nor_before(last: date, ahead: int) -> None:
    day = last - timedelta(days=ahead)
    assert not due(day, last=last)


@given(st.dates(date(2026, 1, 5), date(2026, 12, 31)), st.sets(st.integers(0, 60)))
def test_whatever_nights_are_missed_nobody_waits_longer_than_a_week_of_nights(start: date, missed: set[int]) -> None:
    """At most one submission in any week from weekday to weekday, and one on every weekday that has its night."""
    last: date | None = None
    first_run: date | None = None
    made: list[date] = []
    for ahead in range(60):
        day = start + timedelta(days=ahead)
        if ahead in missed:
            continue
        if due(day, last=last, first_run=first_run):
            last = day
            made.append(day)
        else:
            assert day.weekday() != Weekday.SUNDAY
        first_run = first_run or day
    weeks = [submits_on(a_policy(), day) for day in made]
    assert len(weeks) == len(set(weeks))


# How many


@pytest.mark.parametrize(
    ("sizes", "most"),
    [
        ((), 100),
        ((0,), 50),
        ((12,), 50),
        ((13,), 52),
        ((20, 3, 1), 80),
        ((3, 20, 1), 80),
        ((124,), 496),
        ((125,), 500),
        ((126,), 500),
        ((4000,), 500),
    ],
)
def test_usual_is_four_times_the_largest_at_least_50_and_at_most_500(sizes: tuple[int, ...], most: int) -> None:
    assert most_referrals(a_policy(), sizes) == most


def test_without_history_100_patrons_are_usual() -> None:
    assert most_referrals(a_policy(), ()) == 100


def test_a_number_is_the_limit_whatever_was_before() -> None:
    assert most_referrals(a_policy(most_referrals=7), (400,)) == 7
    assert most_referrals(a_policy(most_referrals=7), ()) == 7


def test_0_is_no_limit() -> None:
    assert most_referrals(a_policy(most_referrals=0), (4,)) is None


@pytest.mark.parametrize(
    ("found", "lifted_to", "goes"),
    [
        (200, None, False),
        (200, 199, False),
        (200, 200, True),
        (200, 220, True),
        (200, 221, False),
        (105, 115, True),
        (105, 116, False),
        (9, 9, True),
        (9, 10, False),
        (200, 999_999, False),
    ],
)
def test_lifted_by_hand_it_lets_through_the_number_found_and_at_most_a_tenth_more(
    found: int, lifted_to: int | None, *, goes: bool
) -> None:
    assert is_lifted_for(found, lifted_to) is goes
