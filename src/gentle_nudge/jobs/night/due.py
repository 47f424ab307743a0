"""What is due on a day, how much of it may happen, and whether the Perl plugin is in the way."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.collections.submission_day import Due, Refusal, is_late, is_submission_due, most_referrals
from gentle_nudge.domain.moment import Moment
from gentle_nudge.errors import UserError
from gentle_nudge.koha.read import plugin_data


@dataclass(frozen=True, kw_only=True, slots=True)
class NightOptions:
    """What the person who starts a night may ask for: limits lifted for this one night, or nothing written at all.

    `beside_plugin`: a submission is made even while the Perl plugin of the same purpose is at work.
    """

    dry_run: bool = False
    most_referrals: int | None = None
    most_withdrawals: int | None = None
    beside_plugin: bool = False


def what_is_due(
    conn: Connection, section: Section, moment: Moment, *, records: SectionRecords, options: NightOptions
) -> Due:
    """What is due on this day, and how much of it may happen.

    UserError for a day before that of the last update, unless nothing is written.
    """
    policy, day = section.policy, moment.day
    if records.last_update is not None and day < records.last_update and not options.dry_run:
        raise UserError(f"{day} is too long ago: an update for a later day already exists ({records.last_update}).")
    return Due(
        submission_due=section.enabled and is_submission_due(policy, day, records.past),
        late=is_late(policy, day),
        update_due=records.last_update != day,
        most_referrals=most_referrals(policy, records.past.sizes),
        lifted_to=options.most_referrals,
        most_adoptions=policy.most_adoptions,
        most_withdrawals=policy.most_withdrawals if options.most_withdrawals is None else options.most_withdrawals,
        beside_plugin=None if options.beside_plugin else beside_plugin(conn, moment),
    )


def beside_plugin(conn: Connection, moment: Moment) -> Refusal | None:
    """The refusal of a submission while a plugin of the same purpose is enabled and was at work within 8 days."""
    worked = plugin_data.at_work(conn, moment.now)
    if worked is None:
        return None
    day = worked.astimezone(moment.zone).date()
    return Refusal(
        kind="plugin",
        sentence=f"Koha's Gentle Nudge plugin is enabled and was at work on {day}: no submission is made beside it, "
        "or patrons could be referred and charged by both",
        hint="disable the plugin in Koha (Administration, Manage plugins); if both are to work, add --beside-plugin",
    )
