"""What a night does with lists: the one of its submission ends, another is made."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from gentle_nudge.domain.collections.for_a_person import Need
from gentle_nudge.domain.collections.marks import LEAVES
from gentle_nudge.domain.collections.plan import Plan, Referral
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate, Reason, SectionRecords, why_not
from gentle_nudge.domain.collections.review import NOT_APPROVED, REPLACED, TO_COME, ListRow, ListState, Outcome
from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.patrons.accounts import line_rules, read_candidates
from gentle_nudge.jobs.patrons.mark_facts import owed_a_week_later
from gentle_nudge.jobs.sending.enqueue import Run
from gentle_nudge.store import review_lists

DELETED, TOO_LARGE = "DELETED", "SUMS_TOO_LARGE"


def write_lists(conn: Connection, run: Run, plan: Plan) -> None:
    """Older lists have lapsed, the list of the submission has ended, and the new one is there."""
    moment, under = run.moment, plan.under
    latest = plan.records.in_force
    replaced = [
        each.id for each in plan.records.lists if latest and each.for_day < latest.of.for_day and each.state in TO_COME
    ]
    review_lists.set_state(conn, replaced, ListState.LAPSED, reason=REPLACED, at=moment.now)
    if under and plan.list_ends and plan.submits:
        lapsed = {"reason": NOT_APPROVED, "at": moment.now} if plan.list_ends is ListState.LAPSED else {}
        review_lists.set_state(conn, [under.id], plan.list_ends, **lapsed)
        if plan.list_ends is ListState.USED:
            review_lists.end_rows(conn, under.id, _reasons(conn, run, plan))
    if made := plan.list_made:
        rows = [
            ListRow(patron=row.number, owed=row.owed, balance=row.balance, marks=tuple(mark.mark for mark in row.marks))
            for row in made.rows
        ]
        review_lists.add(conn, section=plan.section, for_day=made.for_day, made=plan.day, listed=rows, now=moment.now)


def end_lists_of_gone_sections(conn: Connection, sections: Collection[Section], now: datetime) -> None:
    """Lists of sections that are gone from the settings, or whose submissions are off, have lapsed.

    Without any section the settings are incomplete, and nobody knows.
    """
    there = {name for section in sections if section.enabled for name in section.names}
    gone = [each.id for each in review_lists.to_come(conn) if each.section not in there] if sections else []
    review_lists.set_state(conn, gone, ListState.LAPSED, reason=REPLACED, at=now)


def _reasons(conn: Connection, run: Run, plan: Plan) -> dict[int, str | None]:
    """Every listed patron with the word why nothing came of it; None for those who are referred."""
    rows = plan.records.in_force.rows if plan.records.in_force else {}
    listed = {patron for patron, row in rows.items() if row.outcome is Outcome.LISTED}
    referred = {referral.number for referral in plan.of(Referral)}
    others = dropped(conn, run.section, run.moment, listed - referred, records=plan.records)
    return {**dict.fromkeys(listed & referred), **others}


def left_for_good(conn: Connection, section: Section, moment: Moment, *, records: SectionRecords) -> Iterator[Need]:
    """Whom staff alone keep out of this submission, and the next one's window will not have the charges of."""
    if records.in_force is None:
        return
    left_out = [patron for patron, row in records.in_force.rows.items() if row.outcome is Outcome.LEFT_OUT]
    words = dropped(conn, section, moment, left_out, records=records)
    alone = [patron for patron, word in words.items() if word == Reason.LEFT_OUT.name]
    ahead = replace(moment, day=records.in_force.of.for_day)
    later = owed_a_week_later(conn, section, ahead, alone, records=records)
    for patron in alone:
        if later[patron] < section.policy.threshold:
            yield Need(kind="left_for_good", number=patron, sentence=f"Left out of the list by staff. {LEAVES}")


def dropped(
    conn: Connection, section: Section, moment: Moment, numbers: Collection[int], *, records: SectionRecords
) -> dict[int, str]:
    """The word why each of these patrons is not referred on the day of the moment."""
    rules = line_rules(section, moment, records)
    read = read_candidates(conn, section, records, numbers, rules=rules)
    words = {each.patron.number: word_for(each, section, moment) for each in read}
    return {number: words.get(number, DELETED) for number in numbers}


def word_for(candidate: Candidate, section: Section, moment: Moment) -> str:
    """The word why a patron on a list is not referred after all."""
    if not candidate.account.can_be_kept:
        return TOO_LARGE
    return (why_not(candidate, section, moment.day) or Reason.IN_COLLECTIONS).name
