"""A command on a real pseudo-terminal."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from rich.cells import cell_len

from tests.support.command import COMMAND, Finished

SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ERASED = re.compile(r".*\n(?:\x1b\[\?25h)?\r?\x1b\[1A\x1b\[2K")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|38|9[0-7])[;\dm]")


def on_terminal(
    *args: str | Path, columns: int, cwd: Path, env: Mapping[str, str], piped: bool = False, typed: bytes = b""
) -> Finished:
    """The finished command; stdin, stderr and, unless `piped`, stdout were a terminal of this width.

    What the terminal got is in `stdout`, with its escape sequences; if piped, it is in `stderr`.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    said = b""
    environ = {"TERM": "xterm-256color", **env}
    with TemporaryFile() as file:  # a pipe that nobody reads meanwhile would stop a command that writes much
        out = file if piped else theirs
        with subprocess.Popen(
            [COMMAND, *args], stdin=theirs, stdout=out, stderr=theirs, cwd=cwd, env=environ
        ) as process:
            os.close(theirs)
            os.write(ours, typed)
            with suppress(OSError):  # EIO: the command has closed its end
                while some := os.read(ours, 65536):
                    said += some
        file.seek(0)
        stdout = file.read()
    os.close(ours)
    screen = said.decode().replace("\r\n", "\n")
    words = [str(COMMAND), *map(str, args)]
    if piped:
        return Finished(words, process.returncode, stdout.decode(), screen)
    return Finished(words, process.returncode, screen, "")


def plain_lines(screen: str) -> list[str]:
    """The lines on the screen at the end, without escape sequences."""
    return SEQUENCE.sub("", ERASED.sub("", screen)).splitlines()


def widest(screen: str) -> int:
    """How many columns the widest line takes; a wide character takes two."""
    return max(map(cell_len, plain_lines(screen)))
