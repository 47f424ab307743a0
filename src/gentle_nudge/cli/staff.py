"""The commands of the collections desk."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from functools import partial

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.options import moment_of, progress, show
from gentle_nudge.cli.words import cards_argument, cards_of, date_option
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.withdraw import WithdrawalRequest, withdraw_cases
from gentle_nudge.jobs.sections import names_to_end
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.views.withdrawal_view import withdrawal_view


@click.command()
@cards_argument()
@date_option("--submission", "day", help="Instead of one patron: everybody in the submission of this day.")
@click.option("--library", "libraries", multiple=True, metavar="NAME", help="Only of this section.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept with the case, so name nobody in it.")
@click.option("--waive-fee", is_flag=True, help="Also forgive what is still owing of the processing fee.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing; on a terminal with names.")
@click.pass_obj
def release(
    invocation: Invocation,
    cards: Sequence[str],
    day: date | None,
    libraries: Sequence[str],
    reason: str,
    waive_fee: bool,
    dry_run: bool,
) -> None:
    """Take patrons (CARD: also number:123, or name:TEXT) back from collections, or everybody in a submission.

    The flag and our restriction are taken off and the case is closed as withdrawn: charges of up to today do not
    refer the patron again. The next update tells the agency as withdrawn_due says; a submission that has not been
    delivered is cancelled instead. What was paid stays paid, and doing it twice does no more than doing it once.
    Of several CARDs all are taken back, or none.
    """
    if bool(cards) == bool(day):
        raise UserError("Name patrons, or a submission.", "gentle-nudge release CARD, or release --submission DATE")
    if not reason.strip():
        raise UserError("A reason is needed.", 'Say why: --reason "referred by mistake"')
    library = invocation.library()
    sections = library.sections(changes=not dry_run)
    request = WithdrawalRequest(
        reason=reason.strip(),
        cards=cards_of(library, cards),
        day=day,
        sections=names_to_end(sections, libraries),
        waive_fee=waive_fee,
    )
    moment = moment_of(library, person=True)
    work = partial(withdraw_cases, sections=sections, wanted=request, moment=moment, dry_run=dry_run)
    with progress():
        if dry_run:
            with read_only(library.engine) as conn:
                withdrawals = work(conn)
        else:
            withdrawals = writing(library.engine, work)
    if dry_run or invocation.speaks:
        show(withdrawal_view(withdrawals, dry_run=dry_run, names_patrons=dry_run and sys.stdout.isatty()))
