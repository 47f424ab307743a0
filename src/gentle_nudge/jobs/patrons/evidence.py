"""Gather: everything the rules ask about one section, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import cache

from sqlalchemy import Connection

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.collections.case_outcome import CaseFacts, is_somebody_else
from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import NO_RECORDS, Candidate, PatronRecords, Reason, SectionRecords
from gentle_nudge.domain.collections.restriction import Holdings
from gentle_nudge.domain.collections.section_facts import Adoptee, Evidence, is_adoptee
from gentle_nudge.domain.collections.submission_day import Due
from gentle_nudge.domain.hold import NO_CHANGES, HoldChanges, hold_changes
from gentle_nudge.domain.ledger import LineRules
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import Patron, PatronFields
from gentle_nudge.jobs.patrons.accounts import line_rules, ownership_of, read_candidates, with_accounts
from gentle_nudge.jobs.patrons.closed_cases import closed_cases, to_reopen
from gentle_nudge.jobs.patrons.recorded_lines import most_frequent
from gentle_nudge.jobs.patrons.shared_reads import SharedReads
from gentle_nudge.jobs.transaction import alongside
from gentle_nudge.koha.read import accountlines, borrowers, debarments
from gentle_nudge.koha.read.candidates import CandidateScan
from gentle_nudge.reports.columns import CONTACT
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import cases


@contextmanager
def gather(
    conn: Connection,
    section: Section,
    moment: Moment,
    *,
    records: SectionRecords,
    due: Due,
    shared: SharedReads,
    at_one_moment: bool = False,
) -> Iterator[Evidence]:
    """The evidence of a night: every open case, everybody flagged, and who may owe enough.

    Cases are read a thousand at a time while they are judged; meanwhile a second connection scans the window and reads
    those who may owe enough, unless everything has to be as it was `at_one_moment`. Without a submission due nobody is
    a candidate.
    """
    rules, policy = line_rules(section, moment, records), section.policy

    def candidates(second: Connection) -> Iterator[tuple[CandidateScan, list[Candidate]]]:
        scan = _scan(second, section, records, shared, rules=rules, due=due)
        yield scan, []
        read = read_candidates(second, section, records, scan.numbers, rules=rules)
        for chunk in a_thousand_at_a_time(read):
            yield scan, chunk

    with alongside(conn, candidates, at_one_moment=at_one_moment) as found:
        scanned = cache(lambda: next(found)[0])

        def may_owe_enough() -> Iterator[Candidate]:
            scanned()
            for _, chunk in found:
                yield from chunk

        last_words = records.last_words if due.update_due else ()
        flagged = shared.flagged(conn, policy.flag) if due.update_due else ()
        adoptees = adoptees_among(conn, section, moment, records, flagged=flagged)
        somebody_new = due.submission_due or adoptees
        yield Evidence(
            candidates=may_owe_enough(),
            owing_less=lambda: scanned().owing_less,
            left_out=lambda: {
                Reason.OTHER_SECTION: scanned().elsewhere,
                Reason.IN_COLLECTIONS: scanned().known,
            },
            cases=open_case_facts(conn, section, records),
            last_words=case_facts(conn, section, records, last_words),
            adoptees=adoptees,
            closed=closed_cases(conn, section, records, moment.day, rules=rules),
            holds=changes_of_holds(conn, section, records, moment.day) if due.update_due else NO_CHANGES,
            elsewhere=shared.reopened_elsewhere(conn, section, records) if somebody_new else frozenset(),
        )


def _scan(
    conn: Connection, section: Section, records: SectionRecords, shared: SharedReads, *, rules: LineRules, due: Due
) -> CandidateScan:
    """Who may owe enough, if a submission is due.

    Where all charges are the patron's, the lines show what is owed in the window: whoever is in collections, or of
    another section, is counted without a further look. Otherwise the lines recorded with cases would have to be known.
    """
    if not due.may_refer:
        return CandidateScan()
    only_counted = records.open_cases.keys() if section.charges_by == "patron" and not due.names_left_out else None
    return shared.owing(conn, section, records, rules).scan(section.scope.holds, only_counted)


def open_case_facts(conn: Connection, section: Section, records: SectionRecords) -> Iterator[CaseFacts]:
    """Every open case that the section may end, with what Koha says of it; before `init` there is none."""
    if records.is_any:
        for chunk in a_thousand_at_a_time(cases.open_cases(conn, section.may_end)):
            yield from case_facts(conn, section, records, chunk)


def changes_of_holds(conn: Connection, section: Section, records: SectionRecords, day: date) -> HoldChanges:
    """What has become of the holds since the last night; of the field in Koha, for the patrons of the section."""
    field, fields = section.policy.hold, section.policy.patron_fields
    numbers = borrowers.with_something_in(conn, field) if field else ()
    in_koha = (
        patron
        for patron in borrowers.one_by_one(conn, fields, numbers)
        if section.charges_by != "patron"
        or section.scope.holds(patron.branch)
        or not records.of(patron.number).open_cases.isdisjoint(section.cases_of)
    )
    by_person = (hold for holds in records.holds.values() for hold in holds)
    without_case = records.holds.keys() - records.open_cases.keys()
    gone = without_case - borrowers.existing(conn, without_case)
    return hold_changes((*by_person, *records.in_field), in_koha, section.name, day, gone=gone)


def flagged_without_case(
    conn: Connection, section: Section, moment: Moment, records: SectionRecords
) -> tuple[Adoptee, ...]:
    """The patrons of the section whose flag says yes, without an open case in any section with this flag."""
    flagged = borrowers.flagged(conn, section.policy.flag)
    return adoptees_among(conn, section, moment, records, flagged=flagged)


def adoptees_among(
    conn: Connection, section: Section, moment: Moment, records: SectionRecords, *, flagged: Iterable[int]
) -> tuple[Adoptee, ...]:
    """The patrons among the `flagged` who may be adopted."""
    policy, rules = section.policy, line_rules(section, moment, records)
    alone = [number for number in flagged if not records.of(number).has_flag_of(section)]
    patrons = borrowers.one_by_one(conn, policy.patron_fields, alone)
    adoptable = [patron for patron in patrons if is_adoptee(patron, records.of(patron.number), section)]
    numbers = {patron.number for patron in adoptable}
    charged = accountlines.charged_on(conn, policy.fee_description, numbers, moment.zone)
    restricted = debarments.restricted_on(conn, policy.made_this_comment, numbers - charged.keys(), moment.zone)
    days = restricted | charged
    return tuple(
        Adoptee(candidate=candidate, referred_on=days.get(candidate.patron.number))
        for candidate in with_accounts(conn, section, records, adoptable, rules=rules)
    )


def unadopted(conn: Connection, section: Section, moment: Moment, records: SectionRecords) -> tuple[Adoptee, ...]:
    """The patrons whom a person may have adopted: flagged, without a case, and without one that the night reopens."""
    here = {reopening.number for reopening in to_reopen(conn, section, moment, records)}
    reopened = here | SharedReads([section], moment).reopened_elsewhere(conn, section, records)
    flagged = flagged_without_case(conn, section, moment, records)
    return tuple(adoptee for adoptee in flagged if adoptee.candidate.patron.number not in reopened)


def case_facts(
    conn: Connection,
    section: Section,
    records: SectionRecords,
    which: Iterable[Case],
    *,
    candidates: Mapping[int, Candidate] | None = None,
) -> tuple[CaseFacts, ...]:
    """These cases with what Koha says of them; if a patron is gone, with the heir who took over the recorded lines.

    `candidates` are the patrons and heirs read (and locked) before; a patron who is not among them is gone. So is one
    whose number was used again, unless recorded lines are still under it: a patron whom Koha deletes loses them.
    The records of the patron of a case that the section frees tell of the patron's other cases. Those of an heir have
    the holds of the patron who is gone, too.
    """
    which, fields = tuple(which), section.policy.patron_fields
    if candidates is None:
        present = borrowers.patrons(conn, fields, (case.patron for case in which if case.patron))
    else:
        present = {number: candidate.patron for number, candidate in candidates.items()}
    found = ((case, present.get(case.patron or 0)) for case in which)
    patrons = {case.id: patron for case, patron in found if patron and not is_somebody_else(case, patron)}
    heirs = heirs_of(conn, fields, [case for case in which if case.id not in patrons])
    patrons |= {
        case.id: heirs.pop(case.id) for case in which if case.id in heirs and heirs[case.id].number == case.patron
    }
    persons = patrons | heirs
    numbers = {person.number for person in persons.values()}
    balances = {number: candidates[number].account.balance for number in numbers if candidates and number in candidates}
    unread = numbers - balances.keys()

    def records_of(case: Case, person: Patron | None) -> PatronRecords:
        known = records.of(person.number) if person else NO_RECORDS
        inherited = records.holds.get(case.patron or 0) if person and person.number != case.patron else None
        known = replace(known, holds=(*known.holds, *inherited)) if inherited else known
        frees = case.section in section.frees and person and person.number == case.patron
        return known.without(case.section) if frees else known

    with_recorded_lines = unread if section.charges_by != "patron" else ()
    balances |= accountlines.balances(conn, ownership_of(conn, section, records, with_recorded_lines), unread)
    return tuple(
        CaseFacts(
            case=case,
            patron=patrons.get(case.id),
            heir=heirs.get(case.id),
            balance=balances[person.number] if (person := persons.get(case.id)) else ZERO,
            records=records_of(case, person),
        )
        for case in which
    )


def heirs_of(conn: Connection, fields: PatronFields, gone: Collection[Case]) -> dict[int, Patron]:
    """Case -> the patron that most of its recorded lines belong to now (of several with as many, the lowest)."""
    recorded = cases.recorded_lines(conn, [case.id for case in gone])
    owners = accountlines.owners(conn, [line for lines in recorded.values() for line in lines])
    majority = {case: most_frequent(owners.get(line) for line in lines) for case, lines in recorded.items()}
    heirs = {case: number for case, number in majority.items() if number is not None}
    people = borrowers.patrons(conn, fields, heirs.values())
    return {case: people[number] for case, number in heirs.items() if number in people}


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
    """The rows of a submission with their contact columns, read a thousand at a time."""
    for chunk in a_thousand_at_a_time(referrals):
        contacts = borrowers.contacts(conn, [referral.number for referral in chunk], CONTACT)
        for referral in chunk:
            yield replace(referral, contact=contacts.get(referral.number, {}))
