"""The command that says how things stand: status."""

from __future__ import annotations

import sys

import click

from gentle_nudge.cli import Invocation
from gentle_nudge.cli.nightly import format_option, moment_of
from gentle_nudge.errors import WORLD


@click.command()
@format_option
@click.pass_obj
def status(invocation: Invocation, form: str) -> None:
    """What ran last, which submissions are late, which reports have not arrived; exit 1 if any.

    A report that waits for its next try is undelivered too. Works on any machine.
    """
    from gentle_nudge.console.plain import as_json
    from gentle_nudge.console.standing import status_json, status_lines
    from gentle_nudge.jobs.opening import Library
    from gentle_nudge.jobs.status import status as ask
    from gentle_nudge.jobs.transaction import reading

    library = Library.of(invocation.settings("koha"))
    with reading(library.engine) as conn:
        found = ask(conn, library, moment_of(library, None, dry_run=True))
    click.echo(as_json(status_json(found)) if form == "json" else "\n".join(status_lines(found, library.zone)))
    sys.exit(0 if found.well else WORLD)
