"""The command on a fixed day: `python frozen.py 2026-11-25T15:00:00+00:00 nightly --dry-run`."""

import sys
from datetime import datetime

from freezegun import freeze_time

import gentle_nudge.settings  # noqa: F401 - pydantic must have seen the real `date` before it is replaced
from gentle_nudge.cli import main

if __name__ == "__main__":
    _, instant, *arguments = sys.argv
    with freeze_time(datetime.fromisoformat(instant)):
        main(arguments, prog_name="gentle-nudge")
