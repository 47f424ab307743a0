"""The command `outcomes`: what has become of the cases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import cast, get_args

import click
from dateutil.relativedelta import relativedelta

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.options import library_option, listing_format_option, moment_of, progress, show
from gentle_nudge.domain.money import parse_amount
from gentle_nudge.domain.outcomes.answer import Question
from gentle_nudge.domain.outcomes.totals import By
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.outcomes.period import outcomes_of
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.views.outcome_view import outcome_view, rows_view

YEAR = relativedelta(months=11)


@click.command()
@click.option("--from", "first", metavar="YYYY-MM", help="The first month of referral. Default: eleven before --to.")
@click.option("--to", "last", metavar="YYYY-MM", help="The last month of referral. Default: this month.")
@library_option
@click.option("--by", type=click.Choice(get_args(By)), default="month", help="What a row of the table stands for.")
@click.option("--if-threshold", "thresholds", multiple=True, metavar="AMOUNT", help="Had it been so much; repeatable.")
@listing_format_option
@click.pass_obj
def outcomes(
    invocation: Invocation,
    first: str | None,
    last: str | None,
    libraries: Sequence[str],
    by: str,
    thresholds: Sequence[str],
    form: str,
) -> None:
    """What has become of the cases: paid, returned, waived, still owed, by the last nightly copy.

    The figures say what came back after a referral, not because of it.
    """
    library = invocation.library("koha")
    moment = moment_of(library)
    to = month("--to", last) if last else moment.today.replace(day=1)
    question = Question(
        first=month("--from", first) if first else to - YEAR,
        last=to,
        sections=tuple(libraries),
        by=cast("By", by),
        thresholds=tuple(map(_amount, thresholds)),
    )
    if question.first > question.last:
        raise UserError(
            f"--from {question.first:%Y-%m} is after --to {question.last:%Y-%m}.", "Name the earlier month with --from."
        )
    with progress(), read_only(library.engine) as conn:
        period = outcomes_of(conn, library, question, moment)
    show(rows_view(period) if form == "csv" else outcome_view(period, moment.zone), form)


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
