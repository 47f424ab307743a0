"""The commands about the queue of deliveries: outbox, outbox retry, outbox cancel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from gentle_nudge.cli import Invocation
from gentle_nudge.cli.nightly import format_option, moment_of
from gentle_nudge.errors import ToBeMended

if TYPE_CHECKING:
    from gentle_nudge.domain.queue import Delivery
    from gentle_nudge.jobs.opening import Library

STATES = ("due", "sending", "sent", "failed", "superseded", "cancelled")
ids_argument = click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.IntRange(min=1))


@click.group(invoke_without_command=True)
@click.option("--failed", is_flag=True, help="Only those given up after three days; one try a night is still made.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="Only those in this state; may be repeated."
)
@format_option
@click.pass_context
def outbox(context: click.Context, failed: bool, states: Sequence[str], form: str) -> None:
    """Which reports are on their way to whom, what was tried, and why it did not work.

    Without an option: all that wait, are being sent, failed or were cancelled.
    """
    if context.invoked_subcommand is None:
        _show(context.obj, [*states, "failed"] if failed else states, form)


def _show(invocation: Invocation, states: Sequence[str], form: str) -> None:
    from gentle_nudge.console.outbox import outbox_json, outbox_lines
    from gentle_nudge.console.plain import as_json
    from gentle_nudge.domain.queue import DeliveryState
    from gentle_nudge.jobs.opening import Library
    from gentle_nudge.jobs.outbox import OF_INTEREST, look
    from gentle_nudge.jobs.transaction import reading

    library = Library.of(invocation.settings("koha"))
    with reading(library.engine) as conn:
        found = look(conn, [DeliveryState(state) for state in states] or OF_INTEREST)
    click.echo(as_json(outbox_json(found)) if form == "json" else "\n".join(outbox_lines(found, library.zone)))


@outbox.command()
@ids_argument
@click.pass_obj
def retry(invocation: Invocation, ids: Sequence[int]) -> None:
    """Make deliveries due at once: failed ones, cancelled ones, those that wait for their next try.

    ID is the number that gentle-nudge outbox shows. They leave with the next deliver.
    """
    from gentle_nudge.jobs.outbox import retry as run
    from gentle_nudge.jobs.transaction import writing

    library = _at_home(invocation)
    moment = moment_of(library, None, dry_run=False, person=True)
    _tell(invocation, writing(library.engine, partial(run, ids=ids, moment=moment)), "due now")


@outbox.command()
@ids_argument
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept with the delivery, so name nobody in it.")
@click.pass_obj
def cancel(invocation: Invocation, ids: Sequence[int], reason: str) -> None:
    """Give deliveries up for good: they are not tried again.

    ID is the number that gentle-nudge outbox shows. The patrons of a submission stay in collections; to take them
    back as well: gentle-nudge release --submission DATE.
    """
    from gentle_nudge.jobs.outbox import cancel as run
    from gentle_nudge.jobs.transaction import writing

    if not reason.strip():
        raise ToBeMended("A reason is needed.", 'Say why: --reason "the address is no more"')
    library = _at_home(invocation)
    moment = moment_of(library, None, dry_run=False, person=True)
    done = writing(library.engine, partial(run, ids=ids, moment=moment, reason=reason.strip()))
    _tell(invocation, done, "cancelled")


def _at_home(invocation: Invocation) -> Library:
    """The library; ToBeMended where nothing may be changed."""
    from gentle_nudge.jobs.opening import Library
    from gentle_nudge.jobs.transaction import reading
    from gentle_nudge.jobs.whereabouts import refuse_elsewhere

    library = Library.of(invocation.settings("koha"))
    with reading(library.engine) as conn:
        refuse_elsewhere(conn, library.instance)
    return library


def _tell(invocation: Invocation, done: Sequence[Delivery], what: str) -> None:
    if invocation.speaks:
        for delivery in done:
            click.echo(f"{delivery.id}: {delivery.file_name} to {delivery.address.recipient} is {what}")
