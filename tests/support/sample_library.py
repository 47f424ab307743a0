"""The sample library of the demo, without the year before its three Sundays."""

from datetime import date
from pathlib import Path

from gentle_nudge.demo.play import play
from tests.support.command import Command

DAY = date(2026, 11, 25)


def cast_alone(command: Command) -> Path:
    """The demo is where `gentle-nudge demo` puts it, with its cast alone; its configuration, as `--config` takes it."""
    return play(command.cwd / "gentle-nudge-demo", DAY, with_year=False).folder / "gentle-nudge.toml"
