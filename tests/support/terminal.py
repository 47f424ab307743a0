"""A command on a real pseudo-terminal, in a child of this process, which need not import it anew."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import NoReturn

from rich.cells import cell_len

from gentle_nudge.cli.entry import main
from tests.support.command import COMMAND, Finished, as_a_process

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
    words = list(map(str, args))
    with TemporaryFile() as file:  # a pipe that nobody reads meanwhile would stop a command that writes much
        child = os.fork()
        if child == 0:
            out = file.fileno() if piped else theirs
            become_the_command(words, (theirs, out, theirs), cwd, {"TERM": "xterm-256color", **env})
        os.close(theirs)
        os.write(ours, typed)
        with suppress(OSError):  # EIO: the command has closed its end
            while some := os.read(ours, 65536):
                said += some
        _, status = os.waitpid(child, 0)
        file.seek(0)
        stdout = file.read()
    os.close(ours)
    screen = said.decode().replace("\r\n", "\n")
    code = os.waitstatus_to_exitcode(status)
    return Finished([str(COMMAND), *words], code, *((stdout.decode(), screen) if piped else (screen, "")))


def become_the_command(words: list[str], streams: Sequence[int], cwd: Path, env: Mapping[str, str]) -> NoReturn:
    """This process, just forked, is the command from its entry to its end."""
    code: object = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        with as_a_process(words):
            main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - an unexpected one is shown, as Python would
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)


def plain_lines(screen: str) -> list[str]:
    """The lines on the screen at the end, without escape sequences."""
    return SEQUENCE.sub("", ERASED.sub("", screen)).splitlines()


def widest(screen: str) -> int:
    """How many columns the widest line takes; a wide character takes two."""
    return max(map(cell_len, plain_lines(screen)))


def shows_progress(done: Finished) -> None:
    """What is being done was on the terminal and is gone, and nothing of it is in the pipe."""
    assert "\x1b[32m" in done.stderr, done
    assert "\x1b[?25h" in done.stderr, done
    assert "Working" not in done.stdout
