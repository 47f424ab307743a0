"""The commands that cron starts: nightly, sync, deliver."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.boundary import say_where
from gentle_nudge.cli.options import (
    day_option,
    dry_run_option,
    format_option,
    library_option,
    moment_of,
    now,
    output_option,
    show,
)
from gentle_nudge.errors import EXIT_TEMPFAIL, GentleNudgeError, worst_exit_code

if TYPE_CHECKING:
    from gentle_nudge.domain.report_row import UpdateRow
    from gentle_nudge.jobs.library import Library
    from gentle_nudge.jobs.night.nightly import Night
    from gentle_nudge.jobs.routine import Round
    from gentle_nudge.jobs.sending.deliver import Delivered


@click.command()
@day_option
@library_option
@dry_run_option
@click.option("--most-referrals", type=click.IntRange(min=1), metavar="N", help="Lift the fuse for this one night.")
@click.option("--most-withdrawals", type=click.IntRange(min=1), metavar="N", help="Lift the limit for this one night.")
@click.option("--beside-plugin", is_flag=True, help="Refer patrons even while the Perl plugin is at work too.")
@output_option
@format_option
@click.pass_obj
def nightly(
    invocation: Invocation,
    day: datetime | None,
    libraries: Sequence[str],
    dry_run: bool,
    most_referrals: int | None,
    most_withdrawals: int | None,
    beside_plugin: bool,
    output: Path | None,
    form: str,
) -> None:
    """Every section: submission if due, update, release; then deliver."""
    from gentle_nudge.jobs.night.due import NightOptions
    from gentle_nudge.jobs.night.nightly import Night
    from gentle_nudge.jobs.night.nightly import nightly as run
    from gentle_nudge.jobs.routine import routine

    gc.freeze()  # what is imported stays
    library = invocation.library()
    by_person = bool(most_referrals or most_withdrawals)
    moment = moment_of(library, day, dry_run=dry_run, person=by_person, interface="cron")
    options = NightOptions(
        dry_run=dry_run,
        most_referrals=most_referrals,
        most_withdrawals=most_withdrawals,
        beside_plugin=beside_plugin or not library.runs_plugins,
    )
    if dry_run:
        sections, outlets = library.ready(libraries, dry_run=True)
        night = run(library.engine, sections, moment, outlets=outlets, options=options)
        _show(invocation, night, form, dry_run=True)
        if output:
            _write(library, night, output, form)
        _tell_trouble(night, told=form == "table")
        sys.exit(night.exit_code)
    codes = []
    with closing(routine(library, moment, partial(now, library.zone), wanted=libraries, options=options)) as steps:
        for step in steps:
            if isinstance(step, str):
                click.echo(step, err=True)
                continue
            codes.append(step.exit_code)
            if isinstance(step, Night):
                _show(invocation, step, form)
                _tell_trouble(step)
            elif isinstance(step, GentleNudgeError):
                _tell_failure(step)
            else:
                _tell_round(invocation, step)
    sys.exit(worst_exit_code(*codes))


def _show(invocation: Invocation, night: Night, form: str, *, dry_run: bool = False) -> None:
    """The plans; what a night has done, as people read it, in a line each, and only to whoever wants to know."""
    from gentle_nudge.views.night_view import done_view, night_view

    plans = [(section, night.plans[section.name]) for section in night.sections if section.name in night.plans]
    if form == "table" and dry_run:
        click.echo("Dry run: nothing is written, nothing is sent.")
    if form == "json" or dry_run:
        show([night_view(section, plan) for section, plan in plans], form)
    elif invocation.speaks:
        show([done_view(plan) for _, plan in plans])
    if form == "table" and (dry_run or invocation.speaks):
        for name in night.done_before:
            click.echo(f"{name}: already done for {night.day}.")


def _write(library: Library, night: Night, output: Path, form: str) -> None:
    from gentle_nudge.jobs.night.preview import files, write_files

    planned = (section for section in night.sections if section.name in night.plans)
    for path in write_files(output, (file for s in planned for file in files(library.engine, s, night.plans[s.name]))):
        click.echo(f"Written: {path}", err=form == "json")


def _tell_failure(failure: GentleNudgeError, name: str = "") -> None:
    click.echo(f"{name}{failure.sentence}\n  {failure.hint}".rstrip(), err=True)
    say_where(click.get_current_context(), failure)


def _tell_trouble(night: Night, *, told: bool = False) -> None:
    """Every trouble of the night is on stderr, unless the plans have told it."""
    for name, failure in night.failures.items():
        _tell_failure(failure, f"{name}: ")
    for name, plan in night.plans.items() if not told else ():
        for refusal in plan.refusals:
            click.echo(f"{name}: {refusal.sentence}\n  {refusal.hint}", err=True)
        for named in plan.named:
            click.echo(f"{name}: {named}", err=True)


@click.command()
@day_option
@library_option
@dry_run_option
@output_option
@click.pass_obj
def sync(
    invocation: Invocation, day: datetime | None, libraries: Sequence[str], dry_run: bool, output: Path | None
) -> None:
    """Report every open case with its balance; change nothing."""
    from gentle_nudge.jobs.night.preview import write_files
    from gentle_nudge.jobs.night.sync_report import file_of, rows_of
    from gentle_nudge.jobs.night.sync_report import sync_or_log as run
    from gentle_nudge.jobs.routine import deliver_and_alert
    from gentle_nudge.jobs.transaction import read_only

    library = invocation.library()
    moment = moment_of(library, day, dry_run=dry_run, person=True, interface="cron")
    sections, outlets = library.ready(libraries, dry_run=dry_run)
    rows: Sequence[UpdateRow]
    for section in sections:
        if dry_run:
            with read_only(library.engine) as conn:
                rows = rows_of(conn, section)
            if output:
                write_files(output, file_of(section, rows, moment))
        else:
            rows = run(library.engine, section, moment, outlets)
        if dry_run or invocation.speaks:
            click.echo(f"{section.name}, {moment.day}: {len(rows)} open cases in the sync")
    if not dry_run:
        sent = deliver_and_alert(library, partial(now, library.zone))
        _tell_round(invocation, sent)
        sys.exit(sent.exit_code)


@click.command()
@click.pass_obj
def deliver(invocation: Invocation) -> None:
    """Try every delivery that is due; nothing to say unless something changed."""
    from gentle_nudge.jobs.routine import deliver_and_alert

    library = invocation.library("koha")
    sent = deliver_and_alert(library, partial(now, library.zone))
    _tell_round(invocation, sent)
    sys.exit(0 if sent.exit_code == EXIT_TEMPFAIL else sent.exit_code)


def _tell_round(invocation: Invocation, sent: Round) -> None:
    _tell_deliveries(invocation, sent.delivered)
    for sentence in sent.unheard:
        click.echo(sentence, err=True)


def _tell_deliveries(invocation: Invocation, done: Delivered) -> None:
    from gentle_nudge.views.queue_view import recipient

    for note in done.notes:
        click.echo(note, err=True)
    if invocation.speaks:
        for delivery in done.sent:
            click.echo(f"sent: {delivery.file_name} to {recipient(delivery)}")
        for delivery in done.cancelled:
            click.echo(f"a test copy: {delivery.file_name} for {delivery.address.recipient} went to SendAllEmailsTo")
    for delivery, failure in done.in_vain:
        told = f"{delivery.file_name} to {recipient(delivery)}: {failure.sentence}\n  {failure.hint}"
        click.echo(told.rstrip(), err=True)
    for delivery in done.given_up:
        given_up = "not delivered for three days; from now on it is tried once a night"
        click.echo(f"{delivery.file_name}: {given_up}", err=True)
