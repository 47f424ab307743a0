"""A night: every section gathers, decides and applies; then what is due is delivered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from gentle_nudge.domain.collections.judgement import plan_night
from gentle_nudge.domain.collections.plan import Plan
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.jobs.koha_log import LoggedError, log_errors
from gentle_nudge.jobs.night.due import NightOptions, what_is_due
from gentle_nudge.jobs.night.plugin_guard import beside_plugin
from gentle_nudge.jobs.night.preview import complete
from gentle_nudge.jobs.night.record import Decided, record
from gentle_nudge.jobs.patrons.evidence import gather, select
from gentle_nudge.jobs.patrons.lock import PlanOutdated
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.transaction import TRIES, alongside, read_only, writing
from gentle_nudge.koha.read.borrowers import order

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


@dataclass(kw_only=True)
class Night:
    """What became of a night: the plan of each section, those whose work was done before, and what went wrong."""

    day: date
    plans: dict[str, Plan] = field(default_factory=dict)
    done_before: list[str] = field(default_factory=list)
    failures: dict[str, GentleNudgeError] = field(default_factory=dict)

    @contextmanager
    def keep_going(self, section: str) -> Iterator[None]:
        """One failing section does not stop the next."""
        try:
            yield
        except GentleNudgeError as failure:
            self.failures[section] = failure
        except Exception as error:  # noqa: BLE001 - the next section has its own right to a night
            sentence = f"internal error ({type(error).__name__})"
            hint = "nothing of this section was changed; run it again with --debug and report the output"
            self.failures[section] = GentleNudgeError(sentence, hint)
            self.failures[section].__cause__ = error

    def note(self, section: Section, plan: Plan | None) -> None:
        """The section has this plan; None: its work of the day was done before."""
        if plan is None:
            self.done_before.append(section.name)
        else:
            self.plans[section.name] = plan

    @property
    def went_well(self) -> bool:
        """Whether nothing failed and nothing was refused."""
        return not self.failures and not any(plan.refusals for plan in self.plans.values())


def nightly(
    engine: Engine, sections: tuple[Section, ...], moment: Moment, *, outlets: Outlets, options: NightOptions
) -> Night:
    """Run the night of this day for these sections."""
    night = Night(day=moment.day)
    for section in sections:
        with night.keep_going(section.name):
            night.note(section, night_of(engine, section, moment, outlets=outlets, options=options))
    if not options.dry_run:
        log_troubles(engine, night, moment)
    return night


def night_of(
    engine: Engine, section: Section, moment: Moment, *, outlets: Outlets, options: NightOptions
) -> Plan | None:
    """The section's plan, carried out unless nothing may be written; None: its work was done before.

    What is outdated when it shall be written is decided anew, as often as a transaction is tried.
    """
    for tries in range(1, TRIES + 1):
        decided = decide(engine, section, moment, options)
        if decided is None:
            return None
        if options.dry_run:
            return decided.plan
        try:
            return writing(engine, partial(record, section=section, decided=decided, moment=moment, outlets=outlets))
        except PlanOutdated:
            if tries == TRIES:
                raise
    raise AssertionError("unreachable")


def decide(engine: Engine, section: Section, moment: Moment, options: NightOptions) -> Decided | None:
    """What the section's night would do, read and judged in a transaction that cannot write; None: all is done."""
    with read_only(engine) as conn:
        memory = read_records(conn, section)
        limits = what_is_due(section, moment, memory, options)
        if not (limits.submission_due or limits.update_due):
            return None
        if not options.beside_plugin:
            limits = replace(limits, beside_plugin=beside_plugin(conn, moment))
        selection = partial(select, section=section, moment=moment, memory=memory, limits=limits)
        with alongside(conn, selection) as selected:
            evidence = gather(conn, section, moment=moment, memory=memory, limits=limits, selected=selected)
            plan = plan_night(section, moment.day, evidence, limits)
            plan = replace(plan, owing_less=plan.owing_less + selected().owing_less)
        plan = in_order(conn, plan)
        plan = complete(conn, plan) if options.dry_run else plan
        return Decided(plan=plan, memory=memory)


def in_order(conn: Connection, plan: Plan) -> Plan:
    """The plan with its patrons ranked as the database collates their surnames."""
    rows = (*plan.kept, *(decision.row for decision in plan.decisions if decision.row))
    numbers = {row.patron for row in rows} | {decision.patron for decision in plan.decisions}
    return replace(plan, order=order(conn, numbers))


def log_troubles(engine: Engine, night: Night, moment: Moment) -> None:
    """Koha's log says which section failed or was refused what."""
    errors = [LoggedError(report=ReportKind.UPDATE, section=s, sentence=f.sentence) for s, f in night.failures.items()]
    errors += [
        LoggedError(report=ReportKind.SUBMISSION, section=section, sentence=refusal.sentence)
        for section, plan in night.plans.items()
        for refusal in plan.refusals
    ]
    log_errors(engine, errors, moment)
