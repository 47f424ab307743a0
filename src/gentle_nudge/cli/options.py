"""The clock, the options and arguments that several commands share, and what every command shows."""

from __future__ import annotations

import getpass
import logging
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gentle_nudge.domain.moment import DAY_WORDS, Interface, Moment, named_day
from gentle_nudge.domain.wording import is_blank
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.find_patron import BY_NAME, CardRefused, by_card_or_number, for_each_card
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.night.preview import write_files
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.views.case_view import matches_view
from gentle_nudge.views.plain import View
from gentle_nudge.views.structured import as_csv, as_json

if TYPE_CHECKING:
    from gentle_nudge.views.terminal import Progress

DAYS_BACK = 6

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def month_option(*names: str, **options: Any) -> Decorator:
    """An option that takes a month; the command gets its first day or None."""
    options |= {"type": click.DateTime(formats=["%Y-%m"]), "metavar": "YYYY-MM"}
    return click.option(*names, callback=lambda _context, _option, value: value and value.date(), **options)


def folder_option(**options: Any) -> Decorator:
    """The option `--output`, which takes a folder."""
    return click.option("--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", **options)


def set_option(words: str) -> Decorator:
    """The option `--set KEY=VALUE`, which may be repeated."""
    return click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help=words)


def _day(
    context: click.Context, _option: click.Parameter, value: str | None, *, ahead: bool | None, zone: tzinfo | None
) -> date | None:
    """The day that the value means; a usage error if it means none.

    A weekday is the coming one where the question looks `ahead`, else the last one; if `ahead` is None, as `--dry-run`
    says. Today is that of the `zone`, or of the library's, which only a word asks for.
    """
    if value is None:
        return None
    word = value.strip()
    if word.casefold() in DAY_WORDS:
        looks_ahead = context.params.get("dry_run", False) if ahead is None else ahead
        return named_day(word, now(zone or context.obj.library("koha").zone).date(), ahead=looks_ahead)
    try:
        return datetime.strptime(word, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        sentence = f"{value!r} is no date: write 2026-11-22, today, tomorrow, yesterday or a weekday."
        raise click.BadParameter(sentence) from error


def date_option(*names: str, ahead: bool | None = False, zone: tzinfo | None = None, **options: Any) -> Decorator:
    """An option DATE; the command gets a day or None."""
    return click.option(*names, callback=partial(_day, ahead=ahead, zone=zone), metavar="DATE", **options)


def date_argument(name: str, *, ahead: bool | None = False, **options: Any) -> Decorator:
    """An argument DATE; the command gets a day, or None if it is not required and not given."""
    metavar = "DATE" if options.get("required", True) else "[DATE]"
    return click.argument(name, callback=partial(_day, ahead=ahead, zone=None), metavar=metavar, **options)


day_option = date_option("--day", ahead=None, help="The business day. Default: today in the library's time zone.")


def reason_option(words: str, *, example: str = "", **options: Any) -> Decorator:
    """The option `--reason TEXT`; UserError, with the example, if it is blank."""

    def given(_context: click.Context, _option: click.Parameter, reason: str | None) -> str | None:
        if reason is not None and is_blank(reason):
            raise UserError("A reason is needed.", f'Say why: --reason "{example}"')
        return reason and reason.strip()

    return click.option("--reason", metavar="TEXT", help=words, callback=given, **options)


library_option = click.option("--library", "libraries", multiple=True, metavar="NAME", help="Only this section.")
dry_run_option = click.option("--dry-run", is_flag=True, is_eager=True, help="Show everything, write and send nothing.")
output_option = folder_option(help="Dry run: write the files there.")


def refuse_output(output: Path | None, *, dry_run: bool) -> None:
    """UserError if the files of a run are wanted that is not a dry run."""
    if output and not dry_run:
        raise UserError(
            "--output belongs to --dry-run: a run sends its files and writes none.",
            "Add --dry-run; the files of a past run: gentle-nudge regenerate",
        )


def refuse_given(names: Collection[str], belongs_to: str, hint: str) -> None:
    """UserError if one of these parameters was given as an option: it would have no effect."""
    context = click.get_current_context()
    given = [
        option.opts[0]
        for option in context.command.params
        if option.name in names and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise UserError(f"{' and '.join(given)} {'belongs' if len(given) == 1 else 'belong'} to {belongs_to}.", hint)


def is_for_its_command(context: click.Context) -> bool:
    """Whether a command of the group follows; UserError if options stand before it, which the group alone has."""
    if context.invoked_subcommand is None:
        return False
    names = [option.name for option in context.command.params if option.name]
    command = f"{context.command_path} {context.invoked_subcommand}"
    refuse_given(
        names, f"{context.command_path} alone", f"Write options behind the command: {command} --help shows which."
    )
    return True


format_option = click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
listing_format_option = click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")


def show(shown: View | Sequence[View], form: str = "table", *, stderr: bool = False) -> None:
    """Print views as a table, or as JSON or CSV in UTF-8, whatever the terminal speaks."""
    match form:
        case "json":
            click.echo(as_json(shown).encode())
        case "csv":
            click.echo(as_csv(shown).encode(), nl=False)
        case _:
            from gentle_nudge.views.terminal import draw, screen  # noqa: PLC0415 - rich takes 3 MB, cron shows nothing

            draw(shown, screen(stderr=stderr))


def write(output: Path, files: Iterable[tuple[str, Iterable[bytes]]], *, stderr: bool = False) -> None:
    """Write the files into this folder, and say where each is."""
    for path in write_files(output, files):
        click.echo(f"Written: {path}", err=stderr)


def print_page(pages: Collection[str]) -> None:
    """Print the one page, in UTF-8; UserError if there are several."""
    if len(pages) > 1:
        raise UserError("There is a page for each section.", "Name one with --library, or a folder with --output.")
    click.echo("".join(pages).encode(), nl=False)


@contextmanager
def progress() -> Iterator[Progress | None]:
    """Show on a terminal, while a command works, the last step that it logged."""
    if not sys.stderr.isatty():
        yield None
        return
    from gentle_nudge.views.terminal import Progress  # noqa: PLC0415 - as above

    shown, log = Progress(), logging.getLogger("gentle_nudge")
    handler = logging.Handler(logging.INFO)
    handler.emit = lambda record: shown.say(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    shown.show()
    try:
        yield shown
    finally:
        shown.hide()
        log.removeHandler(handler)


def now(zone: tzinfo = UTC) -> datetime:
    """The clock: the only place, with `--day`, where time enters."""
    return datetime.now(zone)


def moment_of(
    library: Library,
    day: date | None = None,
    *,
    dry_run: bool = False,
    person: bool = False,
    interface: Interface = "commandline",
) -> Moment:
    """The moment of a run; if a `person` decides, with the login name (under sudo, that of the caller).

    UserError, unless this is a dry run, for a day in the future, or one more than six days back.
    """
    instant = now()
    today = instant.astimezone(library.zone).date()
    chosen = day or today
    if chosen > today and not dry_run:
        raise UserError(f"{chosen} is in the future (today: {today}).", "Look ahead with --dry-run.")
    if chosen < today - timedelta(days=DAYS_BACK) and not dry_run:
        raise UserError(
            f"{chosen} lies more than {DAYS_BACK} days back.", "A missed submission is made up for by the next night."
        )
    who = _login_name() if person else None
    return Moment(day=chosen, now=instant, zone=library.zone, who=who, interface=interface)


def _login_name() -> str:
    """The caller's, also under sudo; in a container that knows no name for the user, the number."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # the first until Python 3.12
        return f"uid {os.getuid()}"


def card_argument(**options: Any) -> Decorator:
    """The argument CARD, which `card_of` reads."""
    return click.argument("card", **options)


def cards_argument(**options: Any) -> Decorator:
    """The argument CARD..., which `cards_of` reads."""
    metavar = "CARD..." if options.get("required") else "[CARD...]"
    return click.argument("cards", metavar=metavar, nargs=-1, **options)


def card_of(library: Library, card: str) -> str:
    """The one CARD as `cards_of` reads several."""
    return cards_of(library, [card])[0]


def cards_of(library: Library, cards: Sequence[str]) -> tuple[str, ...]:
    """Each CARD as a card or as number:123, in their order and each once.

    CardRefused if `name:TEXT` means nobody, or several patrons, who are shown.
    """
    cards = [card.strip() for card in cards]
    if not any(card.startswith(BY_NAME) for card in cards):
        return tuple(dict.fromkeys(cards))
    try:
        with read_only(library.engine) as conn:
            return tuple(dict.fromkeys(for_each_card(cards, partial(by_card_or_number, conn))))
    except CardRefused as refused:
        if refused.matches:
            show(matches_view(refused.matches))
        raise
