"""The clock, the options that several commands share, and what every command shows."""

from __future__ import annotations

import getpass
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gentle_nudge.domain.moment import Interface, Moment
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.library import Library
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
