"""The commands of the collections desk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.options import moment_of
from gentle_nudge.errors import UserError

if TYPE_CHECKING:
    from gentle_nudge.domain.moment import Moment
    from gentle_nudge.jobs.desk.withdraw import Withdrawal, WithdrawalRequest
    from gentle_nudge.jobs.library import Library


@click.command()
@click.argument("card", required=False)
@click.option(
    "--submission",
    "day",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="DATE",
    help="Instead of one patron: everybody in the submission of this day.",
)
@click.option("--library", "libraries", multiple=True, metavar="NAME", help="Only of this section.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept with the case, so name nobody in it.")
@click.option("--waive-fee", is_flag=True, help="Also forgive what is still owing of the processing fee.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.pass_obj
def release(
    invocation: Invocation,
    card: str | None,
    day: datetime | None,
    libraries: Sequence[str],
    reason: str,
    waive_fee: bool,
    dry_run: bool,
) -> None:
    """Take a patron (CARD, or number:123) back from collections, or everybody in a submission.

    The flag and our restriction are taken off and the case is closed as withdrawn: charges of up to today do not
    refer the patron again. The next update tells the agency as withdrawn_due says; a submission that has not been
    delivered is cancelled instead. What was paid stays paid, and doing it twice does no more than doing it once.
    """
    from gentle_nudge.jobs.desk.withdraw import WithdrawalRequest
    from gentle_nudge.jobs.library import Library

    if (card is None) == (day is None):
        raise UserError("Name one patron, or a submission.", "gentle-nudge release CARD, or release --submission DATE")
    if not reason.strip():
        raise UserError("A reason is needed.", 'Say why: --reason "referred by mistake"')
    library = Library.of(invocation.settings())
    sections = library.sections(libraries, changes=not dry_run)
    wanted = WithdrawalRequest(
        reason=reason.strip(),
        card=card,
        day=day.date() if day else None,
        sections=tuple(name for section in sections for name in section.cases_of),
        waive_fee=waive_fee,
    )
    done = _released(library, libraries, wanted, dry_run=dry_run)
    if dry_run or invocation.speaks:
        _tell(done, dry_run=dry_run)


def _released(
    library: Library, libraries: Sequence[str], wanted: WithdrawalRequest, *, dry_run: bool
) -> list[Withdrawal]:
    """What was taken back, or would be; a case of the submission may have moved to a section that is not named."""
    from gentle_nudge.jobs.desk.withdraw import concerned
    from gentle_nudge.jobs.desk.withdraw import withdraw_cases as run
    from gentle_nudge.jobs.transaction import read_only, writing

    moment: Moment = moment_of(library, None, dry_run=False, person=True)
    sections = library.sections(() if wanted.is_submission else libraries, changes=not dry_run)
    with read_only(library.engine) as conn:
        sections = tuple(concerned(conn, sections, wanted))
        if dry_run:
            return [run(conn, section, wanted, moment=moment, dry_run=True) for section in sections]
    return [
        writing(library.engine, partial(run, section=section, wanted=wanted, moment=moment)) for section in sections
    ]


def _tell(done: Sequence[Withdrawal], *, dry_run: bool) -> None:
    from gentle_nudge.views.withdrawal_view import release_lines

    if dry_run:
        click.echo("Dry run: nothing is written, nothing is sent.")
    lines = [line for each in done for line in release_lines(each)]
    click.echo("\n".join(lines or ["Nothing to take back: no case is open."]))
