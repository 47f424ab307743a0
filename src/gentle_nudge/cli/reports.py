"""The commands about what was told: history, regenerate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gentle_nudge.cli import Invocation
from gentle_nudge.cli.nightly import library_option, moment_of
from gentle_nudge.errors import ToBeMended

if TYPE_CHECKING:
    from gentle_nudge.jobs.opening import Library
    from gentle_nudge.jobs.regenerate import Asked


@click.command()
@click.argument("card", required=False)
@click.pass_obj
def history(invocation: Invocation, card: str | None) -> None:
    """Runs with counts and sums; or all that happened to one patron (CARD, or number:123)."""
    from gentle_nudge.console import RUN_HEADERS, case_lines, run_rows, table
    from gentle_nudge.jobs.history import of_patron, of_runs
    from gentle_nudge.jobs.opening import Library
    from gentle_nudge.jobs.transaction import reading

    library = Library.of(invocation.settings("koha"))
    with reading(library.engine) as conn:
        if card is None:
            lines = list(table(RUN_HEADERS, run_rows(of_runs(conn)), money=0)) or ["No run yet."]
        else:
            lines = [line for told in of_patron(conn, card) for line in case_lines(told, library.zone)]
    click.echo("\n".join(lines))


@click.command()
@click.option(
    "--day",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    required=True,
    metavar="DATE",
    help="The business day of the report, as in its file name.",
)
@click.option(
    "--report", "kind", type=click.Choice(["submission", "update", "sync"]), required=True, help="Which of the three."
)
@library_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the file is put. Default: the current folder. Another file is never overwritten.",
)
@click.option("--send", is_flag=True, help="Instead of a file: queue the report once more, marked as a repeat.")
@click.option("--to", metavar="ADDRESS", help="With --send: only to this recipient. Default: everybody who gets it.")
@click.option("--reason", metavar="TEXT", help="With --send: why; kept with the delivery.")
@click.pass_obj
def regenerate(
    invocation: Invocation,
    day: datetime,
    kind: str,
    libraries: Sequence[str],
    output: Path | None,
    send: bool,
    to: str | None,
    reason: str | None,
) -> None:
    """Give a past report again, byte for byte as it was: as a file, or sent once more (--send).

    Nothing is read from Koha and nothing is computed anew; of a day with several syncs, every one.
    """
    from gentle_nudge.domain.plan import Report
    from gentle_nudge.jobs.opening import Library
    from gentle_nudge.jobs.regenerate import Asked

    _refuse_what_does_not_fit(output, to, reason, send=send)
    library = Library.of(invocation.settings("policy" if send else "koha"))
    asked = Asked(report=Report(kind), day=day.date(), sections=library.names_of(libraries) if libraries else None)
    if send:
        _send(library, asked, to, reason or "")
    else:
        _write(library, asked, output or Path())


def _refuse_what_does_not_fit(output: Path | None, to: str | None, reason: str | None, *, send: bool) -> None:
    if send and output:
        raise ToBeMended("--send sends, --output writes a file.", "Give one of the two.")
    if send and not (reason or "").strip():
        raise ToBeMended("A reason is needed.", 'Say why: --reason "the agency lost it"')
    if not send and (to or reason):
        raise ToBeMended("--to and --reason belong to --send.", "Add --send if the report should be sent again.")


def _write(library: Library, asked: Asked, directory: Path) -> None:
    from gentle_nudge.jobs.regenerate import find, write
    from gentle_nudge.jobs.transaction import reading

    with reading(library.engine) as conn:
        paths = write(conn, find(conn, asked), directory)
    click.echo("\n".join(f"Written: {path}" for path in paths))


def _send(library: Library, asked: Asked, to: str | None, reason: str) -> None:
    from gentle_nudge.jobs.regenerate import Mailing
    from gentle_nudge.jobs.regenerate import send as run
    from gentle_nudge.jobs.transaction import writing

    sections, office = library.ready((), dry_run=False)
    mailing = Mailing(sections=sections, office=office, reason=reason.strip(), to=to)
    moment = moment_of(library, None, dry_run=False, person=True)
    queued = writing(library.engine, partial(run, asked=asked, mailing=mailing, moment=moment))
    for stored, address in queued:
        click.echo(f"Queued: {stored.file_name} to {address.recipient} ({address.channel}); it leaves with deliver")
