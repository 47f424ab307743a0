"""The command run in this process: it says what the installed one says, and leaves this process as it was."""

import gc
import logging
import os
import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.acceptance.evenings import Evenings
from tests.acceptance.libraries import Library
from tests.support.command import Command
from tests.support.koha import KohaDatabase
from tests.support.sample_library import cast_alone

LONG_AGO = datetime(2019, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.process
@pytest.mark.parametrize(
    "words",
    [
        "--help",
        "--version",
        "nightly --help",
        "config example",
        "config show",
        "confg",
        "init --adopt --copy",
        "demo /",
    ],
)
def test_a_command_in_this_process_says_what_the_installed_one_says(command: Command, words: str) -> None:
    first, second = (run(*words.split()) for run in (command.run_process, command.run))
    assert (second.returncode, second.stdout, second.stderr) == (first.returncode, first.stdout, first.stderr)


@pytest.mark.process
def test_a_night_in_this_process_says_what_the_installed_one_says(
    koha: KohaDatabase, command: Command, tmp_path: Path
) -> None:
    library = Library(koha=koha, folder=tmp_path, command=command)
    library.initialise()
    library.owing(card="1001")
    library.owing("3.00")
    words = ("--verbose", "nightly", "--dry-run")
    first, second = (run(*words) for run in (library.run_process, library.run))
    assert (second.returncode, second.stdout) == (first.returncode, first.stdout)
    logged, as_installed = (re.sub(r"\d+\.\d s\b", "time", done.stderr) for done in (second, first))
    assert logged == as_installed
    assert "1001" in first.stdout


def test_a_command_leaves_this_process_as_it_was(command: Command) -> None:
    config, before = cast_alone(command), the_process()
    done = command.run("--verbose", "--config", config, "nightly", "--dry-run", at=LONG_AGO)
    assert done.returncode == 0, done.stderr
    assert command.run("frobnicate", env={"KOHA_CONF": "/nowhere"}).returncode == 2
    assert the_process() == before


def the_process() -> tuple[object, ...]:
    """What a command may change and has to be put back."""
    root = logging.getLogger()
    return (
        dict(os.environ),
        Path.cwd(),
        sys.argv,
        (sys.stdin, sys.stdout, sys.stderr),
        (list(root.handlers), root.level),
        gc.get_threshold(),
        gc.freeze,
        datetime.now(UTC).year,
        datetime,
        date,
    )


def test_a_command_finds_no_variable_that_is_not_given(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENTLE_NUDGE_CONFIG", "/somewhere/else.toml")
    assert "/somewhere" not in command.run("config", "show").stderr


def test_on_a_fixed_day_the_clocks_of_the_command_and_of_the_database_agree(
    koha: KohaDatabase, command: Command, tmp_path: Path
) -> None:
    evenings = Evenings(koha, command, tmp_path)
    evenings.configure()
    evenings.does("init", "--yes", on=LONG_AGO.date())
    assert evenings.does("check") == "Nothing found: everything is as it should be.\n"
