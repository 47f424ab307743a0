"""A night: every section gathers, decides and applies."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from time import perf_counter

from sqlalchemy import Connection, Engine

from gentle_nudge.domain.collections.judgement import plan_night
from gentle_nudge.domain.collections.plan import Plan, Referral, Reopening
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.review import ListState
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import EXIT_FAILURE, worst_exit_code
from gentle_nudge.jobs.interruption import Interrupted
from gentle_nudge.jobs.koha_log import log_errors
from gentle_nudge.jobs.night.due import NightOptions, what_is_due
from gentle_nudge.jobs.night.foresee import foresee, late_list
from gentle_nudge.jobs.night.lists import left_for_good, write_lists
from gentle_nudge.jobs.night.record import change_koha, claim_run, keep_values, write_ours
from gentle_nudge.jobs.patrons.accounts import line_rules, ownership_of
from gentle_nudge.jobs.patrons.evidence import gather
from gentle_nudge.jobs.patrons.lock import PlanOutdated, judge_under_lock
from gentle_nudge.jobs.patrons.recorded_lines import recently_closed
from gentle_nudge.jobs.patrons.records import read_records, under_list
from gentle_nudge.jobs.patrons.shared_reads import SharedReads
from gentle_nudge.jobs.sections import Failures, refuse_shared_patrons
from gentle_nudge.jobs.sending.enqueue import Run
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.transaction import TRIES, read_only, writing
from gentle_nudge.koha.read.borrowers import order

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Night(Failures):
    """What became of a night: the plan of each section, those whose work was done before, and the failures."""

    day: date
    sections: tuple[Section, ...] = ()
    plans: dict[str, Plan] = field(default_factory=dict)
    done_before: list[str] = field(default_factory=list)

    def add(self, plan: Plan) -> None:
        """Record the section's plan; one without work means that the work of the day was done before."""
        if plan.has_work:
            self.plans[plan.section] = plan
        else:
            self.done_before.append(plan.section)

    @property
    def planned(self) -> list[tuple[Section, Plan]]:
        """The sections that have a plan, each with it."""
        return [(section, self.plans[section.name]) for section in self.sections if section.name in self.plans]

    def how_far(self, options: NightOptions) -> str:
        """What an interrupted night has done and has not done."""
        if options.dry_run:
            return "it was a dry run, nothing was changed"
        done = {*self.plans, *self.done_before}
        names = [section.name for section in self.sections]
        finished = ", ".join(name for name in names if name in done) or "no section"
        open_ones = ", ".join([*(name for name in names if name not in done), "the deliveries"])
        return f"{finished} finished; not done: {open_ones}, which the next run makes up for"

    @property
    def went_well(self) -> bool:
        """Whether nothing failed and nothing was refused."""
        return not self.exit_code

    @property
    def exit_code(self) -> int:
        """The exit code of the worst failure; a refusal is a failure too."""
        refused = any(plan.refusals for plan in self.plans.values())
        codes = [failure.exit_code for failure in self.failures.values()]
        return worst_exit_code(*codes, EXIT_FAILURE if refused else 0)


def nightly(
    engine: Engine, sections: tuple[Section, ...], moment: Moment, *, outlets: Outlets, options: NightOptions
) -> Night:
    """The night of these sections: what was done, what was refused, what failed.

    UserError, and nothing of any section is done, if a patron has open cases in several sections and must not.
    """
    with read_only(engine) as conn:
        refuse_shared_patrons(conn, sections)
    night, shared = Night(day=moment.day, sections=sections), SharedReads(sections, moment)
    try:
        for section in sections:
            with night.keep_going(section.name):
                run = Run(section=section, moment=moment, outlets=outlets)
                night.add(repeat_if_outdated(partial(night_of, engine, run, options, shared=shared)))
        if not options.dry_run:
            log_troubles(engine, night, moment)
    except Interrupted as interrupt:
        interrupt.add_note(night.how_far(options))
        raise
    return night


def repeat_if_outdated(work: Callable[[], Plan]) -> Plan:
    """The plan that `work` returns; if its facts change meanwhile, made anew as often as a transaction is tried."""
    for _ in range(TRIES - 1):
        with suppress(PlanOutdated):
            return work()
        log.info("something has changed since the plan was made: it is made anew")
    return work()


def night_of(engine: Engine, run: Run, options: NightOptions, *, shared: SharedReads) -> Plan:
    """The section's plan, carried out unless this is a dry run."""
    name, started = run.section.name, perf_counter()
    plan = decide(engine, run.section, run.moment, options, shared=shared)
    decided = perf_counter()
    log.info("%s: decided about %s (%.1f s)", name, counted(len(plan.decisions), "patron"), decided - started)
    if options.dry_run or not plan.has_work:
        return plan
    plan = writing(engine, partial(apply, run=run, plan=plan))
    log.info("%s: %s carried out (%.1f s)", name, counted(len(plan.decisions), "decision"), perf_counter() - decided)
    return plan


def decide(engine: Engine, section: Section, moment: Moment, options: NightOptions, *, shared: SharedReads) -> Plan:
    """What this night would change, read and judged in a transaction that cannot write."""
    with read_only(engine) as conn:
        records = under_list(conn, read_records(conn, section), moment.day)
        due = what_is_due(conn, section, moment, records=records, options=options)
        if not due.is_anything:
            return Plan(section=section.name, day=moment.day, update_due=False)
        with gather(conn, section, moment, records=records, due=due, shared=shared) as evidence:
            plan = plan_night(section, moment.day, evidence, due)
        plan = replace(plan, order=order(conn, plan.listed), records=records)
        if plan.submits and plan.list_ends is ListState.USED:
            plan = replace(plan, needs=(*plan.needs, *left_for_good(conn, section, moment, records=records)))
        if due.list_for is None:
            return plan
        referred = {referral.number for referral in plan.of(Referral)}
        made = foresee(conn, section, shared.ahead(due.list_for), records=records, but=referred)
        late = (late_list(made),) if made.late else ()
        return replace(plan, list_made=made, named=(*plan.named, *late))


def apply(conn: Connection, run: Run, plan: Plan) -> Plan:
    """The plan as carried out, judged again under lock; all of it or nothing.

    Our own rows come first, for which nobody waits; from the lock to the commit there are bulk statements only.
    If another run did the day's work meanwhile, the plan is one without work.
    """
    claimed = claim_run(conn, run, plan)
    if claimed is None:
        return Plan(section=plan.section, day=plan.day, update_due=False)
    section, records = run.section, plan.records
    rules = line_rules(section, run.moment, records)
    ownership = ownership_of(conn, section, records, plan.concerned, reopened=plan.of(Reopening))
    closed = recently_closed(conn, section, records, plan.day)
    prepared = conn.begin_nested()
    written = write_ours(conn, claimed, plan)
    judged = judge_under_lock(conn, section, plan, rules=rules, ownership=ownership, closed=closed)
    if judged.decisions == plan.decisions:
        prepared.commit()
    else:
        prepared.rollback()
        written = write_ours(conn, claimed, judged)
    write_lists(conn, claimed, judged)
    restrictions = change_koha(conn, claimed, judged, written.opened)
    keep_values(conn, claimed, judged, written=written, restrictions=restrictions)
    return judged


def log_troubles(engine: Engine, night: Night, moment: Moment) -> None:
    """Log in Koha the failures and refusals of each section."""
    failures = [{"section": section, "error": failure.sentence} for section, failure in night.failures.items()]
    refusals = [
        {"section": section, "error": refusal.sentence}
        for section, plan in night.plans.items()
        for refusal in plan.refusals
    ]
    log_errors(engine, ReportKind.UPDATE, failures, moment)
    log_errors(engine, ReportKind.SUBMISSION, refusals, moment)
