"""The commands that cron starts: nightly, sync, deliver."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
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
from gentle_nudge.errors import EXIT_FAILURE, EXIT_TEMPFAIL, EXIT_USAGE

if TYPE_CHECKING:
    from gentle_nudge.domain.collections.policy import Section
    from gentle_nudge.domain.moment import Moment
    from gentle_nudge.domain.report_row import UpdateRow
    from gentle_nudge.jobs.library import Library
    from gentle_nudge.jobs.night.nightly import Night
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
    from gentle_nudge.jobs.monitor.watch import watched
    from gentle_nudge.jobs.night.due import NightOptions
    from gentle_nudge.jobs.night.nightly import nightly as run

    gc.freeze()  # what is imported stays
    library = invocation.library()
    moment = moment_of(library, day, dry_run=dry_run, person=bool(most_referrals or most_withdrawals))
    options = NightOptions(
        dry_run=dry_run,
        most_referrals=most_referrals,
        most_withdrawals=most_withdrawals,
        beside_plugin=beside_plugin or not library.runs_plugins,
    )
    if dry_run:
        sections, outlets = library.ready(libraries, dry_run=True)
        night = run(library.engine, sections, moment, outlets=outlets, options=options)
        _show(invocation, sections, night, form, dry_run=True)
        if output:
            _write(sections, night, output, form)
        sys.exit(_trouble(night, told=form == "table"))
    with watched(library, moment, now) as watch:
        sections, outlets = library.ready(libraries, dry_run=False)
        night = run(library.engine, sections, moment, outlets=outlets, options=options)
        _show(invocation, sections, night, form)
        watch.exit_code = _worst(_trouble(night), _delivered(invocation, library, night=night, failed_too=True))
    for sentence in (*watch.notes, *_house_kept(library, moment)):
        click.echo(sentence, err=True)
    sys.exit(watch.exit_code)


def _house_kept(library: Library, moment: Moment) -> Iterator[str]:
    """What was kept long enough is gone; what went wrong with that is worth a word, and fails no night."""
    from gentle_nudge.jobs.monitor.retention import RetentionPeriods, apply_retention

    keeping = RetentionPeriods.of(library.settings.archive, library.instance.database)
    for trouble in apply_retention(library.engine, keeping, moment):
        yield f"{trouble.sentence}\n  {trouble.hint}".rstrip()


def _show(
    invocation: Invocation, sections: tuple[Section, ...], night: Night, form: str, *, dry_run: bool = False
) -> None:
    """The plans; what a night has done, as people read it, in a line each, and only to whoever wants to know."""
    from gentle_nudge.views.night_view import done_view, night_view

    plans = [(section, night.plans[section.name]) for section in sections if section.name in night.plans]
    if form == "table" and dry_run:
        click.echo("Dry run: nothing is written, nothing is sent.")
    if form == "json" or dry_run:
        show([night_view(section, plan) for section, plan in plans], form)
    elif invocation.speaks:
        show([done_view(plan) for _, plan in plans])
    if form == "table" and (dry_run or invocation.speaks):
        for name in night.done_before:
            click.echo(f"{name}: already done for {night.day}.")


def _write(sections: tuple[Section, ...], night: Night, output: Path, form: str) -> None:
    from gentle_nudge.jobs.night.preview import files, write_files

    planned = (section for section in sections if section.name in night.plans)
    for path in write_files(output, (file for s in planned for file in files(s, night.plans[s.name]))):
        click.echo(f"Written: {path}", err=form == "json")


def _trouble(night: Night, *, told: bool = False) -> int:
    """Every trouble of the night is on stderr, unless the plans have told it; the exit code they make."""
    for name, failure in night.failures.items():
        click.echo(f"{name}: {failure.sentence}\n  {failure.hint}".rstrip(), err=True)
        say_where(click.get_current_context(), failure)
    for name, plan in night.plans.items() if not told else ():
        for refusal in plan.refusals:
            click.echo(f"{name}: {refusal.sentence}\n  {refusal.hint}", err=True)
        for named in plan.named:
            click.echo(f"{name}: {named}", err=True)
    codes = {failure.exit_code for failure in night.failures.values()}
    codes |= {EXIT_FAILURE for plan in night.plans.values() if plan.refusals}
    return _worst(*codes)


def _worst(*codes: int) -> int:
    return next((code for code in (EXIT_FAILURE, EXIT_USAGE, EXIT_TEMPFAIL) if code in codes), 0)


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
    from gentle_nudge.jobs.transaction import read_only

    library = invocation.library()
    moment = moment_of(library, day, dry_run=dry_run, person=True)
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
    sys.exit(0 if dry_run else _delivered(invocation, library))


@click.command()
@click.pass_obj
def deliver(invocation: Invocation) -> None:
    """Try every delivery that is due; nothing to say unless something changed."""
    code = _delivered(invocation, invocation.library("koha"))
    sys.exit(0 if code == EXIT_TEMPFAIL else code)


def _delivered(
    invocation: Invocation, library: Library, *, night: Night | None = None, failed_too: bool = False
) -> int:
    """What is due has been tried, and staff know of every trouble; the exit code it makes."""
    from gentle_nudge.jobs.monitor.alerting import tell_staff
    from gentle_nudge.jobs.sending.deliver import deliver as run

    sections, outlets = library.ready_to_send()
    with closing(outlets):
        done = run(library.engine, sections, outlets, partial(now, library.zone), failed_too=failed_too)
        unheard = tell_staff(library, outlets, moment_of(library, None, dry_run=False), night=night)
    _tell_deliveries(invocation, done)
    for sentence in unheard:
        click.echo(sentence, err=True)
    return _worst(0 if done.went_well else EXIT_FAILURE, EXIT_TEMPFAIL if done.interrupted else 0)


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
