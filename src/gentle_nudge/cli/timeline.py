"""The command `timeline`: what happens to a loan day by day, which rules win, and which settings contradict."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal

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
from gentle_nudge.domain.circulation.contradictions import Narrowing
from gentle_nudge.domain.finding import Severity
from gentle_nudge.domain.money import parse_amount
from gentle_nudge.errors import EXIT_FAILURE, UserError
from gentle_nudge.jobs.desk.find_patron import NOT_IN_KOHA, find_number
from gentle_nudge.jobs.timeline.answers import LoanQuestion, road_of, rules_for, what_contradicts
from gentle_nudge.jobs.timeline.road_page import assumed, road_page
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.views.circulation_view import contradictions_sheet, contradictions_view, rules_sheet, rules_view
from gentle_nudge.views.timeline_view import events_view, road_view


def code_option(name: str, words: str) -> Decorator:
    """An option that takes a code of Koha's."""
    return click.option(name, metavar="CODE", help=words)


branch_option = code_option("--branch", "Koha's code of the library where the loan is made.")
category_option = code_option("--category", "The patron category.")
itemtype_option = code_option("--itemtype", "The item type.")
item_branch_option = code_option("--item-branch", "The item's home library. Default: --branch.")
patron_branch_option = code_option("--patron-branch", "The patron's library. Default: --branch.")


def amount_option(name: str, words: str) -> Decorator:
    """An option AMOUNT; the command gets an amount or None, a wrong one is a UserError."""

    def parsed(_context: click.Context, _option: click.Parameter, text: str | None) -> Decimal | None:
        try:
            return None if text is None else parse_amount(text)
        except ValueError as needed:
            raise UserError(f"{name} {text}: {needed}.", "Write it as 25 or 25.00.") from None

    return click.option(name, metavar="AMOUNT", help=words, callback=parsed)


@click.group(invoke_without_command=True)
@branch_option
@category_option
@itemtype_option
@date_option("--checkout", help="The day of the loan. Default: today in the library's time zone.")
@date_option("--due", ahead=True, help="The due date, instead of the day of the loan.")
@amount_option("--price", "The item's replacement price. Default: none.")
@date_option("--returned", ahead=True, help="Brought back on that day.")
@amount_option("--paid", "Paid on the lost charge just before it was brought back.")
@amount_option("--other-overdue", "What the patron owes in overdue fines of other loans. Default: nothing.")
@click.option("--patron", "card", metavar="CARD", help="Category, library and courtesy notices are this patron's.")
@item_branch_option
@patron_branch_option
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "html"]), default="table")
@click.pass_context
def timeline(
    context: click.Context,
    branch: str | None,
    category: str | None,
    itemtype: str | None,
    checkout: date | None,
    due: date | None,
    price: Decimal | None,
    returned: date | None,
    paid: Decimal | None,
    other_overdue: Decimal | None,
    card: str | None,
    item_branch: str | None,
    patron_branch: str | None,
    form: str,
) -> None:
    """What happens to a loan, day by day, from the courtesy notice to the agency, and why.

    Koha's configuration is read and nothing is written. Needed: --branch, --itemtype, and --category or --patron.
    """
    if is_for_its_command(context):
        return
    if checkout and due:
        raise UserError("--checkout and --due exclude each other.", "Name one of them.")
    if card is not None and (category or patron_branch):
        raise UserError("--patron brings category and library along.", "Leave out --category and --patron-branch.")
    needs("timeline", branch=branch, category=category or card, itemtype=itemtype)
    library = context.obj.library("koha")
    card = card and card_of(library, card)
    if not checkout and not due:
        checkout = moment_of(library).today
    with progress(), read_only(library.engine) as conn:
        patron = find_number(conn, card) if card else None
        if card and patron is None:
            raise UserError(*NOT_IN_KOHA)
        question = LoanQuestion(
            library=branch or "",
            category=category or "",
            itemtype=itemtype or "",
            item_library=item_branch or "",
            patron_library=patron_branch or "",
            checkout=checkout,
            due=due,
            price=price or Decimal("0.00"),
            returned=returned,
            paid=paid,
            other_overdue=other_overdue,
            patron=patron,
        )
        answer = road_of(conn, library, question)
        page = road_page(conn, library, answer) if form == "html" else ""
    for failure in library.texts.failures:
        say(failure, "warning")
    match form:
        case "html":
            print_page([page])
        case "csv":
            show(events_view(answer.road), form)
        case _:
            show(road_view(answer.loan, answer.road, assumed(answer)), form)


@timeline.command()
@branch_option
@category_option
@itemtype_option
@item_branch_option
@patron_branch_option
@listing_format_option
@click.pass_obj
def rules(
    invocation: Invocation,
    branch: str | None,
    category: str | None,
    itemtype: str | None,
    item_branch: str | None,
    patron_branch: str | None,
    form: str,
) -> None:
    """Which circulation rule wins for a loan, and which it beats; and the preferences that have a say."""
    needs("timeline rules", branch=branch, category=category, itemtype=itemtype)
    library = invocation.library("koha")
    question = LoanQuestion(
        library=branch or "",
        category=category or "",
        itemtype=itemtype or "",
        item_library=item_branch or "",
        patron_library=patron_branch or "",
        due=date.max,  # which rule wins does not depend on a day
    )
    with progress(), read_only(library.engine) as conn:
        loan, answer = rules_for(conn, library, question)
    show(rules_sheet(answer) if form == "csv" else rules_view(loan, answer), form)


@timeline.command()
@branch_option
@category_option
@itemtype_option
@click.option("--strict", is_flag=True, help="Exit with 1 if there is a warning.")
@listing_format_option
@click.pass_obj
def check(
    invocation: Invocation, branch: str | None, category: str | None, itemtype: str | None, strict: bool, form: str
) -> None:
    """Which settings contradict each other, for every library, category and item type that occur together."""
    library = invocation.library("koha")
    today = moment_of(library).today
    with progress(), read_only(library.engine) as conn:
        wanted = Narrowing(library=branch, category=category, itemtype=itemtype)
        answer = what_contradicts(conn, library, today, wanted)
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
