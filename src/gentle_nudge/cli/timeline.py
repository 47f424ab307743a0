"""The command `timeline`: what happens to a loan day by day, which rules win, and which settings contradict."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.boundary import say
from gentle_nudge.cli.options import (
    Decorator,
    card_of,
    date_option,
    is_for_its_command,
    listing_format_option,
    moment_of,
    print_page,
    progress,
    show,
)
from gentle_nudge.domain.circulation.loan import Combination, Loan
from gentle_nudge.domain.finding import Severity
from gentle_nudge.domain.money import parse_amount
from gentle_nudge.errors import EXIT_FAILURE, UserError
from gentle_nudge.jobs.desk.find_patron import number_in_koha
from gentle_nudge.jobs.timeline.answers import road_of, rules_for, what_contradicts
from gentle_nudge.jobs.timeline.road_page import assumed, road_page
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.views.circulation_view import contradictions_sheet, contradictions_view, rules_sheet, rules_view
from gentle_nudge.views.timeline_view import events_view, road_view

branch_option = click.option(
    "--branch", "library", metavar="CODE", default="", help="Koha's code of the library where the loan is made."
)
category_option = click.option("--category", metavar="CODE", default="", help="The patron category.")
itemtype_option = click.option("--itemtype", metavar="CODE", default="", help="The item type.")
item_branch_option = click.option(
    "--item-branch", "item_library", metavar="CODE", default="", help="The item's home library. Default: --branch."
)
patron_branch_option = click.option(
    "--patron-branch", "patron_library", metavar="CODE", default="", help="The patron's library. Default: --branch."
)


def amount_option(name: str, words: str, default: str | None = None) -> Decorator:
    """An option AMOUNT; the command gets an amount or None, a wrong one is a UserError."""

    def parsed(_context: click.Context, _option: click.Parameter, text: str | None) -> Decimal | None:
        try:
            return None if text is None else parse_amount(text)
        except ValueError as needed:
            raise UserError(f"{name} {text}: {needed}.", "Write it as 25 or 25.00.") from None

    return click.option(name, metavar="AMOUNT", default=default, help=words, callback=parsed)


@click.group(invoke_without_command=True)
@branch_option
@category_option
@itemtype_option
@date_option("--checkout", help="The day of the loan. Default: today in the library's time zone.")
@date_option("--due", ahead=True, help="The due date, instead of the day of the loan.")
@amount_option("--price", "The item's replacement price. Default: none.", default="0.00")
@date_option("--returned", ahead=True, help="Brought back on that day.")
@amount_option("--paid", "Paid on the lost charge just before it was brought back.")
@amount_option("--other-overdue", "What the patron owes in overdue fines of other loans. Default: nothing.")
@click.option("--patron", "card", metavar="CARD", help="Category, library and courtesy notices are this patron's.")
@item_branch_option
@patron_branch_option
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "html"]), default="table")
@click.pass_context
def timeline(context: click.Context, /, card: str | None, form: str, **asked: Any) -> None:
    """What happens to a loan, day by day, from the courtesy notice to the agency, and why.

    Koha's configuration is read and nothing is written. Needed: --branch, --itemtype, and --category or --patron.
    """
    if is_for_its_command(context):
        return
    if asked["checkout"] and asked["due"]:
        raise UserError("--checkout and --due exclude each other.", "Name one of them.")
    if card is not None and (asked["category"] or asked["patron_library"]):
        raise UserError("--patron brings category and library along.", "Leave out --category and --patron-branch.")
    needs("timeline", branch=asked["library"], category=asked["category"] or card, itemtype=asked["itemtype"])
    library = context.obj.library("koha")
    card = card and card_of(library, card)
    if not asked["checkout"] and not asked["due"]:
        asked["checkout"] = moment_of(library).today
    with progress(), read_only(library.engine) as conn:
        patron = number_in_koha(conn, card) if card else None
        road = road_of(conn, library, Loan(patron=patron, **asked))
        page = road_page(conn, library, road) if form == "html" else ""
    for failure in library.texts.failures:
        say(failure, "warning")
    match form:
        case "html":
            print_page([page])
        case "csv":
            show(events_view(road), form)
        case _:
            show(road_view(road, assumed(road)), form)


@timeline.command()
@branch_option
@category_option
@itemtype_option
@item_branch_option
@patron_branch_option
@listing_format_option
@click.pass_obj
def rules(invocation: Invocation, /, form: str, **asked: Any) -> None:
    """Which circulation rule wins for a loan, and which it beats; and the preferences that have a say."""
    needs("timeline rules", branch=asked["library"], category=asked["category"], itemtype=asked["itemtype"])
    library = invocation.library("koha")
    with progress(), read_only(library.engine) as conn:
        answer = rules_for(conn, library, Loan(**asked))
    show(rules_sheet(answer) if form == "csv" else rules_view(answer), form)


@timeline.command()
@branch_option
@category_option
@itemtype_option
@click.option("--strict", is_flag=True, help="Exit with 1 if there is a warning.")
@listing_format_option
@click.pass_obj
def check(invocation: Invocation, /, strict: bool, form: str, **wanted: Any) -> None:
    """Which settings contradict each other, for every library, category and item type that occur together."""
    library = invocation.library("koha")
    today = moment_of(library).today
    with progress(), read_only(library.engine) as conn:
        answer = what_contradicts(conn, library, today, Combination(**wanted))
    show(contradictions_sheet(answer) if form == "csv" else contradictions_view(answer), form)
    if strict and any(each.finding.severity is Severity.WARNING for each in answer.found):
        sys.exit(EXIT_FAILURE)


def needs(command: str, /, **given: str | None) -> None:
    """UserError unless each of these options is given."""
    lacking = [f"--{name}" for name, value in given.items() if not value]
    if lacking:
        named = " and ".join(filter(None, (", ".join(lacking[:-1]), lacking[-1])))
        raise UserError(
            f"{named} {'is' if len(lacking) == 1 else 'are'} needed: Koha's own "
            f"{'code' if len(lacking) == 1 else 'codes'}.",
            f"gentle-nudge {command} --branch CODE --category CODE --itemtype CODE",
        )
