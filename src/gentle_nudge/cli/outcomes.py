"""The command `outcomes`: what has become of the cases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import cast, get_args

import click
from dateutil.relativedelta import relativedelta

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.boundary import say
from gentle_nudge.cli.options import (
    folder_option,
    is_for_its_command,
    library_option,
    listing_format_option,
    moment_of,
    print_page,
    progress,
    show,
    write,
)
from gentle_nudge.domain.money import parse_amount
from gentle_nudge.domain.outcomes.answer import Question
from gentle_nudge.domain.outcomes.totals import By
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.outcomes.month_page import outcome_page
from gentle_nudge.jobs.outcomes.period import one_of, outcomes_of
from gentle_nudge.jobs.outcomes.read_invoice import keep_invoice, read_invoice
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.reports.render import outcomes_name
from gentle_nudge.views.outcome_view import invoice_view, outcome_view, rows_view

YEAR = relativedelta(months=11)


@click.group(invoke_without_command=True)
@click.option("--from", "first", metavar="YYYY-MM", help="The first month of referral. Default: eleven before --to.")
@click.option("--to", "last", metavar="YYYY-MM", help="The last month of referral. Default: this month.")
@library_option
@click.option("--by", type=click.Choice(get_args(By)), default="month", help="What a row of the table stands for.")
@click.option("--if-threshold", "thresholds", multiple=True, metavar="AMOUNT", help="Had it been so much; repeatable.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "html"]), default="table")
@folder_option(help="With --format html, which is always by month: write the page there, as a file.")
@click.pass_context
def outcomes(
    context: click.Context,
    first: str | None,
    last: str | None,
    libraries: Sequence[str],
    by: str,
    thresholds: Sequence[str],
    form: str,
    output: Path | None,
) -> None:
    """What has become of the cases: paid, returned, waived, still owed, by the last nightly copy.

    The figures say what came back after a referral, not because of it.
    """
    if is_for_its_command(context):
        return
    if output and form != "html":
        raise UserError("--output belongs to --format html.", "Add it; tables, CSV and JSON go to standard output.")
    library = context.obj.library("koha")
    moment = moment_of(library)
    to = month("--to", last) if last else moment.today.replace(day=1)
    question = Question(
        first=month("--from", first) if first else to - YEAR,
        last=to,
        sections=tuple(libraries),
        by="month" if form == "html" else cast("By", by),
        thresholds=tuple(map(_amount, thresholds)),
    )
    if question.first > question.last:
        raise UserError(
            f"--from {question.first:%Y-%m} is after --to {question.last:%Y-%m}.", "Name the earlier month with --from."
        )
    with progress(), read_only(library.engine) as conn:
        period = outcomes_of(conn, library, question, moment)
        page = outcome_page(conn, library, period, moment) if form == "html" else ""
    for failure in library.texts.failures:
        say(failure, "warning")
    if output:
        write(output, [(outcomes_name(to, one_of(period.sections, libraries) or ""), [page.encode()])])
    elif form == "html":
        print_page([page])
    else:
        show(rows_view(period) if form == "csv" else outcome_view(period, moment.zone), form)


@outcomes.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--month", "of", required=True, metavar="YYYY-MM", help="The month that it bills.")
@click.option("--column", metavar="NAME", help="The column with the accounts. Default: the one that holds them.")
@click.option("--library", metavar="NAME", help="Only this section.")
@click.option("--dry-run", is_flag=True, help="Compare and keep nothing.")
@listing_format_option
@click.pass_obj
def invoice(
    invocation: Invocation, file: Path, of: str, column: str | None, library: str | None, dry_run: bool, form: str
) -> None:
    """The agency's invoice against what was sent: FILE is a CSV file, or a text with one account a line."""
    ours = invocation.library("koha")
    if not dry_run:
        ours.refuse_other_time()
    moment, sections = moment_of(ours, person=True), [library] if library else []
    with progress(), read_only(ours.engine) as conn:
        compared = read_invoice(conn, ours, file, month=month("--month", of), sections=sections, wanted_column=column)
    if not dry_run:
        writing(ours.engine, partial(keep_invoice, comparison=compared, moment=moment))
    show(invoice_view(compared), form)


def month(option: str, text: str) -> date:
    """The first day of this month; UserError if there is no such month."""
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
    except ValueError:
        raise UserError(f"{option} {text}: no month.", "Write it as YYYY-MM.") from None


def _amount(text: str) -> Decimal:
    try:
        return parse_amount(text)
    except ValueError as needed:
        raise UserError(f"--if-threshold {text}: {needed}.", "Write it as 50 or 50.00.") from None
