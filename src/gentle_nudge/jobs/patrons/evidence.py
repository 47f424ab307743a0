"""Gather: everything the rules ask about one section, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.collections.case_outcome import CaseFacts
from gentle_nudge.domain.collections.changes import Holdings
from gentle_nudge.domain.collections.judgement import Adoptee, Due, Evidence
from gentle_nudge.domain.collections.plan import SubmissionRow
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.collections.referral import Account, Candidate
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import Contact, Patron
from gentle_nudge.jobs.patrons.records import SectionRecords
from gentle_nudge.koha.read import accountlines, borrowers, candidates, debarments
from gentle_nudge.koha.read.candidates import CandidateScan
from gentle_nudge.koha.read.line_conditions import View
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import cases
from gentle_nudge.store.cases import RecordedLine

if TYPE_CHECKING:
    from sqlalchemy import Connection


def select(conn: Connection, section: Section, *, moment: Moment, memory: SectionRecords, limits: Due) -> CandidateScan:
    """Who may owe enough, and how many others owe something in the window; nobody while no submission is due."""
    if not limits.submission_due:
        return CandidateScan()
    view = view_of(section, moment, memory)
    return candidates.select_candidates(conn, _knowing_all_fees(conn, view, memory))


def gather(
    conn: Connection,
    section: Section,
    *,
    moment: Moment,
    memory: SectionRecords,
    limits: Due,
    selected: Callable[[], CandidateScan],
) -> Evidence:
    """The evidence of a night: every open case, everybody flagged, and who may owe enough.

    Cases and candidates are read a thousand at a time while they are judged; `selected` is asked when the cases are.
    """
    view = view_of(section, moment, memory)
    flagged = borrowers.flagged(conn, section.policy.flag) if limits.update_due else frozenset()
    last_words = memory.last_words if limits.update_due else ()
    return Evidence(
        candidates=read_candidates(conn, view, memory, _numbers(selected)),
        cases=open_case_facts(conn, view, memory),
        last_words=tuple(case_facts(conn, view, memory, last_words)),
        adoptees=adoptees(conn, view, memory, flagged),
    )


def _numbers(selected: Callable[[], CandidateScan]) -> Iterator[int]:
    """The numbers selected, asked for when the first is."""
    yield from selected().numbers


def open_case_facts(conn: Connection, view: View, memory: SectionRecords) -> Iterator[CaseFacts]:
    """Every open case of the section with what Koha says of it; before `init` there is none."""
    if memory.is_any:
        for some in a_thousand_at_a_time(cases.open_cases(conn, view.section.cases_of)):
            yield from case_facts(conn, view, memory, some)


def flagged_without_case(
    conn: Connection, section: Section, *, moment: Moment, memory: SectionRecords
) -> tuple[Adoptee, ...]:
    """The patrons of the section whose flag says yes and who have no open case."""
    flagged = borrowers.flagged(conn, section.policy.flag)
    return adoptees(conn, view_of(section, moment, memory), memory, flagged)


def view_of(section: Section, moment: Moment, memory: SectionRecords) -> View:
    """How the section sees accounts at this moment."""
    return View(section=section, day=moment.day, zone=moment.zone, withdrawn=memory.withdrawn)


def _knowing_all_fees(conn: Connection, view: View, memory: SectionRecords) -> View:
    """Where fees count and charges belong to branches, a fee recorded with a case counts wherever it is booked."""
    if view.section.charges_by == "patron" or not view.section.policy.count_processing_fees:
        return view
    return knowing_fees(conn, view, memory, memory.in_collections)


def knowing_fees(conn: Connection, view: View, memory: SectionRecords, numbers: Iterable[int]) -> View:
    """The view with the fee lines recorded with cases of these patrons, and the lines of their open cases."""
    if view.is_complete or not memory.is_any:
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
    conn: Connection, view: View, memory: SectionRecords, numbers: Iterable[int]
) -> Iterator[Candidate]:
    """These patrons as the rules of referral see them."""
    for some in a_thousand_at_a_time(borrowers.one_by_one(conn, view.section.policy, numbers)):
        people = {person.number: person for person in some}
        yield from as_candidates(view, memory, people, accounts_of(conn, view, memory, people))


def accounts_of(
    conn: Connection, view: View, memory: SectionRecords, numbers: Collection[int], *, lock: bool = False
) -> dict[int, Account]:
    """The accounts of these patrons, with the lines recorded with cases where they belong."""
    return accountlines.accounts(conn, knowing_fees(conn, view, memory, numbers), numbers, lock=lock)


def as_candidates(
    view: View, memory: SectionRecords, people: Mapping[int, Patron], sums: Mapping[int, Account]
) -> Iterator[Candidate]:
    """These patrons with their accounts, and whether the section speaks for them."""
    section = view.section
    for number, person in people.items():
        yield Candidate(
            patron=person,
            account=sums[number],
            speaks=section.enabled and speaks_for(section, person, has_lines=sums[number].has_lines_here),
            has_case=memory.has_case(number, section),
        )


def speaks_for(section: Section, patron: Patron, *, has_lines: bool) -> bool:
    """Whether the section speaks for the patron, or for some of the charges."""
    return section.scope.holds(patron.branch) if section.charges_by == "patron" else has_lines


def case_facts(
    conn: Connection,
    view: View,
    memory: SectionRecords,
    which: Iterable[Case],
    *,
    people: Mapping[int, Patron] | None = None,
    sums: Mapping[int, Decimal] | None = None,
) -> tuple[CaseFacts, ...]:
    """These cases with what Koha says of them; of patrons gone, who took over the recorded lines.

    `people` and their `sums` may be known already; those of heirs too.
    """
    which = tuple(which)
    policy = view.section.policy
    if people is None:
        people = borrowers.patrons(conn, policy, (case.patron for case in which if case.patron))
    heirs = _heirs(conn, policy, [case for case in which if case.patron not in people])
    now_with = {case.id: people.get(case.patron or 0) or heirs.get(case.id) for case in which}
    numbers = {patron.number for patron in now_with.values() if patron}
    if sums is None or not numbers <= sums.keys():
        sums = accountlines.balances(conn, knowing_fees(conn, view, memory, numbers), numbers)
    return tuple(
        CaseFacts(
            case=case,
            patron=people.get(case.patron or 0),
            balance=sums[whose.number] if (whose := now_with[case.id]) else ZERO,
            heir=(heir := heirs.get(case.id)),
            heir_has_case=heir is not None and memory.has_case(heir.number, view.section),
        )
        for case in which
    )


def _heirs(conn: Connection, policy: Policy, gone: Collection[Case]) -> dict[int, Patron]:
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


def adoptees(conn: Connection, view: View, memory: SectionRecords, flagged: Iterable[int]) -> tuple[Adoptee, ...]:
    """Those of the flagged patrons that are the section's and have no open case in a section with this flag."""
    section = view.section
    using = {*section.cases_of, *section.sharing}
    alone = [number for number in flagged if not memory.in_collections.get(number, frozenset()) & using]
    people = borrowers.patrons(conn, section.policy, alone)
    theirs = {
        number: person
        for number, person in people.items()
        if section.scope.holds(person.branch) or (section.charges_by != "patron" and section.enabled)
    }
    charged = accountlines.charged_on(conn, view, theirs)
    restricted = debarments.restricted_on(conn, section.policy, theirs.keys() - charged.keys(), view.zone)
    return tuple(
        Adoptee(
            candidate=candidate,
            referred_on=charged.get(candidate.patron.number) or restricted.get(candidate.patron.number),
        )
        for candidate in as_candidates(view, memory, theirs, accounts_of(conn, view, memory, theirs))
    )


def holdings_of(
    conn: Connection, section: Section, memory: SectionRecords, people: Mapping[int, Patron], *, today: date
) -> dict[int, Holdings]:
    """What these patrons have that a decision may touch."""
    blocks = debarments.restrictions(conn, people)
    recorded = cases.recorded_restrictions(conn, people)
    sharing, own = set(section.sharing), set(section.cases_of)
    return {
        number: Holdings(
            patron=person,
            today=today,
            restrictions=blocks.get(number, ()),
            recorded=frozenset(recorded.get(number, ())),
            flag_needed=bool(memory.in_collections.get(number, frozenset()) & (sharing - own)),
            restriction_needed=bool(memory.in_collections.get(number, frozenset()) - own),
        )
        for number, person in people.items()
    }


def with_contacts(conn: Connection, rows: Iterable[SubmissionRow]) -> Iterator[SubmissionRow]:
    """The rows with the addresses and telephone numbers that the submission shows, read a thousand at a time."""
    for some in a_thousand_at_a_time(rows):
        known = borrowers.contacts(conn, [row.patron.number for row in some])
        for row in some:
            yield replace(row, patron=replace(row.patron, contact=known.get(row.patron.number, Contact())))
