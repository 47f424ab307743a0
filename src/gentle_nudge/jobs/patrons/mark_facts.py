"""What the marks of a list ask, read from Koha and from our cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import Connection

from gentle_nudge.domain.collections.marks import (
    MarkFacts,
    Payment,
    Waiting,
    marks_of,
    usual_balance,
    waited_for,
)
from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.collections.shown_list import ShownRow, shown
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import PatronFields
from gentle_nudge.jobs.patrons.accounts import line_rules, read_candidates
from gentle_nudge.koha.read import borrowers, lost_items
from gentle_nudge.koha.read.lost_items import ChargedItem
from gentle_nudge.store import cases

A_WEEK = timedelta(days=7)


def marked(
    conn: Connection, section: Section, ahead: Moment, referrals: Sequence[Referral], *, records: SectionRecords
) -> tuple[ShownRow, ...]:
    """The rows of these referrals of the day `ahead` with their marks, in the same order."""
    numbers = [each.number for each in referrals]
    charged = lost_items.charged_items(conn, [line.id for each in referrals for line in each.account.debits])
    claims, payments = lost_items.claimed(conn, numbers), lost_items.last_payments(conn, numbers, ahead.zone)
    titles = titles_of(referrals, charged)
    others = waited_for(titles, lost_items.waiting(conn, frozenset().union(*titles.values())) or {})
    before = cases.of_patrons(conn, numbers)
    in_koha = borrowers.patrons(conn, PatronFields(flag=section.policy.flag, contact=True), numbers)
    owed_next_week = owed_a_week_later(conn, section, ahead, numbers, records=records)
    usual = usual_balance(cases.balances_referred(conn, section.names), [each.balance for each in referrals])

    def facts_of(referral: Referral) -> MarkFacts:
        items = [charged[line.id] for line in referral.account.debits if line.id in charged]
        number, lost = referral.number, {line.id for line in referral.account.lost_charges}
        return MarkFacts(
            referral=referral,
            section=section,
            usual=usual,
            found=sum(item.line in lost and not item.is_lost for item in items),
            claimed=len({item.item for item in items} & claims.get(number, frozenset())),
            payment=Payment(day=payments[number][0], amount=payments[number][1]) if number in payments else None,
            cases=tuple(before.get(number, ())),
            unreachable=f"Cannot be reached: {lacks}." if (lacks := in_koha[number].lacks) else "",
            waiting=len(others.get(number, ())),
            owed_next_week=owed_next_week.get(number, ZERO),
        )

    return tuple(shown(each, marks_of(facts_of(each))) for each in referrals)


def owed_a_week_later(
    conn: Connection, section: Section, ahead: Moment, numbers: Collection[int], *, records: SectionRecords
) -> dict[int, Decimal]:
    """Patron -> what is owed by today's facts in the window a week after the day `ahead`; nobody who is gone."""
    rules = line_rules(section, replace(ahead, day=ahead.day + A_WEEK), records)
    read = read_candidates(conn, section, records, numbers, rules=rules)
    return {candidate.patron.number: candidate.account.owed for candidate in read}


def waiting_for(conn: Connection, referrals: Iterable[Referral]) -> Waiting | None:
    """How many of these patrons hold back a title, and how many others wait; None if this Koha has no reserves."""
    referrals = tuple(referrals)
    lost = [line.id for each in referrals for line in each.account.lost_charges]
    titles = titles_of(referrals, lost_items.charged_items(conn, lost))
    waiting = lost_items.waiting(conn, frozenset().union(*titles.values()))
    if waiting is None:
        return None
    others = {patron: people for patron, people in waited_for(titles, waiting).items() if people}
    return Waiting(patrons=len(others), others=len(frozenset().union(*others.values())))


def titles_of(referrals: Iterable[Referral], charged: Mapping[int, ChargedItem]) -> dict[int, frozenset[int]]:
    """Patron -> the titles of the items of lost charges still owing."""
    titles = defaultdict[int, frozenset[int]](frozenset)
    for referral in referrals:
        lost = referral.account.lost_charges
        titles[referral.number] |= {charged[line.id].title for line in lost if line.id in charged}
    return dict(titles)
