"""The commands of the system administrator: init."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from gentle_nudge.cli import Invocation
from gentle_nudge.cli.nightly import moment_of
from gentle_nudge.errors import ToBeMended

if TYPE_CHECKING:
    from gentle_nudge.jobs.initialise import Waiting
    from gentle_nudge.jobs.opening import Library

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def confirm(question: str, *, yes: bool) -> None:
    """Go on if a person says so, or has said so; ToBeMended where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ToBeMended("There is no terminal to ask on, so nothing was done.", "Say --yes if you mean it.")
    click.confirm(question, abort=True)


@click.command()
@click.option("--adopt", is_flag=True, help="Open a case for every patron whose flag says yes without one.")
@click.option("--moved", is_flag=True, help="The library is on this machine, in this database, from now on.")
@click.option(
    "--copy", "is_copy", is_flag=True, help="This database is a copy: nothing leaves it, not even old reports."
)
@click.option("--restored", is_flag=True, help="Show what was delivered since the backup, and go on from there.")
@yes_option
@click.pass_obj
def init(invocation: Invocation, adopt: bool, moved: bool, is_copy: bool, restored: bool, yes: bool) -> None:
    """Create or upgrade our tables, and note which machine and database this is."""
    from gentle_nudge.cli import restoring
    from gentle_nudge.jobs.initialise import initialise
    from gentle_nudge.jobs.opening import Library

    if adopt + moved + is_copy + restored > 1:
        raise ToBeMended("--adopt, --moved, --copy and --restored are said one at a time.")
    library = Library.of(invocation.settings("policy" if adopt else "koha"))
    if moved or is_copy:
        return restoring.settle(library, is_copy=is_copy, yes=yes)
    if restored:
        return restoring.restore(library, yes=yes)
    confirm(f"Create or upgrade the tables gentle_nudge_* in {library.instance.shown}?", yes=yes)
    with library.engine.begin() as conn:
        is_new = initialise(conn, library.instance, moment_of(library, None, dry_run=False).now)
    click.echo(f"Our tables are {'new' if is_new else 'up to date'} in {library.instance.shown}.")
    return _adopt(library, yes=yes) if adopt else None


def _adopt(library: Library, *, yes: bool) -> None:
    from gentle_nudge.jobs.initialise import waiting_for_adoption
    from gentle_nudge.jobs.record import adopt_all
    from gentle_nudge.jobs.transaction import reading, writing

    moment = moment_of(library, None, dry_run=False, person=True)
    sections, _ = library.ready((), dry_run=False)
    with reading(library.engine) as conn:
        waiting = waiting_for_adoption(conn, sections, moment)
    for found in waiting:
        _show(found)
    if any(found.adoptees for found in waiting):
        confirm("Adopt them all? The agency is told their balances from the next update on.", yes=yes)
    for found in waiting:
        work = partial(adopt_all, section=found.section, wanted=found.numbers, moment=moment)
        click.echo(f"{found.section.name}: {len(writing(library.engine, work))} adopted")


def _show(found: Waiting) -> None:
    click.echo(f"{found.section.name}: {len(found.adoptees)} patrons whose flag says yes without a case")
    for value, number in sorted(found.by_value().items()):
        click.echo(f"  {number} with {value!r} in {found.section.policy.flag}")
    click.echo(f"  {found.without_lines} without an outstanding line, {found.with_our_mark} with a fee or mark of ours")
