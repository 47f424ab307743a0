"""Explain: the facts about one patron, each rule with its verdict, as every section that has a say sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gentle_nudge.domain.collections.explanation import Explanation
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import speaks_for
from gentle_nudge.domain.moment import Moment
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.history import find_number
from gentle_nudge.jobs.patrons.evidence import line_rules, ownership_of, read_candidates
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.koha.read.accountlines import judged_lines
from gentle_nudge.store import cases

if TYPE_CHECKING:
    from sqlalchemy import Connection


def explain(conn: Connection, sections: tuple[Section, ...], card: str, moment: Moment) -> list[Explanation]:
    """What each section that speaks for the patron, or has a case, makes of them; UserError for an unknown card."""
    number = find_number(conn, card)
    told = [seen for section in sections if number and (seen := _seen(conn, section, number, moment))]
    if not told:
        raise UserError("Koha has no patron with this card.", "A patron without a card is found as number:123.")
    with_a_say = [seen for seen in told if speaks_for(seen.section, seen.candidate) or seen.cases]
    return with_a_say or told[:1]


def _seen(conn: Connection, section: Section, number: int, moment: Moment) -> Explanation | None:
    records = read_records(conn, section)
    rules = line_rules(section, moment, records)
    found = list(read_candidates(conn, section, records, [number], rules=rules))
    if not found:
        return None
    known = cases.find(conn, patron=number) if records.is_any else []
    theirs = tuple(case for case in known if case.section in section.cases_of)
    rules = rules.with_ages([found[0].patron])
    lines = judged_lines(conn, rules, ownership_of(conn, section, records, [number]), number)
    return Explanation(
        section=section,
        day=moment.day,
        candidate=found[0],
        lines=lines,
        cases=theirs,
    )
