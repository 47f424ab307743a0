"""The command is there."""

import subprocess
from collections.abc import Callable


def test_help_names_the_command(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: gentle-nudge")
