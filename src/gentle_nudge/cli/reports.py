"""The commands about what was told: history."""

from __future__ import annotations

import click

from gentle_nudge.cli import Invocation


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
            lines = [line for told in of_patron(conn, card) for line in case_lines(told)]
    click.echo("\n".join(lines))
