"""What is due on a day, how much of it may happen, and what is refused if it is more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from dateutil.relativedelta import relativedelta
from dateutil.rrule import weekdays

from gentle_nudge.domain.collections.policy import Policy
from gentle_nudge.domain.collections.review import ListState, ReviewList
from gentle_nudge.domain.wording import counted

A_WEEK = 7
USUAL_FACTOR = 4
USUAL_LEAST, USUAL_MOST, USUAL_AT_FIRST = 50, 500, 100
Limit = Literal["fuse", "adoptions", "endings", "pauses", "reopenings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionHistory:
    """The day of the section's last submission, the day of its first run, and the sizes of its last submissions."""

    last_submission: date | None = None
    first_run: date | None = None
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A part of the night that was refused, with the way out."""

    kind: Limit | Literal["plugin", "held"]
    sentence: str
    hint: str

    @property
    def stops_submission(self) -> bool:
        """Whether no submission is made because of it."""
        return self.kind not in {"endings", "pauses", "reopenings", "held"}


# The refusal of each limit that is passed; {count}, {most} and the like are still to be filled in.
TOO_MANY: dict[Limit, Refusal] = {
    "endings": Refusal(
        kind="endings",
        sentence="{count} open cases would end ({kinds}), more than the {most} that may end so in one night: none of "
        "them was closed, changed or listed; all others went on",
        hint="if an import, a form or a clean-up did it, put flags, patrons or charges back; if all of it is right, "
        "start the next night with nightly --most-endings {count}",
    ),
    "pauses": Refusal(
        kind="pauses",
        sentence="{count} open cases would be paused by Koha's field or ended by staff, more than the {most} of one "
        "night: none of them was paused, and they are reported as before; all others went on",
        hint="if an import or a form did it, put the field back; if all of it is right, start the next night with "
        "nightly --most-endings {count}",
    ),
    "adoptions": Refusal(
        kind="adoptions",
        sentence="the flag of {patrons} says yes without a case, more than the {most} a night may adopt: "
        "none was adopted and no submission was made",
        hint="see who they are and adopt them with gentle-nudge init --adopt",
    ),
    "reopenings": Refusal(
        kind="reopenings",
        sentence="{count} closed cases owe again, more than the {most} that may be reopened in one night: none was "
        "reopened, and their patrons are in no submission; all others went on",
        hint="if payments were voided by mistake, put them back; if they are right, start the next night with "
        "nightly --most-referrals {count}",
    ),
    "fuse": Refusal(
        kind="fuse",
        sentence="{count} patrons qualify, more than the {most} one submission may refer: none was referred, "
        "and the submission will be tried again tomorrow",
        hint="look at them with nightly --dry-run; if they are right, run nightly --most-referrals {count}",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """What is due, and how much of it may happen; None: no limit.

    `lifted_to` and `endings_lifted_to` are the fuses as lifted by hand. `names_left_out`: the plan keeps not only how
    many patrons are left out, but also who. The submission is made `under` a list, if there is one, which then ends as
    `list_ends`. A list for the day `list_for` is made.
    """

    submission_due: bool = False
    late: bool = False
    update_due: bool = True
    most_referrals: int | None = None
    lifted_to: int | None = None
    most_adoptions: int | None = None
    most_endings: int | Literal["usual"] | None = None
    endings_lifted_to: int | None = None
    beside_plugin: Refusal | None = None
    under: ReviewList | None = None
    list_ends: ListState | None = None
    list_for: date | None = None
    names_left_out: bool = False

    @property
    def is_anything(self) -> bool:
        """Whether a report or a list of the day is still to be made."""
        return self.submission_due or self.update_due or self.list_for is not None

    @property
    def may_refer(self) -> bool:
        """Whether a submission is due in which somebody may be: its list was not rejected and has not lapsed."""
        return self.submission_due and self.list_ends in {None, ListState.USED}

    @property
    def is_approved(self) -> bool:
        """Whether staff have approved the list, so that no fuse looks at its length."""
        return self.under is not None and self.under.state is ListState.APPROVED

    @property
    def without_limits(self) -> Due:
        """The same, with no limit to how much may happen."""
        return replace(self, most_referrals=None, most_adoptions=None, most_endings=None, beside_plugin=None)


def submits_on(policy: Policy, day: date) -> date:
    """The latest day not after this one on which a submission belongs."""
    return day + relativedelta(weekday=weekdays[policy.submit_on](-1))


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


def is_lifted_for(count: int, lifted_to: int | None) -> bool:
    """Whether a fuse lifted by hand to this number lets so many through: at least as many, at most a tenth more."""
    return lifted_to is not None and count <= lifted_to and lifted_to * 10 <= count * 11


def too_many(limit: Limit, count: int, most: int | None, *, kinds: str = "") -> Refusal | None:
    """The refusal if this limit is passed; None if it is not, or if there is no limit."""
    if most is None or count <= most:
        return None
    facts = {"count": count, "patrons": counted(count, "patron"), "most": most, "kinds": kinds}
    refusal = TOO_MANY[limit]
    return replace(refusal, sentence=refusal.sentence.format(**facts), hint=refusal.hint.format(**facts))
