"""The commands that cron starts: nightly, sync, deliver."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.boundary import say, say_where
from gentle_nudge.cli.options import (
    day_option,
    dry_run_option,
    format_option,
    library_option,
    moment_of,
    now,
    output_option,
    progress,
    refuse_output,
    set_option,
    show,
    write,
)
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import EXIT_TEMPFAIL, GentleNudgeError, UserError, worst_exit_code
from gentle_nudge.jobs.desk.take_files import take
from gentle_nudge.jobs.desk.take_wishes import Taken
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.night.compare import compare
from gentle_nudge.jobs.night.due import NightOptions
from gentle_nudge.jobs.night.nightly import Night
from gentle_nudge.jobs.night.nightly import nightly as run_night
from gentle_nudge.jobs.night.preview import files, write_files
from gentle_nudge.jobs.night.sync_report import file_of, rows_of, sync_or_log
from gentle_nudge.jobs.routine import Round, deliver_and_alert, routine
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.views.night_view import done_view, night_view
from gentle_nudge.views.plain import View
from gentle_nudge.views.queue_view import recipient
from gentle_nudge.views.what_if_view import what_if_for_programs, what_if_view

if TYPE_CHECKING:
    from gentle_nudge.views.terminal import Progress


@click.command()
@day_option
@library_option
@dry_run_option
@click.option("--most-referrals", type=click.IntRange(min=1), metavar="N", help="Lift the fuse for this one night.")
@click.option("--most-endings", type=click.IntRange(min=1), metavar="N", help="Let so many cases end in this night.")
@click.option("--beside-plugin", is_flag=True, help="Refer patrons even while the Perl plugin is at work too.")
@click.option("--left-out", is_flag=True, help="Dry run: also show who owes enough and is left out.")
@set_option("Dry run: compare with a policy that said this; may be repeated.")
@output_option
@format_option
@click.pass_obj
def nightly(
    invocation: Invocation,
    day: date | None,
    libraries: Sequence[str],
    dry_run: bool,
    most_referrals: int | None,
    most_endings: int | None,
    beside_plugin: bool,
    left_out: bool,
    assignments: Sequence[str],
    output: Path | None,
    form: str,
) -> None:
    """Every section: submission if due, update, release; then deliver."""
    gc.freeze()  # what is imported stays
    refuse_output(output, dry_run=dry_run)
    if not dry_run and (left_out or assignments):
        what = "--set" if assignments else "--left-out"
        raise UserError(f"{what} belongs to --dry-run: it asks a question, and a night asks none.", "Add --dry-run.")
    library = invocation.library()
    by_person = bool(most_referrals or most_endings)
    moment = moment_of(library, day, dry_run=dry_run, person=by_person, interface="cron")
    options = NightOptions(
        dry_run=dry_run,
        most_referrals=most_referrals,
        most_endings=most_endings,
        beside_plugin=beside_plugin or not library.runs_plugins,
        left_out=left_out,
    )
    if not dry_run:
        with progress() as shown:
            tell = partial(_tell, invocation, form, shown)
            code = routine(library, moment, partial(now, library.zone), tell, wanted=libraries, options=options)
        sys.exit(code)
    with progress():
        sections, outlets = library.ready(libraries, dry_run=True)
        if assignments:
            comparison = compare(library.engine, sections, moment, assignments=assignments, options=options)
            night, view = comparison.night, what_if_view if form == "table" else what_if_for_programs
            views = [view(each, left_out=left_out) for each in comparison.what_ifs]
        else:
            night = run_night(library.engine, sections, moment, outlets=outlets, options=options)
            views = [night_view(section, plan, left_out=left_out) for section, plan in night.planned]
    _show_dry_run(library, night, views, form, output)
    sys.exit(night.exit_code)


def _show_dry_run(library: Library, night: Night, views: Sequence[View], form: str, output: Path | None) -> None:
    """Show what the night would do, and write its files to `output`; beside JSON nothing else is on stdout."""
    if form == "table":
        click.echo("Dry run: nothing is written, nothing is sent.")
    show(views, form)
    _show_done_before(night, form)
    if output:
        reports = (file for section, plan in night.planned for file in files(library.engine, section, plan))
        write(output, reports, stderr=form == "json")
    _tell_trouble(night, refusals=form == "json")


def _show_done_before(night: Night, form: str) -> None:
    for name in night.done_before if form == "table" else ():
        click.echo(f"{name}: already done for {night.day}.")


def _tell(
    invocation: Invocation, form: str, shown: Progress | None, step: Taken | Night | Round | GentleNudgeError | str
) -> None:
    """Tell of a step of the routine: of success on stdout if somebody wants to know, of trouble on stderr."""
    if shown:
        shown.hide()
    match step:
        case Taken():
            _tell_taken(invocation, step)
        case Night():
            if form == "json":
                show([night_view(section, plan) for section, plan in step.planned], form)
            elif invocation.speaks:
                show([done_view(plan) for _, plan in step.planned])
                _show_done_before(step, form)
            _tell_trouble(step)
        case Round():
            _tell_round(invocation, step)
        case GentleNudgeError():
            _tell_failure(step)
        case str():
            say(step)
    if shown:
        shown.show()


def _tell_taken(invocation: Invocation, taken: Taken) -> None:
    """Tell of the wishes that were done if somebody wants to know, and on stderr of all others."""
    for wish in taken.wishes:
        about = f"wish {wish.id} of {wish.who}: {wish.answer}"
        if not wish.done:
            say(about, "warning")
        elif invocation.speaks:
            click.echo(about)
    for name, answers in taken.files.items() if invocation.speaks else ():
        click.echo(f"{name}: {' '.join(answers) or 'nothing new'}")
    for failure in taken.failures:
        _tell_failure(failure)


def _take(invocation: Invocation, library: Library) -> int:
    """Take the wishes that wait, and tell what became of them; the exit code."""
    with progress():
        taken = take(library, moment_of(library, interface="cron"))
    _tell_taken(invocation, taken)
    return taken.exit_code


def _tell_trouble(night: Night, *, refusals: bool = True) -> None:
    """Say on stderr what failed and, unless a dry run has shown it, what was refused and whom staff should look at."""
    for name, failure in night.failures.items():
        _tell_failure(failure, f"{name}: ")
    for name, plan in night.plans.items() if refusals else ():
        for refusal in plan.refusals:
            say(f"{name}: {refusal.sentence}\n  {refusal.hint}")
        for sentence in filter(None, (plan.withdrawals, *plan.named)):
            say(f"{name}: {sentence}", "warning")


def _tell_failure(failure: GentleNudgeError, about: str = "") -> None:
    say(f"{about}{failure.sentence}\n  {failure.hint}".rstrip())
    say_where(click.get_current_context(), failure)


@click.command()
@day_option
@library_option
@dry_run_option
@output_option
@click.pass_obj
def sync(
    invocation: Invocation, day: date | None, libraries: Sequence[str], dry_run: bool, output: Path | None
) -> None:
    """Report every open case with its balance; change nothing."""
    refuse_output(output, dry_run=dry_run)
    library = invocation.library()
    moment = moment_of(library, day, dry_run=dry_run, person=True, interface="cron")
    sections, outlets = library.ready(libraries, dry_run=dry_run)
    taken = 0 if dry_run else _take(invocation, library)
    for section in sections:
        with progress():
            if dry_run:
                with read_only(library.engine) as conn:
                    listed = rows_of(conn, section, moment.day)
                if output:
                    write_files(output, file_of(section, listed.rows, moment))
            else:
                listed = sync_or_log(library.engine, section, moment, outlets)
        for named in listed.named:
            say(f"{section.name}: {named}", "warning")
        if dry_run or invocation.speaks:
            click.echo(f"{section.name}, {moment.day}: {counted(len(listed.rows), 'open case')} in the sync")
    if not dry_run:
        sys.exit(worst_exit_code(taken, _deliver(invocation, library)))


@click.command()
@click.pass_obj
def deliver(invocation: Invocation) -> None:
    """Try every delivery that is due; nothing to say unless something changed."""
    library = invocation.library("koha")
    exit_code = worst_exit_code(_take(invocation, library), _deliver(invocation, library))
    sys.exit(0 if exit_code == EXIT_TEMPFAIL else exit_code)


def _deliver(invocation: Invocation, library: Library) -> int:
    """Try every delivery that is due and tell what became of it; the exit code."""
    with progress():
        sent = deliver_and_alert(library, partial(now, library.zone))
    _tell_round(invocation, sent)
    return sent.exit_code


def _tell_round(invocation: Invocation, sent: Round) -> None:
    done = sent.delivered
    if invocation.speaks:
        for delivery in done.sent:
            click.echo(f"sent: {delivery.file_name} to {recipient(delivery)}")
        for delivery in done.cancelled:
            click.echo(f"{delivery.reason}: {delivery.file_name} did not go to {delivery.address.recipient}")
    for sentence in _troubles(sent):
        say(sentence)


def _troubles(sent: Round) -> Iterator[str]:
    """What staff should know of a round of deliveries."""
    done = sent.delivered
    yield from done.notes
    for delivery, failure in done.in_vain:
        about = f"{delivery.file_name} to {recipient(delivery)}"
        yield f"{about}: {failure.sentence}\n  {failure.hint}".rstrip()
    for delivery in done.given_up:
        yield f"{delivery.file_name}: not delivered for three days; from now on it is tried once a night"
    for untold in sent.untold:
        yield f"{untold.sentence}\n  {untold.way_out}"
    for delivery, why in done.held:
        yield f"{delivery.file_name} to {recipient(delivery)}: held, {why}"
    if done.held:
        numbers = " ".join(str(delivery.id) for delivery, _ in done.held)
        yield f"  Put it back, or end them: gentle-nudge outbox cancel {numbers} --reason TEXT"
    yield from sent.unheard
