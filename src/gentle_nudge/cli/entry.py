"""Where the command begins: it listens to signals before it imports anything else, which takes a tenth of a second."""

from __future__ import annotations

import os
import sys

from gentle_nudge.cli.named_lines import naming_the_instance
from gentle_nudge.jobs.interruption import Interrupted, listening


def main() -> None:
    """Run the command; an interrupt while it is being imported is told as any other."""
    _open_closed_streams()
    with listening():
        try:
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
