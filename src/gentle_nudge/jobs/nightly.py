"""A night: every section gathers, decides and applies; then what is due is delivered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.night import Limits, judge_night
from gentle_nudge.domain.plan import Outcome, Plan, Report, SubmissionRow, UpdateRow
from gentle_nudge.domain.policy import Section
from gentle_nudge.domain.schedule import is_late, is_submission_due, most_referrals
from gentle_nudge.errors import AnotherRunIsAtWork, GentleNudgeError, ToBeMended
from gentle_nudge.jobs.gather import gather, select, with_contacts
from gentle_nudge.jobs.guard import beside_plugin
from gentle_nudge.jobs.locking import Outdated
from gentle_nudge.jobs.memory import Memory, remember
from gentle_nudge.jobs.queueing import Error, Office, contents, log_errors
from gentle_nudge.jobs.record import Decided, record
from gentle_nudge.jobs.transaction import TRIES, meanwhile, reading, writing
from gentle_nudge.koha.patrons import order
from gentle_nudge.reports.render import file_name

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the person who starts a night may say: limits lifted for this one night, or nothing written at all.

    `beside_plugin`: a submission is made even while the Perl plugin of the same purpose is at work.
    """

    dry_run: bool = False
    most_referrals: int | None = None
    most_withdrawals: int | None = None
    beside_plugin: bool = False


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
            sentence = f"something went wrong that should not have: {type(error).__name__}"
            self.failures[section] = GentleNudgeError(sentence, "nothing of this section was changed")
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

    @property
    def only_another_run_was_in_the_way(self) -> bool:
        """Whether our lock, held by another run, is all that failed."""
        return bool(self.failures) and all(isinstance(f, AnotherRunIsAtWork) for f in self.failures.values())


def nightly(
    engine: Engine, sections: tuple[Section, ...], moment: Moment, *, office: Office, options: Options
) -> Night:
    """Run the night of this day for these sections."""
    night = Night(day=moment.day)
    for section in sections:
        with night.keep_going(section.name):
            night.note(section, night_of(engine, section, moment, office=office, options=options))
    if not options.dry_run:
        log_troubles(engine, night, moment)
    return night


def night_of(engine: Engine, section: Section, moment: Moment, *, office: Office, options: Options) -> Plan | None:
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
            return writing(engine, partial(record, section=section, decided=decided, moment=moment, office=office))
        except Outdated:
            if tries == TRIES:
                raise
    raise AssertionError("unreachable")


def decide(engine: Engine, section: Section, moment: Moment, options: Options) -> Decided | None:
    """What the section's night would do, read and judged in a transaction that cannot write; None: all is done."""
    with reading(engine) as conn:
        memory = remember(conn, section)
        limits = limits_of(section, moment, memory, options)
        if not (limits.submission_due or limits.update_due):
            return None
        if not options.beside_plugin:
            limits = replace(limits, beside_plugin=beside_plugin(conn, moment))
        selection = partial(select, section=section, moment=moment, memory=memory, limits=limits)
        with meanwhile(conn, selection) as selected:
            evidence = gather(conn, section, moment=moment, memory=memory, limits=limits, selected=selected)
            plan = judge_night(section, moment.day, evidence, limits)
            plan = replace(plan, owing_less=plan.owing_less + selected().owing_less)
        plan = in_order(conn, plan)
        plan = _complete(conn, plan) if options.dry_run else plan
        return Decided(plan=plan, memory=memory)


def limits_of(section: Section, moment: Moment, memory: Memory, options: Options) -> Limits:
    """What is due on this day, and how much of it may happen."""
    policy, day = section.policy, moment.day
    most_withdrawals = policy.most_withdrawals if options.most_withdrawals is None else options.most_withdrawals
    return Limits(
        submission_due=section.enabled and is_submission_due(policy, day, memory.past),
        late=is_late(policy, day),
        update_due=_is_update_due(memory.last_update, day, options),
        most_referrals=most_referrals(policy, memory.past.sizes),
        lifted_to=options.most_referrals,
        most_adoptions=policy.most_adoptions,
        most_withdrawals=most_withdrawals,
    )


def _is_update_due(last: date | None, day: date, options: Options) -> bool:
    """Whether the day has no update yet; ToBeMended for a day before the last one, unless nothing is written."""
    if last is not None and day < last and not options.dry_run:
        raise ToBeMended(f"The last update was made for {last}; a night of {day} would come too late.")
    return last != day


def in_order(conn: Connection, plan: Plan) -> Plan:
    """The plan with its patrons ranked as the database collates their surnames."""
    numbers = {row.patron for row in plan.update()} | {decision.patron for decision in plan.decisions}
    return replace(plan, order=order(conn, numbers))


def _complete(conn: Connection, plan: Plan) -> Plan:
    """The plan with the addresses and telephone numbers that its submission shows."""
    referred = plan.of(Outcome.REFERRED)
    rows = with_contacts(conn, [decision.submission for decision in referred if decision.submission])
    shown = {row.patron.number: row for row in rows}
    return replace(
        plan, decisions=tuple(replace(d, submission=shown.get(d.patron, d.submission)) for d in plan.decisions)
    )


def log_troubles(engine: Engine, night: Night, moment: Moment) -> None:
    """Koha's log says which section failed or was refused what."""
    errors = [Error(report=Report.UPDATE, section=s, sentence=f.sentence) for s, f in night.failures.items()]
    errors += [
        Error(report=Report.SUBMISSION, section=section, sentence=refusal.sentence)
        for section, plan in night.plans.items()
        for refusal in plan.refusals
    ]
    log_errors(engine, errors, moment)


def files(section: Section, plan: Plan) -> Iterator[tuple[str, Iterable[bytes]]]:
    """The files a dry run shows: exactly those that the night would queue."""
    reports: list[tuple[Report, Sequence[SubmissionRow | UpdateRow], bool]]
    reports = [(Report.SUBMISSION, plan.submission(), plan.submits), (Report.UPDATE, plan.update(), plan.update_due)]
    for report, rows, is_made in reports:
        chunks = contents(section, report, rows) if is_made else None
        if chunks is not None:
            yield file_name(report, plan.day, section.name), chunks


def write_files(directory: Path, files: Iterable[tuple[str, Iterable[bytes]]]) -> list[Path]:
    """The files are in this directory, readable by their owner only; their paths."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = []
    for name, chunks in files:
        path = directory / name
        path.touch(mode=0o600)
        with path.open("wb") as file:
            file.writelines(chunks)
        paths.append(path)
    return paths
