"""A night may be killed at any point: nothing is lost, nobody is charged twice."""

from pathlib import Path

import pytest

from tests.support.crashes import MOST, Library, cut_and_check, kill_and_check, statements
from tests.support.koha import KohaDatabase
from tests.support.smtp import SmtpServer

SEEDS = range(20261100, 20261120)
MANY_SEEDS = range(20261200, 20261300)


@pytest.fixture
def library(koha: KohaDatabase, smtp: SmtpServer, tmp_path: Path) -> Library:
    library = Library(koha=koha, smtp=smtp, archive=tmp_path / "archive")
    library.lives()
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
