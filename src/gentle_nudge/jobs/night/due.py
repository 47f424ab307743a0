"""What is due on a day, and how much of it may happen; what the person who starts a night may lift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gentle_nudge.domain.collections.judgement import Due
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.submission_day import is_late, is_submission_due, most_referrals
from gentle_nudge.domain.moment import Moment
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.patrons.records import SectionRecords


@dataclass(frozen=True, kw_only=True, slots=True)
class NightOptions:
    """What the person who starts a night may say: limits lifted for this one night, or nothing written at all.

    `beside_plugin`: a submission is made even while the Perl plugin of the same purpose is at work.
    """

    dry_run: bool = False
    most_referrals: int | None = None
    most_withdrawals: int | None = None
    beside_plugin: bool = False


def what_is_due(section: Section, moment: Moment, memory: SectionRecords, options: NightOptions) -> Due:
    """What is due on this day, and how much of it may happen."""
    policy, day = section.policy, moment.day
    most_withdrawals = policy.most_withdrawals if options.most_withdrawals is None else options.most_withdrawals
    return Due(
        submission_due=section.enabled and is_submission_due(policy, day, memory.past),
        late=is_late(policy, day),
        update_due=_is_update_due(memory.last_update, day, options),
        most_referrals=most_referrals(policy, memory.past.sizes),
        lifted_to=options.most_referrals,
        most_adoptions=policy.most_adoptions,
        most_withdrawals=most_withdrawals,
    )


def _is_update_due(last: date | None, day: date, options: NightOptions) -> bool:
    """Whether the day has no update yet; UserError for a day before the last one, unless nothing is written."""
    if last is not None and day < last and not options.dry_run:
        raise UserError(f"{day} is too long ago: an update for a later day already exists ({last}).")
    return last != day
