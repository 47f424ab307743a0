"""The command is there."""

import pytest

from tests.support.command import Command


@pytest.mark.process
def test_help_names_the_command(command: Command) -> None:
    done = command.run_process("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: gentle-nudge")
