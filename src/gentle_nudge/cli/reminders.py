"""The commands of reminders: the run that cron starts, and what staff ask and stop."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.boundary import say, say_where
from gentle_nudge.cli.options import day_option, dry_run_option, library_option, moment_of, progress, show
from gentle_nudge.cli.reviewers import ReviewCommands
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.reminders.remind import ReminderRun, RemindOptions
from gentle_nudge.jobs.reminders.remind import remind as run_reminders
from gentle_nudge.jobs.reminders.reminded_sections import NONE, reminds
from gentle_nudge.views.reminder_view import letters_of_run, run_for_people, run_view


class RemindCommands(ReviewCommands):
    """A group whose first command needs no name: `remind --dry-run` is `remind run --dry-run`."""

    first = "run"


@click.group(cls=RemindCommands)
def remind() -> None:
    """Send the reminders of debts that are due, with their fees and restrictions; see what became of them.

    Without a command: the same as remind run.
    """


def _library(invocation: Invocation) -> Library:
    """The library, if it has reminders; with `--if-configured` and none the program ends here without a word."""
    library = invocation.library("koha")
    if not reminds(library.settings):
        if invocation.if_configured:
            click.get_current_context().exit(0)
        raise UserError(*NONE)
    return library


@remind.command()
@day_option
@library_option
@dry_run_option
@click.option("--most-letters", type=click.IntRange(min=1), metavar="N", help="Lift the fuse for this one run.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), help="Show what is done.")
@click.pass_obj
def run(
    invocation: Invocation,
    day: date | None,
    libraries: Sequence[str],
    dry_run: bool,
    most_letters: int | None,
    form: str | None,
) -> None:
    """Every section: the letters that are due, with fee and restriction; series that end; restrictions lifted.

    Stands in cron after nightly. Koha itself sends and prints what it finds in its queue.
    """
    library = _library(invocation)
    moment = moment_of(library, day, dry_run=dry_run, person=most_letters is not None, interface="cron")
    options = RemindOptions(dry_run=dry_run, most_letters=most_letters)
    with progress():
        done = run_reminders(library, moment, libraries, options)
    if dry_run and form in {None, "table"}:
        click.echo("Dry run: nothing is written, nothing is sent.")
    if form == "json":
        show(run_view(done.plans, done.day, dry_run=dry_run), form)
    elif form == "csv":
        show(letters_of_run(done.plans), form)
    elif form or dry_run or invocation.speaks:
        show(run_for_people(done.plans))
    _tell_trouble(done)
    sys.exit(done.exit_code)


def _tell_trouble(done: ReminderRun) -> None:
    """Say on stderr what failed, and which letters or fuses hold patrons back."""
    for name, failure in done.failures.items():
        say(f"{name}: {failure.sentence}\n  {failure.hint}".rstrip())
        say_where(click.get_current_context(), failure)
    for name, plan in done.plans.items():
        for error in plan.errors:
            say(f"{name}: {error.sentence}\n  Mend it in Koha (Tools, Notices & slips); gentle-nudge check names all.")
        if plan.refused:
            say(f"{name}: {plan.refused}\n  {plan.hint}")
