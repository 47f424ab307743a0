"""Where the command begins: it listens to signals before it imports anything else, which takes a tenth of a second."""

from __future__ import annotations

import sys

from gentle_nudge.cli.named_lines import naming_the_instance
from gentle_nudge.jobs.interruption import Interrupted, listening


def main() -> None:
    """Run the command; an interrupt while it is being imported is told as any other."""
    with listening():
        try:
            from gentle_nudge.cli.app import main as command  # noqa: PLC0415 - the signals come first

            command()
        except Interrupted as interrupt:
            with naming_the_instance():
                sys.stderr.write(f"{interrupt.sentence}\n")
            sys.exit(interrupt.exit_code)
