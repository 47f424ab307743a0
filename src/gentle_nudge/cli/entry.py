"""Where the command begins: it listens to signals before it imports anything else, which takes a tenth of a second.

Lines on stderr name their instance from the beginning: one cron mail, or one journal, holds those of every instance.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, TextIO

from gentle_nudge.jobs.interruption import Interrupted, listening


def main() -> None:
    """Run the command; an interrupt while it is being imported is told as any other."""
    _open_closed_streams()
    try:
        with listening(to_the_end=True):
            from gentle_nudge.cli.app import main as command  # noqa: PLC0415 - the signals come first

            command()
    except Interrupted as interrupt:
        with naming_the_instance():
            sys.stderr.write(f"{interrupt.sentence}\n")
        sys.exit(interrupt.exit_code)


def _open_closed_streams() -> None:
    """A stream that the caller closed is open: stdin has nothing, stderr drops all, and stdout refuses what it gets.

    Python has None in place of each; and the next file to be opened, or the database, would get its number.
    """
    streams = (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY))
    for name, mode, flags in streams:
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8"))


class NamedLines:
    """A stream of text whose lines begin with a name."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = f"{name}: "
        self._line_begins = True

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._stream, attribute)

    def write(self, text: str) -> int:
        """Write the text, the name before each line of it."""
        if text != "":
            start = self._name if self._line_begins else ""
            self._stream.write(start + text[:-1].replace("\n", f"\n{self._name}") + text[-1])
            self._line_begins = text.endswith("\n")
        return len(text)


@contextmanager
def naming_the_instance() -> Iterator[None]:
    """Lines on stderr begin with the instance, if $KOHA_CONF names one and nobody sits at a terminal."""
    conf = os.environ.get("KOHA_CONF")
    if not conf or sys.stderr is None or sys.stderr.isatty():
        yield
        return
    with redirect_stderr(NamedLines(sys.stderr, Path(conf).absolute().parent.name)):
        yield
