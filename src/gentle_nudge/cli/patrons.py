"""The commands about one patron: explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import click

from gentle_nudge.cli import Invocation
from gentle_nudge.cli.nightly import day_option, format_option, moment_of


@click.command()
@click.argument("card")
@day_option
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="As if the policy said this.")
@format_option
@click.pass_obj
def explain(invocation: Invocation, card: str, day: datetime | None, assignments: Sequence[str], form: str) -> None:
    """Why is this patron referred, or not? Facts, and each rule with its verdict (CARD, or number:123)."""
    from gentle_nudge.console.explanations import explanation_json, explanation_lines
    from gentle_nudge.console.plain import as_json
    from gentle_nudge.jobs.explain import explain as ask
    from gentle_nudge.jobs.opening import Library
    from gentle_nudge.jobs.transaction import reading
    from gentle_nudge.settings.whatif import what_if

    library = Library.of(invocation.settings())
    sections, _ = library.ready((), dry_run=True)
    sections = tuple(replace(section, policy=what_if(section.policy, assignments)) for section in sections)
    with reading(library.engine) as conn:
        told = ask(conn, sections, card, moment_of(library, day, dry_run=True))
    if form == "json":
        click.echo(as_json([explanation_json(each) for each in told]))
    else:
        click.echo("\n".join(line for each in told for line in explanation_lines(each)))
