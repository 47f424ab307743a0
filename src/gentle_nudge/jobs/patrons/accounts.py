"""Patrons with their accounts, as one section counts and owns the charges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from operator import attrgetter
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gentle_nudge.domain.collections.plan import Reopening
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate, SectionRecords
from gentle_nudge.domain.ledger import LineRules, Majority, OurFee, Ownership
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.patron import Patron, SentNotice
from gentle_nudge.jobs.patrons.recorded_lines import OwingAgain
from gentle_nudge.koha.read import accountlines, borrowers, message_queue, return_claims
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import cases, notices_sent, reminder_series


def line_rules(section: Section, moment: Moment, records: SectionRecords) -> LineRules:
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
        withdrawn=records.withdrawn,
        withdrawn_count=policy.refer_withdrawn_charges,
        leaves_out_claimed=policy.claims_returned == "leave_out",
        majority=Majority(age=policy.adult_age, day=moment.day) if policy.charged_as_minor == "leave_out" else None,
    )


def ownership_of(
    conn: Connection,
    section: Section,
    records: SectionRecords,
    numbers: Iterable[int],
    *,
    reopened: Iterable[OwingAgain | Reopening] = (),
) -> Ownership:
    """Whose the charges of these patrons are; with recorded fees, and the lines of open and of withdrawn cases.

    The lines of cases that may be `reopened` belong to these as if they were open already. A merged card's recorded
    lines are those of the patron who has them now. A line recorded with several cases belongs to the section of the one
    that it is the fee of, or else of the first.
    """
    numbers = tuple(numbers)
    heirs = {gone: number for number in records.merged.keys() & set(numbers) for gone in records.merged[number]}
    asked = (*numbers, *heirs)
    recorded_fees = fees_of(conn, records, asked)
    lines = cases.handed_over(conn, asked) if records.is_any and section.charges_by != "patron" else []
    lines += (
        cases.RecordedLine(case=again.case.id, line=line, patron=again.number, section=section.name)
        for again in reopened
        for line in again.lines
    )
    own, others, fees, withdrawn = (defaultdict[int, tuple[int, ...]](tuple) for _ in range(4))
    for each in cases.withdrawn_lines(conn, records.withdrawn.keys() & set(numbers)):
        withdrawn[each.patron] += (each.line,)
    for number in records.inherited.keys() & set(numbers):
        withdrawn[number] += records.inherited[number]
    for fee in recorded_fees:
        fees[heirs.get(fee.patron, fee.patron)] += (fee.line,)
    whose = {line.line: line for line in (*sorted(lines, key=attrgetter("case"), reverse=True), *recorded_fees)}
    for line in whose.values():
        patron = heirs.get(line.patron, line.patron)
        open_cases = records.of(patron).open_cases
        is_told_elsewhere = line.section in open_cases and open_cases.difference(section.held)
        is_freed = line.section in section.frees and not is_told_elsewhere
        owner = own if is_freed or line.section in section.cases_of else others
        owner[patron] += (line.line,)
    return Ownership(
        charges_by=section.charges_by,
        branches=section.scope.branches,
        all_but=section.scope.all_but,
        own=own,
        others=others,
        fees=fees,
        withdrawn=withdrawn,
    )


def fees_of(conn: Connection, records: SectionRecords, numbers: Collection[int]) -> list[cases.RecordedLine]:
    """The fee lines recorded with cases of these patrons, and those recorded with reminders that are theirs now."""
    if not records.is_any:
        return []
    reminded = {}
    if records.has_reminder_fees:
        reminded = accountlines.recorded_lines(conn, reminder_series.FEE_LINE, numbers)
    series = reminder_series.of_fees(conn, reminded)
    with_reminders = (
        cases.RecordedLine(case=id_, line=line, patron=reminded[line], section=section)
        for line, (id_, section) in series.items()
    )
    return [*cases.recorded_fees(conn, numbers), *with_reminders]


def with_facts(conn: Connection, rules: LineRules, patrons: Collection[Patron]) -> LineRules:
    """The rules with what they have to know of these patrons: when they came of age, what they claim as returned."""
    rules = rules.with_ages(patrons)
    if not rules.leaves_out_claimed:
        return rules
    return replace(rules, claimed=return_claims.claimed_lines(conn, [patron.number for patron in patrons]))


def notices_of(
    conn: Connection, section: Section, records: SectionRecords, numbers: Collection[int], *, zone: ZoneInfo
) -> dict[int, tuple[SentNotice, ...]]:
    """Patron -> the letters of `prior_notice` that were sent; those that are kept, and those that Koha still has.

    A night keeps the latter first. A dry run cannot, and sees the same.
    """
    letters = section.policy.prior_notice
    if not letters:
        return {}
    in_koha = message_queue.sent_to(conn, letters, numbers, zone)
    kept = notices_sent.kept_of(conn, letters, numbers) if records.is_any else ()
    notices: defaultdict[int, tuple[SentNotice, ...]] = defaultdict(tuple)
    for each in sorted({each.message: each for each in (*in_koha, *kept)}.values(), key=attrgetter("message")):
        notices[each.patron] += (each,)
    return dict(notices)


def read_candidates(
    conn: Connection, section: Section, records: SectionRecords, numbers: Iterable[int], *, rules: LineRules
) -> Iterator[Candidate]:
    """These patrons as the rules of referral see them; those gone from Koha are left out."""
    patrons = borrowers.one_by_one(conn, section.policy.patron_fields, numbers)
    yield from with_accounts(conn, section, records, patrons, rules=rules)


def with_accounts(
    conn: Connection,
    section: Section,
    records: SectionRecords,
    patrons: Iterable[Patron],
    *,
    rules: LineRules,
    ownership: Ownership | None = None,
    lock: bool = False,
) -> Iterator[Candidate]:
    """These patrons with their accounts and our records, read a thousand at a time; `lock` locks their lines."""
    for chunk in a_thousand_at_a_time(patrons):
        numbers = [patron.number for patron in chunk]
        whose = ownership or ownership_of(conn, section, records, numbers)
        accounts = accountlines.accounts(conn, with_facts(conn, rules, chunk), whose, numbers, lock=lock)
        notices = notices_of(conn, section, records, numbers, zone=rules.zone)
        payments = accountlines.paid_on(conn, numbers, rules.zone) if section.policy.defer_after_payment else {}
        for patron in chunk:
            account, ours = accounts[patron.number], records.of(patron.number)
            if patron.number in payments:
                account = replace(account, last_payment=payments[patron.number])
            if patron.number in notices:
                ours = replace(ours, notices=notices[patron.number])
            yield Candidate(patron=patron, account=account, records=ours)
