"""The closed cases that a night may open again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy import Connection

from gentle_nudge.domain.collections.plan import Reopening
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate, SectionRecords
from gentle_nudge.domain.collections.reopening import ClosedCase, reopenings
from gentle_nudge.domain.ledger import LineRules
from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.patrons.accounts import line_rules, ownership_of, with_accounts
from gentle_nudge.jobs.patrons.recorded_lines import OwingAgain, owing_again, recently_closed
from gentle_nudge.koha.read import borrowers


def to_reopen(conn: Connection, section: Section, moment: Moment, records: SectionRecords) -> tuple[Reopening, ...]:
    """The cases that a night of this day would open again."""
    rules = line_rules(section, moment, records)
    closed = closed_cases(conn, section, records, moment.day, rules=rules)
    return reopenings(section, moment.day, closed, frozenset())


def closed_cases(
    conn: Connection, section: Section, records: SectionRecords, day: date, *, rules: LineRules
) -> tuple[ClosedCase, ...]:
    """The closed cases that may be reopened on this day, with the patrons who have their lines now."""
    again = tuple(owing_again(conn, recently_closed(conn, section, records, day)))
    numbers = {each.number for each in again}
    patrons = borrowers.one_by_one(conn, section.policy.patron_fields, numbers)
    whose = ownership_of(conn, section, records, numbers, reopened=again)
    read = with_accounts(conn, section, records, patrons, rules=rules, ownership=whose)
    return with_candidates(again, {candidate.patron.number: candidate for candidate in read}, records)


def with_candidates(
    again: Iterable[OwingAgain], candidates: Mapping[int, Candidate], records: SectionRecords
) -> tuple[ClosedCase, ...]:
    """These cases with their patrons; cases of patrons who are not among the candidates are left out."""
    return tuple(
        ClosedCase(
            case=each.case,
            lines=each.lines,
            candidate=candidates[each.number],
            withdrawn_on=records.withdrawn.get(each.number),
        )
        for each in again
        if each.number in candidates
    )
