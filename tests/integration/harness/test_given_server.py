"""The tests on a server that somebody else owns: it is left as it was."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mariadb import Server

TESTS = (
    "test_koha_database.py::test_a_test_finds_nothing_of_the_one_before",
    "test_koha_database.py::test_the_server_neither_speaks_utc_nor_is_strict",
    "test_command.py::test_a_night_in_this_process_says_what_the_installed_one_says",
    "../store/test_tables.py::test_a_user_who_may_read_only_two_of_kohas_tables_finds_ours_missing",
)


@pytest.fixture(scope="module")
def given() -> Iterator[Server]:
    """A server on which nobody else is at work."""
    with Server.start_in_memory() as server:
        yield server


@pytest.mark.own_server
@pytest.mark.process
@pytest.mark.parametrize("workers", ["0", "1"])
def test_the_tests_run_on_a_server_that_they_are_given_and_leave_nothing_there(given: Server, workers: str) -> None:
    here = Path(__file__).parent
    with given.account("a:b/c@d%", "ALL ON *.*") as url:
        before = inventory(given)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", workers, *(here / test for test in TESTS)],
            env={**os.environ, "GENTLE_NUDGE_TEST_SERVER": url.render_as_string(hide_password=False)},
            cwd=here.parents[2],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "4 passed" in done.stdout
        assert "Tests marked own_server are deselected" in done.stdout
        assert inventory(given) == before


def inventory(server: Server) -> tuple[set[str], set[str]]:
    """The databases and the accounts of the server."""
    engine = server.engine()
    with engine.connect() as connection:
        databases = connection.exec_driver_sql("SHOW DATABASES").scalars().all()
        accounts = connection.exec_driver_sql("SELECT user FROM mysql.user").scalars().all()
    engine.dispose()
    return set(databases), set(accounts)
