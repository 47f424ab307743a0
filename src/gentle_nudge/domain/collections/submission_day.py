"""When a submission is due, and how many patrons it may refer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from gentle_nudge.domain.collections.policy import Policy

A_WEEK = 7


USUAL_FACTOR = 4


USUAL_LEAST, USUAL_MOST, USUAL_AT_FIRST = 50, 500, 100


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionHistory:
    """What the section did before: the day of its last submission, of its first run, the last submissions' sizes."""

    last_submission: date | None = None
    first_run: date | None = None
    sizes: tuple[int, ...] = ()


def submits_on(policy: Policy, day: date) -> date:
    """The latest day not after this one on which a submission belongs."""
    return day - timedelta(days=(day.weekday() - policy.submit_on) % A_WEEK)


def is_submission_due(policy: Policy, day: date, past: SubmissionHistory) -> bool:
    """Whether the section owes a submission on this day: on its weekday, or late if that one was missed."""
    belongs = submits_on(policy, day)
    if past.last_submission is not None and past.last_submission >= belongs:
        return False
    if day == belongs:
        return True
    knows_the_weekday = past.first_run is not None and past.first_run <= belongs
    long_ago = past.last_submission is None or (day - past.last_submission).days > A_WEEK
    return knows_the_weekday and long_ago


def is_late(policy: Policy, day: date) -> bool:
    """Whether a submission made on this day is late."""
    return day != submits_on(policy, day)


def most_referrals(policy: Policy, sizes: Sequence[int]) -> int | None:
    """How many patrons one submission may refer; None: no limit."""
    if policy.most_referrals != "usual":
        return policy.most_referrals or None
    if not sizes:
        return USUAL_AT_FIRST
    return min(max(USUAL_FACTOR * max(sizes), USUAL_LEAST), USUAL_MOST)


def is_lifted_for(found: int, lifted_to: int | None) -> bool:
    """Whether a fuse lifted by hand to this number lets so many through: at least as many, at most a tenth more."""
    return lifted_to is not None and found <= lifted_to and lifted_to * 10 <= found * 11
