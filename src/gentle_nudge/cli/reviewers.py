"""The commands about a list: look at it, leave patrons out, approve or reject it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.boundary import HelpfulGroup
from gentle_nudge.cli.options import (
    cards_argument,
    cards_of,
    date_argument,
    date_option,
    dry_run_option,
    folder_option,
    library_option,
    moment_of,
    print_page,
    progress,
    reason_option,
    refuse_given,
    show,
    write,
)
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.wish import Door, Wish
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.deeds import Desk
from gentle_nudge.jobs.desk.list_pages import list_page
from gentle_nudge.jobs.desk.night_page import page_head
from gentle_nudge.jobs.desk.read_list import edited_file, read_list
from gentle_nudge.jobs.desk.review_list import files_of, reviews, shelf
from gentle_nudge.jobs.desk.take_wishes import ask_all, ask_for
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.transaction import carried_out, read_only
from gentle_nudge.reports.render import page_name
from gentle_nudge.views.review_view import list_file_view, review_view, shelf_view

section_option = click.option("--library", "section", metavar="NAME", help="The section whose list it is.")


class ReviewCommands(HelpfulGroup):
    """A group whose first command needs no name: `review DATE` is `review show DATE`."""

    first = "show"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What click leaves of the arguments."""
        named = args[:1] and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else [self.first, *args])


@click.group(cls=ReviewCommands)
def review() -> None:
    """Look at the list before a referral, and decide about it.

    Without a command: the same as review show.
    """


@review.command("show")
@date_argument("day", ahead=True, required=False)
@library_option
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "html"]), default="table")
@folder_option(help="Write the files of the list there instead.")
@click.option("--names", is_flag=True, help="With the names of the patrons.")
@click.option("--shelf", "for_shelves", is_flag=True, help="Instead: the lost items, for a walk along the shelves.")
@click.pass_obj
def show_list(
    invocation: Invocation,
    day: date | None,
    libraries: Sequence[str],
    form: str,
    output: Path | None,
    names: bool,
    for_shelves: bool,
) -> None:
    """Show the list of a submission day (the coming one): who will be referred, and reasons to look twice.

    A list that can still be used is judged as of now; without one it is what would be on it.
    """
    if output:
        refuse_given(
            ["form", "for_shelves"], "what is printed: --output writes every file", "Leave out --output, or the others."
        )
    if for_shelves:
        refuse_given(["names"], "the list of patrons: on the shelves nobody is named", "Leave out --names, or --shelf.")
        if form == "html":
            raise UserError("The lost items are no page.", "Leave out --format, or say csv or json.")
    library = invocation.library()
    sections, _ = library.ready(libraries, dry_run=True)
    moment = moment_of(library, person=True)
    with progress(), read_only(library.engine) as conn:
        lists = reviews(conn, sections, moment, day)
        items = shelf(conn, lists) if for_shelves else []
        files = [file for each in lists for file in files_of(conn, each, names=names)] if output else []
        head = page_head(conn)
    pages = {
        page_name("review", each.for_day, each.section.name): list_page(library, head, each, moment.now, names=names)
        for each in (lists if output or form == "html" else ())
    }
    if output:
        files += [(name, [page.encode()]) for name, page in pages.items()]
        write(output, files)
    elif for_shelves:
        show(shelf_view(items), "csv" if form == "table" else form)
    elif form == "html":
        print_page(pages.values())
    elif form == "csv":
        show(list_file_view(lists, names=names), form)
    else:
        show([review_view(each, names=names) for each in lists], form)


@review.command("leave-out")
@cards_argument(required=True)
@reason_option("Why; kept with the list, so name nobody in it.", example="found on the shelf", required=True)
@date_option(
    "--list", "list_day", ahead=True, help="Only on the list of this day. Default: on every list that is open."
)
@date_option("--until", ahead=True, help="Also keep the patrons back until this day, as hold does.")
@dry_run_option
@click.pass_obj
def leave_out(
    invocation: Invocation,
    cards: Sequence[str],
    reason: str,
    list_day: date | None,
    until: date | None,
    dry_run: bool,
) -> None:
    """Leave patrons (CARD, or number:123) out of a list: they are not referred on that day. The next list asks again.

    With --until they are also on hold, for the reason other.
    """
    _ask_about(invocation, cards, "leave_out", dry_run=dry_run, reason=reason, list_day=list_day, until=until)


@review.command("put-back")
@cards_argument(required=True)
@date_option(
    "--list", "list_day", ahead=True, help="Only on the list of this day. Default: on every list that is open."
)
@dry_run_option
@click.pass_obj
def put_back(invocation: Invocation, cards: Sequence[str], list_day: date | None, dry_run: bool) -> None:
    """Put patrons (CARD, or number:123) back on a list that they were left out of. A hold goes on: see resume."""
    _ask_about(invocation, cards, "put_back", dry_run=dry_run, list_day=list_day)


@review.command()
@date_argument("day", ahead=True)
@section_option
@dry_run_option
@click.pass_obj
def approve(invocation: Invocation, day: date, section: str | None, dry_run: bool) -> None:
    """Let the list of that day go out: it does not lapse, and the fuse on referrals does not hold it."""
    _decide(invocation, "approve", dry_run=dry_run, list_day=day, section=section)


@review.command()
@date_argument("day", ahead=True)
@reason_option("Why; history shows it.", example="closed for repairs", required=True)
@section_option
@dry_run_option
@click.pass_obj
def reject(invocation: Invocation, day: date, reason: str, section: str | None, dry_run: bool) -> None:
    """Refer nobody by the list of that day. The next list is made as ever."""
    _decide(invocation, "reject", dry_run=dry_run, list_day=day, reason=reason, section=section)


@review.command("read")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@dry_run_option
@click.pass_obj
def read_file(invocation: Invocation, file: Path, dry_run: bool) -> None:
    """Do what an edited list says (FILE, as review --output writes it), all of it or nothing. The file stays.

    Write leave out into the column decision and a reason beside it; until is the last day of a hold, if there is to be
    one. Saved under a name that ends in -approved.csv it approves the list as well.
    """
    library = invocation.library()
    work = partial(read_list, file=edited_file(file.resolve()), dry_run=dry_run)
    do(library, work, library.sections(changes=False), dry_run=dry_run)


def _ask_about(invocation: Invocation, cards: Sequence[str], what: str, *, dry_run: bool, **columns: Any) -> None:
    """Do the wish about each of these patrons, all or none."""
    library = invocation.library()
    work = partial(ask_for, cards=cards_of(library, cards), what=what, columns=columns, dry_run=dry_run)
    do(library, work, library.sections(changes=False), dry_run=dry_run)


def _decide(invocation: Invocation, what: str, *, dry_run: bool, **columns: Any) -> None:
    """Do the wish about a whole list."""
    library = invocation.library()
    moment = moment_of(library, person=True)
    who, at = moment.who or "nobody", moment.now
    wish = Wish(door=Door.COMMAND, origin=token_hex(32), what=what, who=who, at=at, **columns)
    work = partial(ask_all, asked=[wish], dry_run=dry_run)
    do(library, work, library.sections(changes=False), dry_run=dry_run)


def do(library: Library, work: Callable[..., list[str]], sections: tuple[Section, ...] = (), *, dry_run: bool) -> None:
    """Do what a person asks for, who may know these sections, and say what was done; a dry run writes nothing."""
    if dry_run:
        click.echo("Dry run: nothing is written.")
    else:
        library.may_act()
    desk = Desk(moment=moment_of(library, person=True), sections=sections)
    answers = carried_out(library.engine, partial(work, desk=desk), dry_run=dry_run)
    click.echo("\n".join(answers) or "Nothing new: it was read before, or nothing is decided in it.")
