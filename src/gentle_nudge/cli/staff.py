"""The commands of the collections desk."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.options import (
    dry_run_option,
    folder_option,
    library_option,
    moment_of,
    progress,
    show,
)
from gentle_nudge.cli.words import cards_argument, cards_of, date_argument, date_option
from gentle_nudge.domain.hold import REASONS
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.deeds import Desk
from gentle_nudge.jobs.desk.night_page import WantedNight, file_name_of, look, page_head, page_of
from gentle_nudge.jobs.desk.take_wishes import ask_for
from gentle_nudge.jobs.desk.withdraw import WithdrawalRequest, withdraw_cases
from gentle_nudge.jobs.night.preview import write_files
from gentle_nudge.jobs.sections import names_to_end
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.views.night_page_view import night_page_view
from gentle_nudge.views.withdrawal_view import withdrawal_view


@click.command()
@cards_argument()
@date_option("--submission", "day", help="Instead of one patron: everybody in the submission of this day.")
@click.option("--library", "libraries", multiple=True, metavar="NAME", help="Only of this section.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept with the case, so name nobody in it.")
@click.option("--waive-fee", is_flag=True, help="Also forgive what is still owing of the processing fee.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing; on a terminal with names.")
@click.pass_obj
def release(
    invocation: Invocation,
    cards: Sequence[str],
    day: date | None,
    libraries: Sequence[str],
    reason: str,
    waive_fee: bool,
    dry_run: bool,
) -> None:
    """Take patrons (CARD: also number:123, or name:TEXT) back from collections, or everybody in a submission.

    The flag and our restriction are taken off and the case is closed as withdrawn: charges of up to today do not
    refer the patron again. The next update tells the agency as withdrawn_due says; a submission that has not been
    delivered is cancelled instead. What was paid stays paid, and doing it twice does no more than doing it once.
    Of several CARDs all are taken back, or none.
    """
    if bool(cards) == bool(day):
        raise UserError("Name patrons, or a submission.", "gentle-nudge release CARD, or release --submission DATE")
    if not reason.strip():
        raise UserError("A reason is needed.", 'Say why: --reason "referred by mistake"')
    library = invocation.library()
    sections = library.sections(changes=not dry_run)
    request = WithdrawalRequest(
        reason=reason.strip(),
        cards=cards_of(library, cards),
        day=day,
        sections=names_to_end(sections, libraries),
        waive_fee=waive_fee,
    )
    moment = moment_of(library, person=True)
    work = partial(withdraw_cases, sections=sections, wanted=request, moment=moment, dry_run=dry_run)
    with progress():
        if dry_run:
            with read_only(library.engine) as conn:
                withdrawals = work(conn)
        else:
            withdrawals = writing(library.engine, work)
    if dry_run or invocation.speaks:
        show(withdrawal_view(withdrawals, dry_run=dry_run, names_patrons=dry_run and sys.stdout.isatty()))


@click.command()
@cards_argument(required=True)
@click.option("--reason", type=click.Choice(REASONS), required=True, help="Why.")
@date_option("--until", ahead=True, help="The last day; only bankruptcy and deceased may have none.")
@click.option("--note", metavar="TEXT", help="More about it, for the library alone.")
@dry_run_option
@click.pass_obj
def hold(
    invocation: Invocation, cards: Sequence[str], reason: str, until: date | None, note: str | None, dry_run: bool
) -> None:
    """Keep patrons (CARD, or number:123) back: they are not referred, and an open case is paused.

    The next update tells of a paused case once, as hold_due says, and then no more until the hold has ended. Flag,
    restriction and charges stay as they are. On somebody who is kept back already it replaces reason and day.
    """
    _ask(invocation, cards, what="hold", dry_run=dry_run, reason=reason, until=until, note=note)


@click.command()
@cards_argument(required=True)
@click.option("--reason", metavar="TEXT", help="Why; kept, so name nobody in it.")
@dry_run_option
@click.pass_obj
def resume(invocation: Invocation, cards: Sequence[str], reason: str | None, dry_run: bool) -> None:
    """End the holds of patrons (CARD, or number:123) that a command or an edited list has made.

    The next update tells what is owed. A hold that stands in Koha's field is ended there: staff empty the field.
    """
    _ask(invocation, cards, what="resume", dry_run=dry_run, reason=reason)


def _ask(invocation: Invocation, cards: Sequence[str], *, what: str, dry_run: bool, **columns: Any) -> None:
    """Do the wish about each of these patrons, all or none, and say what was done."""
    library = invocation.library("koha")
    desk = Desk(moment=moment_of(library, person=True))
    work = partial(ask_for, cards=cards_of(library, cards), desk=desk, what=what, columns=columns, dry_run=dry_run)
    if dry_run:
        click.echo("Dry run: nothing is written.")
        with read_only(library.engine) as conn:
            answers = work(conn)
    else:
        library.may_act()
        answers = writing(library.engine, work)
    click.echo("\n".join(answers))


@click.command()
@date_argument("day", required=False)
@click.option("--week", is_flag=True, help="The seven days up to DATE.")
@library_option
@click.option("--format", "form", type=click.Choice(["table", "html", "json"]), default="table")
@folder_option(help="Write the pages there, as files.")
@click.option("--names", is_flag=True, help="With the names of patrons, not only their cards.")
@click.pass_obj
def night(
    invocation: Invocation,
    day: date | None,
    week: bool,
    libraries: Sequence[str],
    form: Literal["table", "html", "json"],
    output: Path | None,
    names: bool,
) -> None:
    """What a night did, who needs a look, and which reports arrived. DATE is the day of the night; default: the last.

    In JSON an object for each section.
    """
    library = invocation.library("koha")
    wanted = library.families_of(libraries)
    if form == "html" and not output and len(wanted) > 1:
        raise UserError("There is a page for each section.", "Name one with --library, or a folder with --output.")
    with progress(), read_only(library.engine) as conn:
        nights = [
            look(conn, WantedNight(sections=family, day=day, week=week, names=names), library.zone) for family in wanted
        ]
        head = page_head(conn)
    made = moment_of(library).now
    pages = {file_name_of(values): page_of(library, head, values, made, names=names) for values in nights}
    if output:
        for path in write_files(output, ((name, [page.encode()]) for name, page in pages.items())):
            click.echo(f"Written: {path}")
    elif form == "html":
        click.echo("".join(pages.values()).encode(), nl=False)
    else:
        show([night_page_view(values) for values in nights], form)
