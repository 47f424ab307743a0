"""Which list is in force on a day, whether a submission is due under it, and which list is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta
from dateutil.rrule import weekdays

from gentle_nudge.domain.collections.policy import Policy
from gentle_nudge.domain.collections.review import ListState, ReviewList
from gentle_nudge.domain.collections.submission_day import SubmissionHistory, is_submission_due, submits_on

A_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListDay:
    """What lists mean for a section on a day.

    `submission_due`: a submission is made, under the list `under` if there is one. `make_for` is the day of the list to
    be made.
    """

    submission_due: bool
    under: ReviewList | None = None
    make_for: date | None = None


def next_submission_day(policy: Policy, day: date) -> date:
    """The first day after this one on which a submission belongs."""
    return day + A_DAY + relativedelta(weekday=weekdays[policy.submit_on](+1))


def in_force(lists: Sequence[ReviewList], day: date) -> ReviewList | None:
    """The list in force: that of this day, or the latest before."""
    return max((each for each in lists if each.for_day <= day), key=lambda each: each.for_day, default=None)


def list_day(
    policy: Policy, day: date, lists: Sequence[ReviewList], past: SubmissionHistory, *, today: date
) -> ListDay:
    """What lists mean for this section on this day.

    Nobody is referred whom staff could not see: without a list the submission waits until one has been seen. Who looks
    ahead to a day whose list is still to be made sees what would be on it.
    """
    belongs_today = is_submission_due(policy, day, past)
    comes_in_time = today < submits_on(policy, day)
    latest = in_force(lists, day)
    under = latest if latest and latest.may_be_used(past.last_submission) else None
    return ListDay(
        submission_due=under is not None or (belongs_today and (not policy.review_days or comes_in_time)),
        under=under,
        make_for=_make_for(policy, day, lists, is_missing=belongs_today and under is None and not comes_in_time),
    )


def _make_for(policy: Policy, day: date, lists: Sequence[ReviewList], *, is_missing: bool) -> date | None:
    """The day of the list to be made; `is_missing`: a submission is due that nobody has seen a list of."""
    if not policy.review_days:
        return None
    ahead, coming = timedelta(days=policy.review_days), next_submission_day(policy, day)
    if coming - ahead <= day:
        return None if any(each.for_day == coming for each in lists) else coming
    is_on_its_way = any(each.for_day > day for each in lists)
    return day + ahead if is_missing and not is_on_its_way else None


def ends_as(policy: Policy, under: ReviewList) -> ListState:
    """How a list ends with its submission."""
    if under.state is ListState.OPEN and policy.review_ends == "lapse":
        return ListState.LAPSED
    return ListState.REJECTED if under.state is ListState.REJECTED else ListState.USED
