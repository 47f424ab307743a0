"""The demo: a Sunday night on an invented library, told step by step."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import click

from gentle_nudge.cli.nightly import now

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100
NAME = "gentle-nudge"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="gentle-nudge-demo", metavar="[DIR]")
@click.option(
    "--day",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="DATE",
    help="Show the latest Sunday not after this day. Default: today.",
)
def demo(folder: Path, day: datetime | None) -> None:
    """A Sunday night on an invented library, to look at and play with.

    Everything is made in DIR (default: gentle-nudge-demo); nothing else is read, changed or sent. An earlier demo
    in DIR is replaced; a folder with anything else in it is left alone.
    """
    from gentle_nudge.cli.telling import tell
    from gentle_nudge.demo.play import ZONE, play

    shown = day.date() if day else now().astimezone(ZONE).date()
    tell(_console(), play(folder, shown), os.environ, program=_program())


def _program() -> str:
    """How this program can be called again: by its name, or by the path it was called with if the name is not found."""
    called = Path(sys.argv[0])
    found = which(NAME)
    if called.name != NAME or (found and called.exists() and called.samefile(found)):
        return NAME
    return str(called)


def _console() -> Console:
    """As wide as the terminal, up to what reads well; piped, always the same width and no colours."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    console.width = min(console.width, WIDTH) if sys.stdout.isatty() else WIDTH
    return console
