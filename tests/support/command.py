"""The installed command, as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

COMMAND = Path(sys.executable).with_name("gentle-nudge")


class Command:
    """Runs `gentle-nudge` in a folder of its own, knowing nothing of the tests' environment."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.cwd = folder / "work"
        self.home.mkdir(parents=True)
        self.cwd.mkdir(parents=True)

    def run(
        self,
        *args: str | Path,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002 - subprocess's word
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """The finished process with its output as text; without `input`, stdin is empty and no terminal."""
        return subprocess.run(
            [COMMAND, *args],
            env=self.environment(env),
            cwd=self.cwd,
            input=input if input is not None else "",
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    def start(self, *args: str | Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """The running process, for whoever wants to kill it or wait for it."""
        return subprocess.Popen(
            [COMMAND, *args],
            env=self.environment(env),
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What the command finds in its environment: no KOHA_CONF unless given."""
        known = {"PATH": os.defpath, "HOME": str(self.home), "LANG": "C.UTF-8", "LOGNAME": "tester"}
        return known | dict(more or {})
