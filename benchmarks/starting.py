"""How long the command takes to begin, against what cannot be avoided: the libraries it is made of."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import repeat
from pathlib import Path

from benchmarks.library import ZONE, build_empty
from benchmarks.measure import COMMAND, timed
from tests.support.mariadb import Server

NAME = "empty"
DAYS_BACK = 6  # no day further back can be made up for
LIBRARIES = "import sqlalchemy, pymysql, pydantic"


@dataclass(frozen=True, kw_only=True, slots=True)
class Starts:
    """Times as multiples of those of the imports; and the night in seconds."""

    help: float
    nightly: float
    night: float


def build(server: Server) -> None:
    """A library without patrons is there."""
    build_empty(server, NAME)


def measured(config: Path) -> Starts:
    """`--help`, and a whole night of a library without patrons, its empty report and the delivery included."""
    today = datetime.now(ZONE).date()
    nights = (today - timedelta(days=days) for days in range(DAYS_BACK, -1, -1))
    nightly = ([str(COMMAND), "--config", str(config), "nightly", "--day", night.isoformat()] for night in nights)
    helps = repeat([str(COMMAND), "--help"], DAYS_BACK + 1)
    help_, plain = _shortest(helps, "import click")
    night, libraries = _shortest(nightly, LIBRARIES)
    return Starts(help=help_ / plain, nightly=night / libraries, night=night)


def _shortest(commands: Iterable[Sequence[str]], imports: str) -> tuple[float, float]:
    """The shortest time of these commands, and of the imports, which take turns."""
    without = [sys.executable, "-c", imports]
    times = [(timed(partial(_run, command)), timed(partial(_run, without))) for command in commands]
    return min(ours for ours, _ in times), min(plain for _, plain in times)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
