"""The command is there."""

import pytest

from tests.support.command import Command


@pytest.mark.process
def test_help_names_the_command(command: Command) -> None:
    done = command.run_process("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: gentle-nudge")


@pytest.mark.parametrize("group", [(), ("config",)])
def test_without_a_command_it_shows_the_help(command: Command, group: tuple[str, ...]) -> None:
    done = command.run(*group)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == command.run(*group, "--help").stdout


def test_options_without_a_command_are_a_mistake(command: Command) -> None:
    done = command.run("--verbose")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Missing command" in done.stderr
