"""Foresee: who would be referred on a coming day as things stand, for the list that staff see beforehand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection

from gentle_nudge.domain.collections.judgement import plan_night
from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.collections.review import ListInForce
from gentle_nudge.domain.collections.shown_list import Review, in_list_order
from gentle_nudge.domain.collections.submission_day import Due, most_referrals
from gentle_nudge.domain.wording import counted
from gentle_nudge.jobs.patrons.evidence import gather
from gentle_nudge.jobs.patrons.mark_facts import marked, waiting_for
from gentle_nudge.jobs.patrons.shared_reads import SharedReads
from gentle_nudge.koha.read.borrowers import order


def late_list(made: Review) -> str:
    """A sentence about a list that could not be made in time."""
    days = counted(made.section.policy.review_days, "day")
    return (
        f"no list was made in time, so nobody was referred: the list for {made.for_day} was made today, and the "
        f"submission follows on that day, late; staff have {days} to look at it"
    )


def foresee(
    conn: Connection,
    section: Section,
    shared: SharedReads,
    *,
    records: SectionRecords,
    under: ListInForce | None = None,
    but: Collection[int] = (),
) -> Review:
    """Who would be referred on the day of the `shared` reads, by the balances of now, `under` a list if there is one.

    Its window and ages are those of that day. Those in `but` are left aside: they are referred before.
    """
    ahead, due, records = shared.moment, Due(submission_due=True, update_due=False), replace(records, in_force=under)
    with gather(conn, section, ahead, records=records, due=due, shared=shared) as evidence:
        plan = plan_night(section, ahead.day, evidence, due)
    referrals = [each for each in plan.of(Referral) if each.number not in but]
    plan = replace(plan, order=order(conn, {each.number for each in referrals}))
    rows = marked(conn, section, ahead, plan.in_order(referrals), records=records)
    most = most_referrals(section.policy, records.past.sizes)
    return Review(
        section=section,
        for_day=ahead.day,
        rows=in_list_order(rows),
        left_out=plan.left_out,
        owing_less=plan.owing_less,
        waiting=waiting_for(conn, referrals),
        fuse_holds=most is not None and len(rows) > most,
    )
