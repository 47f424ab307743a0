"""The commands that answer a question: explain, cases, history, koha-report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from functools import partial

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.boundary import say
from gentle_nudge.cli.options import (
    card_argument,
    card_of,
    date_option,
    format_option,
    is_for_its_command,
    library_option,
    listing_format_option,
    moment_of,
    month_option,
    progress,
    set_option,
    show,
)
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import EXIT_FAILURE, UserError
from gentle_nudge.jobs.desk import case_list
from gentle_nudge.jobs.desk.explain import explain as explain_patron
from gentle_nudge.jobs.desk.history import of_patron, of_runs
from gentle_nudge.jobs.outcomes.period import read_figures
from gentle_nudge.jobs.sections import assuming
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.settings.section_policies import what_if
from gentle_nudge.texts.koha_reports import REPORTS, sql_of
from gentle_nudge.views.case_view import cases_view
from gentle_nudge.views.explanation_view import explanation_view
from gentle_nudge.views.outcome_view import case_columns
from gentle_nudge.views.plain import Column, View, column, table

CASE_STATES = [state.value for state in CaseState]
KOHA_REPORTS: tuple[Column[tuple[str, str]], ...] = (
    column("name", lambda report: report[0], "word"),
    column("what it answers", lambda report: report[1]),
)


@click.group(invoke_without_command=True)
@click.option("--state", "states", multiple=True, type=click.Choice(CASE_STATES), help="Only these; may be repeated.")
@month_option("--referred", "month", help="Only those referred in this month.")
@library_option
@listing_format_option
@click.pass_context
def cases(
    context: click.Context, states: Sequence[str], month: date | None, libraries: Sequence[str], form: str
) -> None:
    """Who is, or was, in collections: every case, open and closed."""
    if is_for_its_command(context):
        return
    library = context.obj.library("koha")
    chosen, names = [CaseState(state) for state in states], library.names_of(libraries)
    with progress(), read_only(library.engine) as conn:
        listed, sections = case_list.listed(conn, states=chosen, month=month, sections=names), ()
        with suppress(UserError):  # a group that Koha lacks: `check` names it, and the list can be had all the same
            sections = library.known_sections(conn)
        whole_accounts = library.settings.libraries.charges_by == "patron"
        now = case_list.present_balances(conn, listed, sections, whole_accounts=whole_accounts)
        held_until = case_list.held_until(conn, listed)
        became = {} if form == "table" else {each.case.id: each for each in read_figures(conn, library.zone)}
    more = case_columns(became, library.settings.outcomes.price_per_case)
    show(cases_view(listed, now, held_until, more), form)


@cases.command()
@click.argument("old")
@click.argument("new")
@click.pass_obj
def move(invocation: Invocation, old: str, new: str) -> None:
    """Another section takes over the open cases: OLD has them now (it may be gone), NEW will.

    A patron who has an open case in NEW already keeps the one in OLD.
    """
    library = invocation.library("koha")
    library.refuse_other_time()
    sections = () if library.settings.lacks else library.sections(changes=True)
    moved = writing(library.engine, partial(case_list.move, library=library, sections=sections, old=old, new=new))
    if invocation.speaks:
        click.echo(f"{counted(moved.count, 'open case')} moved from {old} to {new}")
    if moved.staying:
        stay = ", ".join(str(case.id) for case in moved.staying)
        say(f"Cases {stay} stay in {old}: their patrons have an open case in {new} already.")
        sys.exit(EXIT_FAILURE)


@click.command()
@card_argument()
@date_option("--day", ahead=True, help="The business day. Default: today in the library's time zone.")
@set_option("As if the policy said this; may be repeated.")
@format_option
@click.pass_obj
def explain(invocation: Invocation, card: str, day: date | None, assignments: Sequence[str], form: str) -> None:
    """Why is this patron referred, or not? Facts, and each rule with its verdict.

    CARD: also number:123, or name:TEXT.
    """
    library = invocation.library()
    sections, _ = library.ready((), dry_run=True)
    policy_of = partial(what_if, assignments=assignments)
    sections = tuple(assuming(section, policy_of) for section in sections)
    card = card_of(library, card)
    with progress(), read_only(library.engine) as conn:
        explanations = explain_patron(conn, sections, card, moment_of(library, day, dry_run=True))
    show([explanation_view(explanation) for explanation in explanations], form)


@click.command()
@card_argument(required=False)
@month_option("--month", help="Only the runs of this month.")
@date_option("--since", help="Only the runs of this day and later ones.")
@library_option
@listing_format_option
@click.pass_obj
def history(
    invocation: Invocation,
    card: str | None,
    month: date | None,
    since: date | None,
    libraries: Sequence[str],
    form: str,
) -> None:
    """The last 60 runs with counts and sums; or all that happened to one patron.

    CARD: also number:123, or name:TEXT. With --month or --since every run of that time.
    """
    if (month and since) or (card is not None and (month or since or libraries)):
        raise UserError(
            "--month, --since and --library choose runs: not two times at once, and not beside a card.",
            "gentle-nudge history --month YYYY-MM, --since DATE, or CARD",
        )
    library = invocation.library("koha")
    sections = library.names_of(libraries)
    card = card and card_of(library, card)
    with progress(), read_only(library.engine) as conn:
        view: View | list[View]
        if card is None:
            view = of_runs(conn, today=moment_of(library).today, month=month, since=since, sections=sections)
        else:
            view = of_patron(conn, card, library.zone)
    show(view, form)


@click.command()
@click.argument("name", required=False)
def koha_report(name: str | None) -> None:
    """Print the SQL of a report, to paste into Koha (Reports, Create from SQL); without NAME, which there are."""
    if name:
        click.echo(sql_of(name), nl=False)
    else:
        show(View(parts=[table(KOHA_REPORTS, list(REPORTS.items()))]))
