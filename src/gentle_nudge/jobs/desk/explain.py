"""Explain: the facts about one patron and the verdict of each rule, in each section concerned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import Connection

from gentle_nudge.domain.collections.case_outcome import is_somebody_else
from gentle_nudge.domain.collections.explanation import Explanation
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate, SectionRecords, speaks_for
from gentle_nudge.domain.collections.review import Place
from gentle_nudge.domain.hold import Hold, hold_in_field
from gentle_nudge.domain.moment import Moment
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.find_patron import NOT_IN_KOHA, find_number
from gentle_nudge.jobs.patrons.accounts import line_rules, ownership_of, read_candidates, with_facts
from gentle_nudge.jobs.patrons.closed_cases import to_reopen
from gentle_nudge.jobs.patrons.records import read_records, under_list
from gentle_nudge.koha.read.accountlines import judged_lines
from gentle_nudge.store import cases, review_lists


def explain(conn: Connection, sections: tuple[Section, ...], card: str, moment: Moment) -> list[Explanation]:
    """An explanation for each section that speaks for the patron or has a case; UserError for an unknown card."""
    number = find_number(conn, card)
    explanations = [each for section in sections if number for each in _explanation(conn, section, number, moment)]
    if not explanations:
        raise UserError(*NOT_IN_KOHA)
    concerned = [
        each for each in explanations if speaks_for(each.section, each.candidate) or each.cases or each.reopening
    ]
    return concerned or explanations[:1]


def _explanation(conn: Connection, section: Section, number: int, moment: Moment) -> Iterator[Explanation]:
    """The explanation of this section; nothing if Koha has no such patron."""
    records = under_list(conn, read_records(conn, section), moment.day)
    rules = line_rules(section, moment, records)
    for candidate in read_candidates(conn, section, records, [number], rules=rules):
        ownership = ownership_of(conn, section, records, [number])
        reopened = (each for each in to_reopen(conn, section, moment, records) if each.number == number)
        cases_of_patron = tuple(
            case
            for case in (cases.find(conn, patron=number) if records.is_any else ())
            if case.section in section.may_end and not is_somebody_else(case, candidate.patron)
        )
        explanation = Explanation(
            section=section,
            day=moment.day,
            today=moment.today,
            zone=moment.zone,
            candidate=candidate,
            lines=judged_lines(conn, with_facts(conn, rules, [candidate.patron]), ownership, number),
            cases=cases_of_patron,
            reopening=next(reopened, None),
            holds=tuple(
                replace(hold, since=hold.since and hold.since.astimezone(moment.zone))
                for hold in _holds(candidate, section, records)
                if hold.is_in_force(moment.day)
            ),
            place=_place(conn, records, number, moment),
        )
        case = explanation.open_case
        yield replace(explanation, recorded=cases.lines_of(conn, case.id)) if case else explanation


def _place(conn: Connection, records: SectionRecords, number: int, moment: Moment) -> Place | None:
    """The patron's place on the newest list that has one: a list to come, or the one in force."""
    in_force = records.in_force.of.id if records.in_force else None
    for each in records.lists:
        if each.for_day > moment.day or each.id == in_force:
            for row in review_lists.rows(conn, each.id, [number]).values():
                return Place(for_day=each.for_day, row=replace(row, at=row.at and row.at.astimezone(moment.zone)))
    return None


def _holds(candidate: Candidate, section: Section, records: SectionRecords) -> Iterator[Hold]:
    """The holds by people, and that of Koha's field, as recorded if a night has seen it."""
    yield from candidate.records.holds
    if in_field := hold_in_field(candidate.patron, section.name):
        recorded = {hold.patron: hold for hold in records.in_field}.get(in_field.patron, in_field)
        yield replace(in_field, id=recorded.id, since=recorded.since)
