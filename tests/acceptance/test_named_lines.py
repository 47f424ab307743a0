"""Lines on stderr under several instances name theirs: cron's mail and the journal hold those of all."""

import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.libraries import Library
from tests.support.command import COMMAND, Command
from tests.support.koha import KohaDatabase
from tests.support.programs import find

CONF = "/etc/koha/sites/LIB/koha-conf.xml"


def test_each_line_of_an_error_names_the_instance(command: Command) -> None:
    done = command.run("nightly", env={"KOHA_CONF": CONF})
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) > 1
    assert all(line.startswith("LIB: ") for line in done.stderr.splitlines())


@pytest.mark.parametrize("words", ["nightl", "nightly --never", "--never", "explain"])
def test_a_wrong_command_line_names_it_too(command: Command, words: str) -> None:
    done = command.run(*words.split(), env={"KOHA_CONF": CONF})
    assert done.returncode == 2
    assert done.stderr.startswith("LIB: Usage: gentle-nudge")
    assert all(line.startswith("LIB: ") for line in done.stderr.splitlines())
    assert done.stdout == ""


def test_what_is_logged_names_it_and_what_was_asked_for_does_not(koha: KohaDatabase, command: Command) -> None:
    library = Library(koha=koha, folder=command.cwd, command=command)
    library.initialise()
    done = library.run("--verbose", "nightly", "--dry-run", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert done.stderr
    assert all(line.startswith(f"{command.cwd.name}: ") for line in done.stderr.splitlines())
    assert done.stdout.startswith("[")


def test_without_koha_conf_no_line_is_named(command: Command) -> None:
    assert command.run("nightl").stderr.startswith("Usage: ")


@pytest.mark.process
def test_on_a_terminal_no_line_is_named(command: Command, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with (tmp_path / "out").open("w") as out:
        env = command.environment({"KOHA_CONF": CONF})
        subprocess.run([COMMAND, "nightl"], env=env, stdout=out, stderr=theirs, check=False)
    assert os.read(ours, 100).startswith(b"Usage: ")


@pytest.mark.process
def test_a_closed_stderr_is_no_trouble(command: Command) -> None:
    env = command.environment({"KOHA_CONF": CONF})
    done = subprocess.run(
        [find("sh"), "-c", f"{COMMAND} --version 2>&-"], env=env, capture_output=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stdout.startswith("gentle-nudge, version")) == (0, True)


@pytest.mark.process
def test_an_interrupt_before_the_command_is_there_names_it(command: Command) -> None:
    script = """
import os, signal, sys
from gentle_nudge.cli.entry import main

class Interrupt:
    def find_spec(self, *_):
        os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Interrupt())
main()
"""
    done = subprocess.run(
        [COMMAND.with_name("python"), "-c", script],
        env=command.environment({"KOHA_CONF": CONF}),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 128 + signal.SIGTERM
    assert done.stderr.startswith("LIB: Interrupted: ")
