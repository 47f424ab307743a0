"""Lines on stderr that name their instance: one cron mail, or one journal, holds those of every instance of a server.

A module of its own, without click: what is said before the commands are imported is named too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, TextIO


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
