"""A night may be killed at any point: nothing is lost, nobody is charged twice."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests.support import backup
from tests.support.crashes import MOST, Library, cut_and_check, kill_and_check, statements
from tests.support.koha import KohaDatabase
from tests.support.smtp import Received, SmtpServer

SEEDS = range(20261100, 20261120)
MANY_SEEDS = range(20261200, 20261300)


@dataclass(frozen=True, kw_only=True)
class Past:
    """What is left of a library's life until a Sunday night: rows, messages, and a copy of its archive."""

    rows: backup.Backup
    messages: tuple[Received, ...]
    archive: Path
    clock: datetime


@pytest.fixture(scope="module")
def pasts() -> dict[str, Past]:
    """Of each database, once it has one."""
    return {}


@pytest.fixture
def library(koha: KohaDatabase, smtp: SmtpServer, tmp_path: Path, pasts: dict[str, Past]) -> Library:
    """A library that has lived; to live takes longer than to remember it."""
    library = Library(koha=koha, smtp=smtp, archive=tmp_path / "archive")
    if past := pasts.get(koha.name):
        backup.restore(koha, past.rows)
        smtp.messages.extend(past.messages)
        shutil.copytree(past.archive, library.archive)
        library.clock = past.clock
        return library
    library.lives()
    kept = tmp_path / "past"
    shutil.copytree(library.archive, kept)
    pasts[koha.name] = Past(rows=backup.take(koha), messages=tuple(smtp.messages), archive=kept, clock=library.clock)
    return library


def test_a_night_that_is_not_killed_keeps_the_promises(library: Library) -> None:
    library.runs_on()
    library.promises()


@pytest.mark.process
@pytest.mark.parametrize("seed", SEEDS)
def test_a_night_killed_at_a_statement_loses_nothing(library: Library, seed: int) -> None:
    kill_and_check(library, library.night, seed)


@pytest.mark.process
@pytest.mark.parametrize("seed", SEEDS)
def test_a_delivery_killed_at_a_step_loses_nothing(library: Library, seed: int) -> None:
    library.nights.night(delivered=False)
    kill_and_check(library, library.deliver, seed)


@pytest.mark.parametrize("seed", SEEDS[:10])
@pytest.mark.parametrize("work", ["night", "deliver"])
def test_a_connection_cut_by_the_database_loses_nothing(library: Library, work: str, seed: int) -> None:
    if work == "deliver":
        library.nights.night(delivered=False)
    cut_and_check(library, getattr(library, work), seed)


@pytest.mark.process
@pytest.mark.soak
@pytest.mark.parametrize("seed", MANY_SEEDS)
def test_a_hundred_nights_killed_lose_nothing(library: Library, seed: int) -> None:
    kill_and_check(library, library.night, seed)


@pytest.mark.process
@pytest.mark.soak
@pytest.mark.parametrize("seed", MANY_SEEDS)
def test_a_hundred_deliveries_killed_lose_nothing(library: Library, seed: int) -> None:
    library.nights.night(delivered=False)
    kill_and_check(library, library.deliver, seed)


def test_the_kill_points_reach_to_the_end(library: Library) -> None:
    sent = statements(library, library.night)
    assert 0.7 * MOST["night"] < sent < MOST["night"]
