"""The commands about our own records: cases, cases move, forget."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import click

from gentle_nudge.cli import Invocation
from gentle_nudge.cli.nightly import library_option
from gentle_nudge.errors import WORLD

STATES = ("open", "released", "paid", "withdrawn", "merged", "deleted")


@click.group(invoke_without_command=True)
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Only these; may be repeated.")
@click.option(
    "--referred",
    "month",
    type=click.DateTime(formats=["%Y-%m"]),
    metavar="YYYY-MM",
    help="Only those referred in this month.",
)
@library_option
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
@click.pass_context
def cases(
    context: click.Context, states: Sequence[str], month: datetime | None, libraries: Sequence[str], form: str
) -> None:
    """Who is, or was, in collections: every case, open and closed."""
    if context.invoked_subcommand is None:
        _show(context.obj, states, month, libraries, form=form)


def _show(
    invocation: Invocation, states: Sequence[str], month: datetime | None, libraries: Sequence[str], *, form: str
) -> None:
    from gentle_nudge.console.keeping import case_csv, case_json, case_table
    from gentle_nudge.console.plain import as_json
    from gentle_nudge.domain.case import State
    from gentle_nudge.jobs.cases import Filter, listed
    from gentle_nudge.jobs.opening import Library
    from gentle_nudge.jobs.transaction import reading

    library = Library.of(invocation.settings("koha"))
    wanted = Filter(
        states=tuple(State(state) for state in states),
        month=month.date() if month else None,
        sections=library.names_of(libraries) if libraries else None,
    )
    with reading(library.engine) as conn:
        found = listed(conn, wanted)
    match form:
        case "csv":
            click.echo(case_csv(found), nl=False)
        case "json":
            click.echo(as_json([case_json(each) for each in found]))
        case _:
            click.echo("\n".join(case_table(found)))


@cases.command()
@click.argument("old")
@click.argument("new")
@click.pass_obj
def move(invocation: Invocation, old: str, new: str) -> None:
    """Another section takes over the open cases: OLD has them now (it may be gone), NEW will.

    A patron who has an open case in NEW already keeps the one in OLD.
    """
    from gentle_nudge.jobs.cases import move as run
    from gentle_nudge.jobs.opening import Library
    from gentle_nudge.jobs.transaction import writing

    library = Library.of(invocation.settings("koha"))
    sections = () if library.settings.lacks else library.sections(changes=True)
    moved = writing(library.engine, partial(run, settings=library.settings, sections=sections, old=old, new=new))
    if invocation.speaks:
        click.echo(f"{moved.count} open cases moved from {old} to {new}")
    if moved.staying:
        stay = ", ".join(str(case.id) for case in moved.staying)
        click.echo(f"Cases {stay} stay in {old}: their patrons have an open case in {new} already.", err=True)
        sys.exit(WORLD)


@click.command()
@click.argument("card")
@click.pass_obj
def forget(invocation: Invocation, card: str) -> None:
    """Forget a person's name and card (CARD, or number:123) at once, and name the reports that still hold them.

    What the patron owes, and everything in Koha, stays as it is. The stored reports go by themselves after keep_days.
    """
    from gentle_nudge.console.keeping import forgotten_lines
    from gentle_nudge.jobs.forget import forget as run
    from gentle_nudge.jobs.opening import Library
    from gentle_nudge.jobs.transaction import writing

    library = Library.of(invocation.settings("koha"))
    done = writing(library.engine, partial(run, card=card, keep_days=library.settings.archive.keep_days))
    click.echo("\n".join(forgotten_lines(done)))
