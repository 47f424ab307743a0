"""The commands that keep reports and persons in order: status, outbox, regenerate, forget."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.options import (
    card_argument,
    card_of,
    date_option,
    folder_option,
    format_option,
    is_for_its_command,
    library_option,
    listing_format_option,
    moment_of,
    progress,
    reason_option,
    show,
)
from gentle_nudge.domain.outbox import Delivery, DeliveryState
from gentle_nudge.domain.report_row import TO_AGENCY, ReportKind
from gentle_nudge.domain.wording import is_blank
from gentle_nudge.errors import EXIT_FAILURE, UserError
from gentle_nudge.jobs.desk.forget import forget as forget_person
from gentle_nudge.jobs.identity import refuse_elsewhere
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.monitor.standing import status as status_of
from gentle_nudge.jobs.sending import manage
from gentle_nudge.jobs.sending.resend import Mailing, ResendRequest, find, write
from gentle_nudge.jobs.sending.resend import send as resend
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.views.status_view import status_view

STATES = [state.value for state in DeliveryState]
REPORTS = [kind.value for kind in TO_AGENCY]

ids_argument = click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.IntRange(min=1))


@click.group(invoke_without_command=True)
@click.option("--failed", is_flag=True, help="Only those given up after three days; one try a night is still made.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="Only those in this state; may be repeated."
)
@listing_format_option
@click.pass_context
def outbox(context: click.Context, failed: bool, states: Sequence[str], form: str) -> None:
    """Which reports are on their way to whom, what was tried, and why it did not work.

    Without an option: all that wait, are being sent, failed or were cancelled.
    """
    if is_for_its_command(context):
        return
    library = context.obj.library("koha")
    chosen = [DeliveryState(state) for state in states] + [DeliveryState.FAILED] * failed
    with progress(), read_only(library.engine) as conn:
        view = manage.look(conn, library.zone, chosen, library.held)
    show(view, form)


@outbox.command()
@ids_argument
@click.pass_obj
def retry(invocation: Invocation, ids: Sequence[int]) -> None:
    """Make deliveries due at once: failed ones, cancelled ones, those that wait for their next try.

    ID is the number that gentle-nudge outbox shows. They leave with the next deliver.
    """
    _decide(invocation, partial(manage.retry, ids=ids), "due now")


@outbox.command()
@ids_argument
@reason_option("Why; kept with the delivery, so name nobody in it.", example="the address is no more", required=True)
@click.pass_obj
def cancel(invocation: Invocation, ids: Sequence[int], reason: str) -> None:
    """Give deliveries up for good: they are not tried again.

    ID is the number that gentle-nudge outbox shows. The patrons of a submission stay in collections; to take them
    back as well: gentle-nudge release --submission DATE.
    """
    _decide(invocation, partial(manage.cancel, ids=ids, reason=reason), "cancelled")


def _decide(invocation: Invocation, work: Callable[..., list[Delivery]], outcome: str) -> None:
    """Decide about deliveries in the name of a person; UserError on another machine or database."""
    library = invocation.library("koha")
    with read_only(library.engine) as conn:
        refuse_elsewhere(conn, library.instance)
    library.refuse_other_time()
    deliveries = writing(library.engine, partial(work, moment=moment_of(library, person=True)))
    if invocation.speaks:
        for delivery in deliveries:
            click.echo(f"{delivery.id}: {delivery.file_name} to {delivery.address.recipient} is {outcome}")


@click.command()
@card_argument()
@click.option("--anyway", is_flag=True, help="Also with an open case; the next update records name and card again.")
@click.pass_obj
def forget(invocation: Invocation, card: str, *, anyway: bool) -> None:
    """Forget a person's name and card at once, and name the reports that still hold them.

    CARD: also number:123, or name:TEXT. An open case has to end first: gentle-nudge release CARD. What the patron
    owes, and everything in Koha, stays as it is. The stored reports go by themselves after keep_days.
    """
    library = invocation.library("koha")
    library.refuse_other_time()
    card = card_of(library, card)
    show(writing(library.engine, partial(forget_person, library=library, card=card, anyway=anyway)))


@click.command()
@date_option("--day", required=True, help="The business day of the report, as in its file name.")
@click.option("--report", "kind", type=click.Choice(REPORTS), required=True, help="Which of the three.")
@library_option
@folder_option(help="Where the file is put. Default: the current folder. Another file is never overwritten.")
@click.option("--send", is_flag=True, help="Instead of a file: queue the report once more, marked as a repeat.")
@click.option("--to", metavar="ADDRESS", help="With --send: only to this recipient. Default: everybody who gets it.")
@click.option("--new-recipient", is_flag=True, help="With --to: ADDRESS never had a report of the section.")
@click.option("--reason", default="", metavar="TEXT", help="With --send: why; kept with the delivery.")
@click.pass_obj
def regenerate(
    invocation: Invocation,
    day: date,
    kind: str,
    libraries: Sequence[str],
    output: Path | None,
    send: bool,
    to: str | None,
    new_recipient: bool,
    reason: str,
) -> None:
    """Give a past report again, byte for byte as it was: as a file, or sent once more (--send).

    Nothing is read from Koha and nothing is computed anew; of a day with several syncs, every one.
    """
    if send and output:
        raise UserError("--send sends, --output writes a file.", "Give one of the two.")
    if send and is_blank(reason):
        raise UserError("A reason is needed.", 'Say why: --reason "the agency lost it"')
    if not send and (to or reason):
        raise UserError("--to and --reason belong to --send.", "Add --send if the report should be sent again.")
    if new_recipient and not to:
        raise UserError("--new-recipient belongs to --to.", "Name the address with --to ADDRESS.")
    library = invocation.library("policy" if send else "koha")
    sections = library.names_of(libraries)
    request = ResendRequest(report=ReportKind(kind), day=day, sections=sections)
    if send:
        _send(library, request, to, reason.strip(), new_recipient=new_recipient)
    else:
        with progress(), read_only(library.engine) as conn:
            paths = write(conn, find(conn, request), output or Path())
        click.echo("\n".join(f"Written: {path}" for path in paths))


def _send(library: Library, request: ResendRequest, to: str | None, reason: str, *, new_recipient: bool) -> None:
    sections, outlets = library.ready((), dry_run=False)
    mailing = Mailing(sections=sections, outlets=outlets, reason=reason, to=to, to_anybody=new_recipient)
    work = partial(resend, asked=request, mailing=mailing, moment=moment_of(library, person=True))
    with progress():
        queued = writing(library.engine, work)
    for stored, address in queued:
        click.echo(f"Queued: {stored.file_name} to {address.recipient} ({address.channel}); it leaves with deliver")


@click.command()
@format_option
@click.pass_obj
def status(invocation: Invocation, form: str) -> None:
    """What ran last, whether nights have stopped, what is late, what has not arrived; exit 1 if any.

    A report that waits for its next try is undelivered too. Works on any machine.
    """
    library = invocation.library("koha")
    with read_only(library.engine) as conn:
        standing = status_of(conn, library, moment_of(library))
    show(status_view(standing, library.zone), form)
    sys.exit(0 if standing.well else EXIT_FAILURE)
