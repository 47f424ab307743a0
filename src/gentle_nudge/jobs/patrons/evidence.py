"""Gather: everything the rules ask about one section, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.collections.case_outcome import CaseFacts
from gentle_nudge.domain.collections.changes import Holdings
from gentle_nudge.domain.collections.judgement import Adoptee, Due, Evidence, is_adoptee
from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.collections.referral import NO_RECORDS, Candidate, SectionRecords
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import Patron
from gentle_nudge.jobs.transaction import alongside
from gentle_nudge.koha.read import accountlines, borrowers, candidates, debarments
from gentle_nudge.koha.read.candidates import CandidateScan
from gentle_nudge.koha.read.line_conditions import View
from gentle_nudge.reports.columns import CONTACT
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import cases
from gentle_nudge.store.cases import RecordedLine

if TYPE_CHECKING:
    from sqlalchemy import Connection


@contextmanager
def gather(
    conn: Connection, section: Section, moment: Moment, *, records: SectionRecords, due: Due
) -> Iterator[Evidence]:
    """The evidence of a night: every open case, everybody flagged, and who may owe enough.

    Cases and candidates are read a thousand at a time while they are judged; meanwhile the window is scanned on a
    connection of its own. While no submission is due nobody is a candidate.
    """
    view = view_of(section, moment, records)

    def scan(conn: Connection) -> CandidateScan:
        return candidates.select_candidates(conn, _knowing_all_fees(conn, view, records))

    def may_owe_enough() -> Iterator[Candidate]:
        yield from read_candidates(conn, view, records, scanned().numbers)

    with alongside(conn, scan if due.submission_due else lambda _conn: CandidateScan()) as scanned:
        flagged = borrowers.flagged(conn, section.policy.flag) if due.update_due else ()
        last_words = records.last_words if due.update_due else ()
        yield Evidence(
            candidates=may_owe_enough(),
            owing_less=lambda: scanned().owing_less,
            cases=open_case_facts(conn, view, records),
            last_words=case_facts(conn, view, records, last_words),
            adoptees=adoptees(conn, view, records, flagged),
            records=records,
        )


def open_case_facts(conn: Connection, view: View, records: SectionRecords) -> Iterator[CaseFacts]:
    """Every open case of the section with what Koha says of it; before `init` there is none."""
    if records.is_any:
        for chunk in a_thousand_at_a_time(cases.open_cases(conn, view.section.cases_of)):
            yield from case_facts(conn, view, records, chunk)


def flagged_without_case(
    conn: Connection, section: Section, moment: Moment, records: SectionRecords
) -> tuple[Adoptee, ...]:
    """The patrons of the section whose flag says yes and who have no open case."""
    flagged = borrowers.flagged(conn, section.policy.flag)
    return adoptees(conn, view_of(section, moment, records), records, flagged)


def view_of(section: Section, moment: Moment, records: SectionRecords) -> View:
    """How the section sees accounts at this moment."""
    return View(section=section, day=moment.day, zone=moment.zone, withdrawn=records.withdrawn)


def _knowing_all_fees(conn: Connection, view: View, records: SectionRecords) -> View:
    """Where fees count and charges belong to branches, a fee recorded with a case counts wherever it is booked."""
    if view.section.charges_by == "patron" or not view.section.policy.count_processing_fees:
        return view
    return knowing_fees(conn, view, records, records.open_cases)


def knowing_fees(conn: Connection, view: View, records: SectionRecords, numbers: Iterable[int]) -> View:
    """The view with the fee lines recorded with cases of these patrons, and the lines of their open cases."""
    if view.is_complete or not records.is_any:
        return view
    numbers = tuple(numbers)
    own_fees, other_fees = _whose(view, cases.recorded_fees(conn, numbers))
    known = replace(view, own_fees=own_fees, other_fees=other_fees)
    if view.section.charges_by == "patron":
        return known
    own, others = _whose(view, cases.handed_over(conn, numbers))
    return replace(known, own_lines=own, other_lines=others)


def _whose(
    view: View, recorded: Iterable[RecordedLine]
) -> tuple[dict[int, tuple[int, ...]], dict[int, tuple[int, ...]]]:
    """Patron -> the recorded lines, those of the section's cases and those of others."""
    own: defaultdict[int, list[int]] = defaultdict(list)
    others: defaultdict[int, list[int]] = defaultdict(list)
    for line in recorded:
        (own if line.section in view.section.cases_of else others)[line.patron].append(line.line)
    return (
        {number: tuple(ids) for number, ids in own.items()},
        {number: tuple(ids) for number, ids in others.items()},
    )


def read_candidates(
    conn: Connection, view: View, records: SectionRecords, numbers: Iterable[int]
) -> Iterator[Candidate]:
    """These patrons as the rules of referral see them; those gone from Koha are left out."""
    yield from with_accounts(conn, view, records, borrowers.one_by_one(conn, view.section.policy, numbers))


def with_accounts(
    conn: Connection, view: View, records: SectionRecords, patrons: Iterable[Patron], *, lock: bool = False
) -> Iterator[Candidate]:
    """These patrons with their accounts and what we know of them, read a thousand at a time.

    `lock` locks their lines. Lines recorded with cases belong where their case is.
    """
    for chunk in a_thousand_at_a_time(patrons):
        numbers = [patron.number for patron in chunk]
        accounts = accountlines.accounts(conn, knowing_fees(conn, view, records, numbers), numbers, lock=lock)
        for patron in chunk:
            yield Candidate(patron=patron, account=accounts[patron.number], records=records.of(patron.number))


def case_facts(
    conn: Connection,
    view: View,
    records: SectionRecords,
    which: Iterable[Case],
    *,
    known: Mapping[int, Candidate] | None = None,
) -> tuple[CaseFacts, ...]:
    """These cases with what Koha says of them; of patrons gone, who took over the recorded lines.

    `known` are their patrons and heirs where these are read (and locked) already; who is not among them is gone.
    """
    which = tuple(which)
    policy = view.section.policy
    if known is None:
        patrons = borrowers.patrons(conn, policy, (case.patron for case in which if case.patron))
    else:
        patrons = {number: candidate.patron for number, candidate in known.items()}
    heirs = heirs_of(conn, policy, [case for case in which if case.patron not in patrons])
    persons = {case.id: patrons.get(case.patron or 0) or heirs.get(case.id) for case in which}
    numbers = {person.number for person in persons.values() if person}
    if known is None or not numbers <= known.keys():
        balances = accountlines.balances(conn, knowing_fees(conn, view, records, numbers), numbers)
    else:
        balances = {number: known[number].account.balance for number in numbers}
    return tuple(
        CaseFacts(
            case=case,
            patron=patrons.get(case.patron or 0),
            heir=heirs.get(case.id),
            balance=balances[person.number] if (person := persons[case.id]) else ZERO,
            records=records.of(person.number) if person else NO_RECORDS,
        )
        for case in which
    )


def heirs_of(conn: Connection, policy: Policy, gone: Collection[Case]) -> dict[int, Patron]:
    """Case -> the patron that most of its recorded lines belong to now (of several with as many, the lowest)."""
    if not gone:
        return {}
    recorded = cases.recorded_lines(conn, [case.id for case in gone])
    owners = accountlines.owners(conn, [line for known in recorded.values() for line in known])
    heirs: dict[int, int] = {}
    for case, known in recorded.items():
        theirs = [owner for line in known if (owner := owners.get(line)) is not None]
        if theirs:
            heirs[case] = max(sorted(set(theirs)), key=theirs.count)
    people = borrowers.patrons(conn, policy, heirs.values())
    return {case: people[number] for case, number in heirs.items() if number in people}


def adoptees(conn: Connection, view: View, records: SectionRecords, flagged: Iterable[int]) -> tuple[Adoptee, ...]:
    """Those of the flagged patrons that are the section's and have no open case in a section with this flag."""
    section = view.section
    alone = [number for number in flagged if not records.of(number).has_flag_of(section)]
    patrons = borrowers.one_by_one(conn, section.policy, alone)
    ours = [patron for patron in patrons if is_adoptee(patron, records.of(patron.number), section)]
    numbers = {patron.number for patron in ours}
    charged = accountlines.charged_on(conn, view, numbers)
    restricted = debarments.restricted_on(conn, section.policy, numbers - charged.keys(), view.zone)
    days = restricted | charged
    return tuple(
        Adoptee(candidate=candidate, referred_on=days.get(candidate.patron.number))
        for candidate in with_accounts(conn, view, records, ours)
    )


def holdings_of(conn: Connection, numbers: Collection[int], today: date) -> dict[int, Holdings]:
    """The restrictions of these patrons, and which of them are recorded with cases."""
    restrictions = debarments.restrictions(conn, numbers)
    recorded = cases.recorded_restrictions(conn, numbers)
    return {
        number: Holdings(
            patron=number,
            today=today,
            restrictions=restrictions.get(number, ()),
            recorded=frozenset(recorded.get(number, ())),
        )
        for number in numbers
    }


def with_contacts(conn: Connection, referrals: Iterable[Referral]) -> Iterator[Referral]:
    """The rows of a submission with the addresses and telephone numbers that it shows, read a thousand at a time."""
    for chunk in a_thousand_at_a_time(referrals):
        contacts = borrowers.contacts(conn, [referral.number for referral in chunk], CONTACT)
        for referral in chunk:
            yield replace(referral, contact=contacts.get(referral.number, {}))
