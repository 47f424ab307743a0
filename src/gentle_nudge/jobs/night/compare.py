"""A night judged twice, as the settings are and as they might be; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import partial

from sqlalchemy import Connection, Engine

from gentle_nudge.domain.collections.comparison import WhatIf
from gentle_nudge.domain.collections.judgement import plan_night
from gentle_nudge.domain.collections.plan import Plan
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.collections.section_facts import Evidence
from gentle_nudge.domain.collections.submission_day import Due
from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.night.due import NightOptions, what_is_due
from gentle_nudge.jobs.night.nightly import Night
from gentle_nudge.jobs.patrons.evidence import gather
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.jobs.patrons.shared_reads import SharedReads
from gentle_nudge.jobs.sections import assuming, codes_of, refuse_shared_patrons
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.koha.inspect.unknown_codes import refuse_misfits
from gentle_nudge.koha.read.borrowers import order
from gentle_nudge.settings.key_pages import plain_value
from gentle_nudge.settings.section_policies import keys_set, what_if

# What is read does not depend on these keys (on `minors` by its guardians alone, which are compared), so that one
# reading serves both. Whatever another key changes, the second judgement has a reading of its own.
ONLY_JUDGED = frozenset(
    {
        *("threshold", "processing_fee", "require_lost_fee", "minors", "unknown_birthdate"),
        *("categories", "excluded_categories", "excluded_category_types"),
        *("clear_paid", "clear_at_or_below"),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The night as it would be, and what it has in common with the one that the settings make."""

    night: Night
    what_ifs: Sequence[WhatIf]


def compare(
    engine: Engine,
    sections: tuple[Section, ...],
    moment: Moment,
    *,
    assignments: Sequence[str],
    options: NightOptions,
) -> Comparison:
    """The dry run of these sections as if every policy said these `key=value`; limits are named, not applied.

    UserError, as for a night, if a patron has open cases in several sections, or if Koha lacks a code.
    """
    assume = partial(assuming, policy_of=partial(what_if, assignments=assignments))
    others = tuple(map(assume, sections))
    with read_only(engine) as conn:
        refuse_shared_patrons(conn, sections)
        refuse_misfits(conn, [codes_of(section) for section in others])
    night, what_ifs = Night(day=moment.day, sections=others), []
    for section, other in zip(sections, others, strict=True):
        with night.keep_going(section.name), read_only(engine) as conn:
            now, then = _judged_twice(conn, section, other, moment, options=options)
            night.plans[section.name] = then
            given = {key: plain_value(getattr(other.policy, key)) for key in keys_set(assignments)}
            what_ifs.append(WhatIf(section=section, set=given, now=now, then=then))
    return Comparison(night=night, what_ifs=what_ifs)


def _judged_twice(
    conn: Connection, section: Section, other: Section, moment: Moment, *, options: NightOptions
) -> Iterator[Plan]:
    """The plan of the section, then that of the other, as the library is at one moment; read once, if possible.

    Both are judged without a list: as if none had been made, and none were needed.
    """
    records = replace(read_records(conn, section), lists=())
    lowest = min(section.policy.threshold, other.policy.threshold)
    evidence = None
    for each in (section, other):
        without_list = replace(each, policy=replace(each.policy, review_days=0))
        due = what_is_due(conn, without_list, moment, records=records, options=options)
        if evidence is None or not _reads_alike(section.policy, other.policy):
            widest = replace(each, policy=replace(each.policy, threshold=lowest))
            evidence = _read(conn, widest, moment, records=records, due=due)
        yield _judged(conn, each, evidence, due=due, records=records, day=moment.day)


def _reads_alike(policy: Policy, other: Policy) -> bool:
    keys = (declared.name for declared in fields(Policy) if declared.name not in ONLY_JUDGED)
    return policy.patron_fields == other.patron_fields and all(
        getattr(policy, key) == getattr(other, key) for key in keys
    )


def _read(conn: Connection, section: Section, moment: Moment, *, records: SectionRecords, due: Due) -> Evidence:
    """The evidence of a night, all of it in memory, so that it can be judged more than once."""
    everybody, shared = replace(due, names_left_out=True), SharedReads([section], moment)
    with gather(conn, section, moment, records=records, due=everybody, shared=shared, at_one_moment=True) as evidence:
        cases, candidates = tuple(evidence.cases), tuple(evidence.candidates)
        owing_less = evidence.owing_less()
    return replace(evidence, cases=cases, candidates=candidates, owing_less=lambda: owing_less)


def _judged(
    conn: Connection, section: Section, evidence: Evidence, *, due: Due, records: SectionRecords, day: date
) -> Plan:
    """The plan as it would be without any fuse or limit; those that would hold something back are named."""
    plan = plan_night(section, day, evidence, due.without_limits)
    held = plan_night(section, day, evidence, due).refusals
    named = (*plan.named, *(f"a night would hold something back: {refusal.sentence}" for refusal in held))
    return replace(plan, refusals=(), named=named, order=order(conn, plan.listed), records=records)
