"""The command on a fixed day: `python frozen.py 2026-11-25T15:00:00+00:00 nightly --dry-run`.

The command has one clock (`gentle_nudge.cli.options.now`), so that one is stopped, which takes no time.
"""

import sys
from datetime import UTC, datetime, tzinfo

from gentle_nudge.cli import options
from gentle_nudge.cli.app import main

if __name__ == "__main__":
    _, instant, *arguments = sys.argv
    stopped = datetime.fromisoformat(instant)

    def now(zone: tzinfo = UTC) -> datetime:
        """The instant at which the clock stands."""
        return stopped.astimezone(zone)

    options.now = now
    main(arguments, prog_name="gentle-nudge")
