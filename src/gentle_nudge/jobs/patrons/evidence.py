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
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate
from gentle_nudge.domain.ledger import Account, LineRules, OurFee, Ownership
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import Contact, Patron, PatronFields
from gentle_nudge.jobs.patrons.records import SectionRecords
from gentle_nudge.koha.read import accountlines, borrowers, candidates, debarments
from gentle_nudge.koha.read.candidates import CandidateScan
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import cases
from gentle_nudge.store.cases import RecordedLine

if TYPE_CHECKING:
    from sqlalchemy import Connection


def select(conn: Connection, section: Section, *, moment: Moment, memory: SectionRecords, limits: Due) -> CandidateScan:
    """Who may owe enough, and how many others owe something in the window; nobody while no submission is due."""
    if not limits.submission_due:
        return CandidateScan()
    recorded_lines_matter = section.charges_by != "patron" and section.policy.count_processing_fees
    ownership = ownership_of(conn, section, memory, memory.in_collections if recorded_lines_matter else ())
    rules = line_rules(section, moment, memory)
    return candidates.select_candidates(conn, rules, ownership, section.policy.threshold)


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
    rules = line_rules(section, moment, memory)
    flagged = borrowers.flagged(conn, section.policy.flag) if limits.update_due else frozenset()
    last_words = memory.last_words if limits.update_due else ()
    return Evidence(
        candidates=read_candidates(conn, section, memory, _numbers(selected), rules=rules),
        cases=open_case_facts(conn, section, memory),
        last_words=case_facts(conn, section, memory, last_words),
        adoptees=adoptees(conn, section, memory, flagged, rules=rules),
    )


def _numbers(selected: Callable[[], CandidateScan]) -> Iterator[int]:
    """The numbers selected, asked for when the first is."""
    yield from selected().numbers


def open_case_facts(conn: Connection, section: Section, memory: SectionRecords) -> Iterator[CaseFacts]:
    """Every open case of the section with what Koha says of it; before `init` there is none."""
    if memory.is_any:
        for some in a_thousand_at_a_time(cases.open_cases(conn, section.cases_of)):
            yield from case_facts(conn, section, memory, some)


def flagged_without_case(
    conn: Connection, section: Section, *, moment: Moment, memory: SectionRecords
) -> tuple[Adoptee, ...]:
    """The patrons of the section whose flag says yes and who have no open case."""
    flagged = borrowers.flagged(conn, section.policy.flag)
    return adoptees(conn, section, memory, flagged, rules=line_rules(section, moment, memory))


def line_rules(section: Section, moment: Moment, memory: SectionRecords) -> LineRules:
    """Which account lines count for the section at this moment."""
    policy = section.policy
    fee = OurFee(debit_type=policy.fee_debit_type, description=policy.fee_description)
    return LineRules(
        window=policy.window(moment.day),
        zone=moment.zone,
        first_day=policy.ignore_fees_before,
        debit_types=policy.debit_types,
        excluded_debit_types=policy.excluded_debit_types,
        excluded_fee=None if policy.count_processing_fees else fee,
        withdrawn=memory.withdrawn,
        withdrawn_count=policy.refer_withdrawn_charges,
    )


def ownership_of(conn: Connection, section: Section, memory: SectionRecords, numbers: Iterable[int]) -> Ownership:
    """Whose the charges of these patrons are, with the fees recorded with their cases and the lines of open ones."""
    scope, numbers = section.scope, tuple(numbers)
    fees = cases.recorded_fees(conn, numbers) if memory.is_any else []
    lines = cases.handed_over(conn, numbers) if memory.is_any and section.charges_by != "patron" else []
    recorded = [*fees, *lines]
    return Ownership(
        charges_by=section.charges_by,
        branches=scope.branches,
        all_but=scope.all_but,
        own=_by_patron(line for line in recorded if line.section in section.cases_of),
        others=_by_patron(line for line in recorded if line.section not in section.cases_of),
        fees=_by_patron(fees),
    )


def _by_patron(recorded: Iterable[RecordedLine]) -> dict[int, tuple[int, ...]]:
    lines: defaultdict[int, list[int]] = defaultdict(list)
    for line in recorded:
        lines[line.patron].append(line.line)
    return {number: tuple(ids) for number, ids in lines.items()}


def read_candidates(
    conn: Connection, section: Section, memory: SectionRecords, numbers: Iterable[int], *, rules: LineRules
) -> Iterator[Candidate]:
    """These patrons as the rules of referral see them."""
    for some in a_thousand_at_a_time(borrowers.one_by_one(conn, section.policy.patron_fields, numbers)):
        people = {person.number: person for person in some}
        yield from as_candidates(section, memory, people, accounts_of(conn, section, memory, people, rules=rules))


def accounts_of(
    conn: Connection,
    section: Section,
    memory: SectionRecords,
    numbers: Collection[int],
    *,
    rules: LineRules,
    ownership: Ownership | None = None,
    lock: bool = False,
) -> dict[int, Account]:
    """The accounts of these patrons; `ownership` may be known already."""
    ownership = ownership or ownership_of(conn, section, memory, numbers)
    return accountlines.accounts(conn, rules, ownership, numbers, lock=lock)


def as_candidates(
    section: Section, memory: SectionRecords, people: Mapping[int, Patron], sums: Mapping[int, Account]
) -> Iterator[Candidate]:
    """These patrons with their accounts, and whether the section speaks for them."""
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
    section: Section,
    memory: SectionRecords,
    which: Iterable[Case],
    *,
    people: Mapping[int, Patron] | None = None,
    sums: Mapping[int, Decimal] | None = None,
    ownership: Ownership | None = None,
) -> tuple[CaseFacts, ...]:
    """These cases with what Koha says of them; of patrons gone, who took over the recorded lines.

    `people` and their `sums` may be known already, those of heirs too, and so may `ownership`.
    """
    which = tuple(which)
    fields = section.policy.patron_fields
    if people is None:
        people = borrowers.patrons(conn, fields, (case.patron for case in which if case.patron))
    heirs = _heirs(conn, fields, [case for case in which if case.patron not in people])
    now_with = {case.id: people.get(case.patron or 0) or heirs.get(case.id) for case in which}
    numbers = {patron.number for patron in now_with.values() if patron}
    if sums is None or not numbers <= sums.keys():
        ownership = ownership or ownership_of(conn, section, memory, numbers)
        sums = accountlines.balances(conn, ownership, numbers)
    return tuple(
        CaseFacts(
            case=case,
            patron=people.get(case.patron or 0),
            balance=sums[whose.number] if (whose := now_with[case.id]) else ZERO,
            heir=(heir := heirs.get(case.id)),
            heir_has_case=heir is not None and memory.has_case(heir.number, section),
        )
        for case in which
    )


def _heirs(conn: Connection, fields: PatronFields, gone: Collection[Case]) -> dict[int, Patron]:
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
    people = borrowers.patrons(conn, fields, heirs.values())
    return {case: people[number] for case, number in heirs.items() if number in people}


def adoptees(
    conn: Connection,
    section: Section,
    memory: SectionRecords,
    flagged: Iterable[int],
    *,
    rules: LineRules,
    ownership: Ownership | None = None,
) -> tuple[Adoptee, ...]:
    """Those of the flagged patrons that are the section's and have no open case in a section with this flag."""
    using = {*section.cases_of, *section.sharing}
    alone = [number for number in flagged if not memory.in_collections.get(number, frozenset()) & using]
    people = borrowers.patrons(conn, section.policy.patron_fields, alone)
    theirs = {
        number: person
        for number, person in people.items()
        if section.scope.holds(person.branch) or (section.charges_by != "patron" and section.enabled)
    }
    charged = accountlines.charged_on(conn, section.policy.fee_description, theirs, rules.zone)
    is_ours, uncharged = section.policy.made_this_comment, theirs.keys() - charged.keys()
    restricted = debarments.restricted_on(conn, is_ours, uncharged, rules.zone)
    sums = accounts_of(conn, section, memory, theirs, rules=rules, ownership=ownership)
    return tuple(
        Adoptee(
            candidate=candidate,
            referred_on=charged.get(candidate.patron.number) or restricted.get(candidate.patron.number),
        )
        for candidate in as_candidates(section, memory, theirs, sums)
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
