"""The commands of reminders: the run that cron starts, and what staff ask and stop."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.boundary import say, say_where
from gentle_nudge.cli.options import (
    card_argument,
    card_of,
    date_option,
    day_option,
    dry_run_option,
    library_option,
    listing_format_option,
    moment_of,
    progress,
    reason_option,
    show,
)
from gentle_nudge.cli.reviewers import ReviewCommands
from gentle_nudge.domain.reminders.levels import BILL
from gentle_nudge.domain.reminders.series import SeriesState
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.find_patron import number_in_koha
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.reminders.remind import ReminderRun, RemindOptions
from gentle_nudge.jobs.reminders.remind import remind as run_reminders
from gentle_nudge.jobs.reminders.remind_status import WantedLetters, letters_sent, previews, series_of, today_of
from gentle_nudge.jobs.reminders.reminded_sections import NONE, reminded_sections, reminds
from gentle_nudge.jobs.reminders.stop_series import stop_series
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.views.reminder_view import (
    letters_of_run,
    preview_view,
    run_for_people,
    run_view,
    sent_view,
    status_view,
)

LISTED_DAYS = 30


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
    """Send the letters that are due, charge and restrict.

    Series that are paid or referred end, and restrictions without ground are lifted.

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


def _number(library: Library, card: str) -> int:
    """The patron who is meant; UserError if nobody is."""
    card = card_of(library, card)
    with read_only(library.engine) as conn:
        return number_in_koha(conn, card)


@remind.command()
@click.argument("card", required=False)
@library_option
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in SeriesState), "all"]),
    help="Default: open; with CARD: all.",
)
@listing_format_option
@click.pass_obj
def status(invocation: Invocation, card: str | None, libraries: Sequence[str], state: str | None, form: str) -> None:
    """Show the series, what became of each letter, what comes next.

    Of CARD (also number:123) every series, and today's verdict of each section.
    """
    library = _library(invocation)
    moment, wanted = moment_of(library), state or ("all" if card else "open")
    number = _number(library, card) if card else None
    with progress(), read_only(library.engine) as conn:
        sections = reminded_sections(conn, library.settings, libraries)
        in_state = None if wanted == "all" else SeriesState(wanted)
        names = library.names_of(libraries)
        series = series_of(conn, sections, moment, number=number, state=in_state, names=names)
        today = list(today_of(conn, sections, moment, number)) if number else []
    show(status_view(series, today, moment.day), form)


@remind.command()
@date_option("--from", "first", help="Default: 30 days ago.")
@date_option("--to", "last", help="Default: today.")
@click.option("--level", type=click.IntRange(1, BILL), metavar="N", help="Of this level; 5 is the bill.")
@click.option("--branch", metavar="CODE", help="With the letter of this branch.")
@click.option("--transport", type=click.Choice(["email", "print"]))
@click.option("--state", type=click.Choice(["pending", "sent", "failed", "deleted", "gone"]))
@library_option
@listing_format_option
@click.pass_obj
def letters(
    invocation: Invocation, /, first: date | None, last: date | None, libraries: Sequence[str], form: str, **which: Any
) -> None:
    """List letters, for printing and for the desk. Printing, and marking as sent, is Koha's."""
    library = _library(invocation)
    last = last or moment_of(library).today
    first = first or last - timedelta(days=LISTED_DAYS)
    wanted = WantedLetters(first=first, last=last, names=library.names_of(libraries), **which)
    with progress(), read_only(library.engine) as conn:
        show(sent_view(letters_sent(conn, wanted)), form)


@remind.command()
@card_argument()
@click.option("--level", type=click.IntRange(1, BILL), metavar="N", help="This level. Default: the next.")
@library_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_obj
def preview(invocation: Invocation, card: str, level: int | None, libraries: Sequence[str], form: str) -> None:
    """Show a patron's letters as they would be today, due or not.

    The patron is named by CARD, or number:123. Nothing is written.
    """
    library = _library(invocation)
    moment, number = moment_of(library), _number(library, card)
    with progress(), read_only(library.engine) as conn:
        sections = reminded_sections(conn, library.settings, libraries)
        made = previews(conn, sections, moment, number=number, level=level)
    show(preview_view(made), "table" if form == "text" else form)


@remind.command()
@card_argument()
@reason_option("Why; kept with the series, so name nobody in it.", example="found on the shelf", required=True)
@click.option("--library", "libraries", multiple=True, metavar="NAME", help="The section, if there are several.")
@click.option("--waive-fee", is_flag=True, help="Also forgive what is still owing of the fees of its letters.")
@click.pass_obj
def stop(invocation: Invocation, card: str, reason: str, libraries: Sequence[str], waive_fee: bool) -> None:
    """Stop the reminders of a patron and lift the restriction.

    The patron is named by CARD, or number:123. Charges of up to today are not reminded again; later ones are.
    """
    library = invocation.library("koha")
    library.may_act()
    moment = moment_of(library, person=True)
    stopping = partial(
        stop_series,
        moment=moment,
        patron=_number(library, card),
        reason=reason,
        waive_fee=waive_fee,
        sections=library.names_of(libraries),
        known=[name for family in library.families for name in family],
    )
    click.echo(writing(library.engine, stopping))
