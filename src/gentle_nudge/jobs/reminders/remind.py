"""A run of reminders: every section gathers, decides and applies."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from sqlalchemy import Connection, Engine

from gentle_nudge.domain.collections.submission_day import is_lifted_for
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.reminders.plan import Lift, SectionPlan
from gentle_nudge.domain.reminders.series import Reason, as_made, judge, may_be_lifted
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import EXIT_FAILURE, GentleNudgeError, UserError, worst_exit_code
from gentle_nudge.jobs.koha_log import log_errors
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.reminders.compose import compose, reprinted, stationery
from gentle_nudge.jobs.reminders.debtors import Debtors, read_debtors
from gentle_nudge.jobs.reminders.reminded_sections import Reminding, refuse_misfits, reminded_sections
from gentle_nudge.jobs.reminders.send import write_letters
from gentle_nudge.jobs.sections import Failures
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.koha.read import debarments
from gentle_nudge.koha.read.borrowers import order
from gentle_nudge.store import meta, runs

log = logging.getLogger(__name__)
COPY = (
    "This database is a copy of the library's (init --copy): nobody is reminded from it.",
    "Look at what would be sent with --dry-run.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RemindOptions:
    """What the caller decided about this run."""

    dry_run: bool = False
    most_letters: int | None = None


@dataclass(kw_only=True)
class ReminderRun(Failures):
    """What became of a run: the plan of each section, and the failures."""

    day: date
    plans: dict[str, SectionPlan] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """The exit code of the worst failure; a fuse or a letter that holds somebody back is one too."""
        codes = [failure.exit_code for failure in self.failures.values()]
        return worst_exit_code(*codes, 0 if all(plan.went_well for plan in self.plans.values()) else EXIT_FAILURE)


def remind(library: Library, moment: Moment, wanted: Collection[str], options: RemindOptions) -> ReminderRun:
    """The reminders of the wanted sections (all, if none is named).

    UserError, and nothing is done, for unknown codes and sections, and where `init` was not run; GentleNudgeError on a
    copy.
    """
    if not options.dry_run:
        library.may_act()
    with read_only(library.engine) as conn:
        our_row = meta.read_meta(conn)
        if our_row and our_row.is_copy and not options.dry_run:
            raise GentleNudgeError(*COPY)
        sections = reminded_sections(conn, library.settings, tuple(wanted))
        refuse_misfits(conn, sections)
        if not options.dry_run:
            refuse_earlier_days(conn, sections, moment)
    run = ReminderRun(day=moment.day)
    for reminding in sections:
        with run.keep_going(reminding.section.name):
            run.plans[reminding.section.name] = remind_section(library.engine, reminding, moment, options)
    if not options.dry_run:
        troubles = [{"section": name, "error": failure.sentence} for name, failure in run.failures.items()]
        troubles += [{"section": name, "error": plan.refused} for name, plan in run.plans.items() if plan.refused]
        log_errors(library.engine, ReportKind.REMIND, troubles, moment)
    return run


def refuse_earlier_days(conn: Connection, sections: Collection[Reminding], moment: Moment) -> None:
    """UserError if the last run of a section is of a later day."""
    for each in sections:
        last = runs.last_day(conn, each.section.names, ReportKind.REMIND)
        if last and moment.day < last:
            raise UserError(
                f"Section {each.section.name} was reminded for {last} already, which is after {moment.day}.",
                "Leave --day out, or name a later day.",
            )


def remind_section(engine: Engine, reminding: Reminding, moment: Moment, options: RemindOptions) -> SectionPlan:
    """The section's plan, carried out unless this is a dry run or there is nothing to do on a day that had a run."""
    with read_only(engine) as conn:
        plan = decide(conn, reminding, moment, options)
    if options.dry_run or not (plan.changes or (plan.is_first and reminding.remind.enabled)):
        return plan
    plan = writing(engine, partial(apply, reminding=reminding, plan=plan, moment=moment, options=options))
    log.info("%s: %s", plan.section, counted(len(plan.letters), "letter"))
    return plan


def decide(
    conn: Connection,
    reminding: Reminding,
    moment: Moment,
    options: RemindOptions,
    *,
    only: Collection[int] | None = None,
) -> SectionPlan:
    """What this run would change, of these patrons only (None: of all); then they and their lines are locked."""
    section, remind = reminding.section, reminding.remind
    debtors = read_debtors(conn, reminding, moment, only, lock=only is not None)
    lifts = tuple(lifts_of(conn, reminding, debtors))
    is_first = meta.read_meta(conn) is None or moment.day not in runs.days(conn, section.names, ReportKind.REMIND)
    plan = SectionPlan(section=section.name, day=moment.day, lifts=lifts, news=debtors.news, is_first=is_first)
    if not remind.enabled:
        return plan
    judged = [judge(each, remind, moment.day) for each in debtors.by_number.values()]
    paper = stationery(conn, reminding, moment)
    prints = tuple(reprinted(conn, paper, judged))
    printed = dict.fromkeys((each.number for each in prints), Reason.NOT_SENT)
    composed = compose(conn, paper, [each for each in judged if not each.reason and each.debtor.number not in printed])
    kept = {each.debtor.number: each.reason for each in judged if each.reason and not each.ends}
    rank = order(conn, [letter.number for letter in composed.letters])
    plan = replace(
        plan,
        letters=tuple(sorted(composed.letters, key=lambda letter: rank[letter.number])),
        reprints=prints,
        closings=tuple(each for each in judged if each.ends),
        kept={**kept, **printed, **composed.kept},
        errors=composed.errors,
        due=len(composed.letters) + sum(reason is not Reason.UNREACHABLE for reason in composed.kept.values()),
    )
    return _fused(plan, remind.most_letters, options.most_letters)


def _fused(plan: SectionPlan, most: int, lifted_to: int | None) -> SectionPlan:
    """The plan, without its letters if there are more than the fuse lets through."""
    found = len(plan.letters)
    if not most or found <= most or is_lifted_for(found, lifted_to):
        return plan
    sentence = f"{counted(found, 'patron is', 'patrons are')} due for a letter, more than most_letters ({most})"
    hint = f"If that is right, let them through this once: gentle-nudge remind --most-letters {found}"
    return replace(plan, letters=(), refused=f"{sentence}: none was sent.", hint=hint)


def lifts_of(conn: Connection, reminding: Reminding, debtors: Debtors) -> Iterator[Lift]:
    """The restrictions of series that have lost their ground; those that staff have changed are theirs now."""
    about = [
        (series, debtor)
        for series in debtors.blocked
        if may_be_lifted(debtor := debtors.by_number[series.patron], reminding.remind)
    ]
    present = debarments.restrictions(conn, {series.patron for series, _ in about})
    for series, debtor in about:
        yield Lift(debtor=debtor, series=series, restriction=as_made(series, present.get(series.patron, ())))


def apply(
    conn: Connection, *, reminding: Reminding, plan: SectionPlan, moment: Moment, options: RemindOptions
) -> SectionPlan:
    """The plan as carried out, judged again under lock; all of it or nothing."""
    meta.lock(conn)
    judged = decide(conn, reminding, moment, options, only=plan.concerned)
    judged = replace(
        judged,
        letters=() if plan.refused else judged.letters,
        kept={**{number: why for number, why in plan.kept.items() if number not in plan.concerned}, **judged.kept},
        errors=tuple(dict.fromkeys((*plan.errors, *judged.errors))),
        due=plan.due if plan.refused else plan.due - len(plan.letters) + judged.due,
        refused=plan.refused or judged.refused,
        hint=plan.hint or judged.hint,
    )
    write_letters(conn, reminding, judged, paper=stationery(conn, reminding, moment))
    return judged
