"""How long the command takes to begin, against what cannot be avoided: the libraries it is made of."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.library import ZONE, build_empty
from benchmarks.measure import COMMAND, best
from tests.support.mariadb import Server

NAME = "empty"
DAYS_BACK = 6  # no day further back can be made up for
LIBRARIES = "import sqlalchemy, pymysql, pydantic"


@dataclass(frozen=True, kw_only=True, slots=True)
class Starts:
    """Times as multiples of those of the imports."""

    help: float
    nightly: float


def build(server: Server) -> None:
    """A library without patrons is there."""
    build_empty(server, NAME)


def measured(config: Path) -> Starts:
    """`--help`, and a whole night of a library without patrons, its empty report and the delivery included."""
    today = datetime.now(ZONE).date()
    nights = (today - timedelta(days=days) for days in range(DAYS_BACK, -1, -1))

    def night() -> None:
        _run([str(COMMAND), "--config", str(config), "nightly", "--day", next(nights).isoformat()])

    return Starts(
        help=_ratio([str(COMMAND), "--help"], "import click"),
        nightly=best(night, DAYS_BACK + 1) / best(partial(_run, [sys.executable, "-c", LIBRARIES]), DAYS_BACK + 1),
    )


def _ratio(command: Sequence[str], imports: str) -> float:
    ours = best(partial(_run, command), DAYS_BACK + 1)
    return ours / best(partial(_run, [sys.executable, "-c", imports]), DAYS_BACK + 1)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
