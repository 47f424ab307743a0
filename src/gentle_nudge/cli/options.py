"""The clock, and the options that several commands share."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gentle_nudge.errors import UserError

if TYPE_CHECKING:
    from gentle_nudge.domain.moment import Interface, Moment
    from gentle_nudge.jobs.library import Library
    from gentle_nudge.views.plain import View


def who() -> str:
    """The login name of the person at work: whoever called sudo, else the user."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


DAYS_BACK = 6


day_option = click.option(
    "--day",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="DATE",
    help="The business day. Default: today in the library's time zone.",
)


library_option = click.option("--library", "libraries", multiple=True, metavar="NAME", help="Only this section.")


dry_run_option = click.option("--dry-run", is_flag=True, help="Show everything, write and send nothing.")


output_option = click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Dry run: write the files there."
)


format_option = click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")


def show(shown: View | Sequence[View], form: str = "table", *, stderr: bool = False) -> None:
    """What was asked for is on stdout, in this form."""
    from gentle_nudge.views.structured import as_csv, as_json
    from gentle_nudge.views.terminal import draw, screen

    match form:
        case "json":
            click.echo(as_json(shown))
        case "csv":
            click.echo(as_csv(shown), nl=False)
        case _:
            draw(shown, screen(stderr=stderr))


def now(zone: tzinfo = UTC) -> datetime:
    """The clock: the only place, with `--day`, where time enters."""
    return datetime.now(zone)


def moment_of(
    library: Library,
    day: datetime | None,
    *,
    dry_run: bool,
    person: bool = False,
    interface: Interface = "commandline",
) -> Moment:
    """The moment of a run; UserError for a day in the future, or too far back to be made up for."""
    from gentle_nudge.domain.moment import Moment

    instant = now()
    today = instant.astimezone(library.zone).date()
    chosen = day.date() if day else today
    if not dry_run:
        _refuse_the_wrong_day(chosen, today)
    return Moment(day=chosen, now=instant, zone=library.zone, who=who() if person else None, interface=interface)


def _refuse_the_wrong_day(chosen: date, today: date) -> None:
    if chosen > today:
        raise UserError(f"{chosen} is in the future (today: {today}).", "Look ahead with --dry-run.")
    if chosen < today - timedelta(days=DAYS_BACK):
        raise UserError(
            f"{chosen} lies more than {DAYS_BACK} days back.", "A missed submission is made up for by the next night."
        )
