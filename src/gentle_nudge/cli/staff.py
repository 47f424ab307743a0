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
from gentle_nudge.cli.boundary import say
from gentle_nudge.cli.options import (
    card_argument,
    card_of,
    cards_argument,
    cards_of,
    date_argument,
    date_option,
    dry_run_option,
    folder_option,
    library_option,
    listing_format_option,
    moment_of,
    print_page,
    progress,
    reason_option,
    refuse_given,
    show,
    write,
)
from gentle_nudge.cli.reviewers import do
from gentle_nudge.domain.hold import REASONS
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.keep_back import on_hold
from gentle_nudge.jobs.desk.night_page import WantedNight, file_name_of, look, page_head, page_of
from gentle_nudge.jobs.desk.statement import statement as make_statement
from gentle_nudge.jobs.desk.statement import statement_file, statement_text
from gentle_nudge.jobs.desk.take_wishes import ask_for
from gentle_nudge.jobs.desk.withdraw import WithdrawalRequest, withdraw_cases
from gentle_nudge.jobs.sections import names_to_end
from gentle_nudge.jobs.transaction import carried_out, read_only
from gentle_nudge.views.hold_view import holds_view
from gentle_nudge.views.night_page_view import night_page_view
from gentle_nudge.views.plain import View, notes
from gentle_nudge.views.statement_view import statement_view
from gentle_nudge.views.structured import as_json
from gentle_nudge.views.withdrawal_view import withdrawal_view


@click.command()
@cards_argument()
@date_option("--submission", "day", help="Instead of one patron: everybody in the submission of this day.")
@click.option("--library", "libraries", multiple=True, metavar="NAME", help="Only of this section.")
@reason_option("Why; kept with the case, so name nobody in it.", example="referred by mistake", required=True)
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
    library = invocation.library()
    sections = library.sections(changes=not dry_run)
    request = WithdrawalRequest(
        reason=reason,
        cards=cards_of(library, cards),
        day=day,
        sections=names_to_end(sections, libraries),
        waive_fee=waive_fee,
    )
    moment = moment_of(library, person=True)
    work = partial(withdraw_cases, sections=sections, wanted=request, moment=moment, dry_run=dry_run)
    with progress():
        withdrawals = carried_out(library.engine, work, dry_run=dry_run)
    if dry_run or invocation.speaks:
        show(withdrawal_view(withdrawals, dry_run=dry_run, names_patrons=dry_run and sys.stdout.isatty()))


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
    if output and form != "html":
        refuse_given(["form"], "what is printed: files are always pages", "Leave out --format, or --output.")
    library = invocation.library("koha")
    wanted = library.families_of(libraries)
    with progress(), read_only(library.engine) as conn:
        nights = [
            look(conn, WantedNight(sections=family, day=day, week=week, names=names), library.zone) for family in wanted
        ]
        head = page_head(conn)
    made = moment_of(library).now
    pages = {file_name_of(values): page_of(library, head, values, made, names=names) for values in nights}
    if output:
        write(output, ((name, [page.encode()]) for name, page in pages.items()))
    elif form == "html":
        print_page(pages.values())
    else:
        show([night_page_view(values) for values in nights], form)


@click.command()
@card_argument()
@click.option("--case", "case_number", type=int, metavar="N", help="Of this case. Default: the latest open one.")
@click.option("--titles", is_flag=True, help="Name the titles too, where Koha still knows the item.")
@click.option("--format", "form", type=click.Choice(["text", "html", "json"]), help="Default: text.")
@folder_option(help="Write a file there instead, statement-CASE-DAY.html unless --format says otherwise.")
@click.pass_obj
def statement(
    invocation: Invocation, card: str, case_number: int | None, titles: bool, form: str | None, output: Path | None
) -> None:
    """What a patron owes and why, for the patron: at the desk, or as a letter.

    CARD: also number:123, or name:TEXT. It reads only, and names nobody else.
    """
    library = invocation.library()
    card = card_of(library, card)
    sections, moment = library.sections(changes=False), moment_of(library)
    with progress(), read_only(library.engine) as conn:
        made = make_statement(conn, sections, card, moment, case_number=case_number, titles=titles)
    view, form = statement_view(made), form or ("html" if output else "text")
    ending = "txt" if form == "text" else form
    text = as_json(view) + "\n" if form == "json" else statement_text(library, made, moment.now, ending=ending)
    for failure in library.texts.failures:
        say(failure, "warning")
    if output:
        write(output, [(statement_file(made, ending), [text.encode()])])
    elif form == "text":
        show(View(parts=notes(*text.splitlines(), style="copy")))
    else:
        click.echo(text.encode(), nl=False)


@click.command()
@cards_argument()
@click.option("--reason", type=click.Choice(REASONS), help="Why.")
@date_option("--until", ahead=True, help="The last day; only bankruptcy and deceased may have none.")
@click.option("--note", metavar="TEXT", help="More about it, for the library alone.")
@dry_run_option
@click.option("--ended", is_flag=True, help="Without CARD: also the holds that are over.")
@click.option("--library", "libraries", multiple=True, metavar="NAME", help="Without CARD: only of this section.")
@listing_format_option
@click.pass_obj
def hold(
    invocation: Invocation,
    cards: Sequence[str],
    reason: str | None,
    until: date | None,
    note: str | None,
    dry_run: bool,
    ended: bool,
    libraries: Sequence[str],
    form: str,
) -> None:
    """Keep patrons (CARD: also number:123, or name:TEXT) back; without CARD: show who is kept back.

    Patrons on hold are not referred, and an open case is paused: the next update tells of it once, as hold_due says,
    and then no more until the hold has ended. Flag, restriction and charges stay as they are. On somebody who is kept
    back already it replaces reason and day.
    """
    if cards and reason is None:
        raise UserError("A reason is needed.", f"Give one with --reason: {', '.join(REASONS)}.")
    if cards:
        of_the_list = ("ended", "libraries", "form")
        refuse_given(of_the_list, "the list of holds, not to a card", "gentle-nudge hold without CARD shows it.")
        _ask(invocation, cards, "hold", dry_run=dry_run, reason=reason, until=until, note=note)
        return
    if reason or until or note or dry_run:
        raise UserError("Name at least one patron.", "gentle-nudge hold CARD --reason WORD; without options: all holds")
    library = invocation.library("koha")
    sections, day = library.names_of(libraries), moment_of(library).day
    with progress(), read_only(library.engine) as conn:
        listed = list(on_hold(conn, ended_too=ended, sections=sections, day=day))
    show(holds_view(listed), form)


@click.command()
@cards_argument(required=True)
@reason_option("Why; kept, so name nobody in it.", example="the plan is kept")
@dry_run_option
@click.pass_obj
def resume(invocation: Invocation, cards: Sequence[str], reason: str | None, dry_run: bool) -> None:
    """End the holds of patrons (CARD: also number:123, or name:TEXT) that a command or an edited list has made.

    The next update tells what is owed. A hold that stands in Koha's field is ended there: staff empty the field.
    """
    _ask(invocation, cards, "resume", dry_run=dry_run, reason=reason)


def _ask(invocation: Invocation, cards: Sequence[str], what: str, *, dry_run: bool, **columns: Any) -> None:
    """Do the wish about each of these patrons, all or none; it needs no policy."""
    library = invocation.library("koha")
    work = partial(ask_for, cards=cards_of(library, cards), what=what, columns=columns, dry_run=dry_run)
    do(library, work, dry_run=dry_run)
