"""The commands about patrons of other libraries: passport look-up, copy, refresh, duplicates, check."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.boundary import HelpfulGroup, say
from gentle_nudge.cli.options import (
    dry_run_option,
    format_option,
    listing_format_option,
    moment_of,
    progress,
    show,
)
from gentle_nudge.domain.finding import Severity
from gentle_nudge.domain.passport.answer import Answer
from gentle_nudge.domain.passport.mapping import parse_card
from gentle_nudge.domain.passport.results import CopyRequest
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import EXIT_FAILURE, UserError
from gentle_nudge.jobs.passport.copy import copy as copy_patron
from gentle_nudge.jobs.passport.duplicates import find_duplicates
from gentle_nudge.jobs.passport.homes import look_up as look_up_card
from gentle_nudge.jobs.passport.passport_findings import check_passports
from gentle_nudge.jobs.passport.refresh import RefreshOptions
from gentle_nudge.jobs.passport.refresh import refresh as refresh_patrons
from gentle_nudge.views.passport_view import (
    copy_view,
    duplicates_view,
    look_up_view,
    passport_findings_view,
    refresh_view,
)

NAMED = 20  # patrons, in one sentence

from_option = click.option("--from", "server", metavar="NAME", help="Ask this server alone.")


def _card(_context: click.Context, _parameter: click.Parameter, given: str | tuple[str, ...]) -> object:
    """The card, or the cards, each once; UserError for what cannot be one."""
    try:
        return parse_card(given) if isinstance(given, str) else tuple(dict.fromkeys(map(parse_card, given)))
    except ValueError as fault:
        raise UserError(f"This cannot be a card: {fault}.", "Nobody was asked.") from None


card_argument = click.argument("card", callback=_card)


@click.group(cls=HelpfulGroup)
def passport() -> None:
    """Patrons of other libraries' Kohas: bring them here, and keep them up to date."""


@passport.command("look-up")
@card_argument
@from_option
@format_option
@click.pass_obj
def look_up(invocation: Invocation, card: str, server: str | None, form: str) -> None:
    """Ask every server who has CARD. Nothing is written."""
    library = invocation.library("koha")
    with progress():
        found = look_up_card(library, moment_of(library), card, server)
    show(look_up_view(found), form)
    sys.exit(EXIT_FAILURE if any(each.outcome.is_failure for each in found.answers) else 0)


@passport.command()
@card_argument
@from_option
@dry_run_option
@click.option("--allow-fee", is_flag=True, help="Charge the enrolment fee of the category.")
@click.option("--not-duplicate", is_flag=True, help="Somebody here has the same name and birth, and is somebody else.")
@format_option
@click.pass_obj
def copy(invocation: Invocation, /, form: str, **asked: Any) -> None:
    """Make a patron of another library here.

    The patron has CARD at home; here they get the category of the settings, and no login. Without --from every server
    is asked, and exactly one may know the card.
    """
    library = invocation.library("koha")
    wanted = CopyRequest(**asked)
    with progress():
        done = copy_patron(library, moment_of(library, dry_run=wanted.dry_run, person=True), wanted)
    show(copy_view(done), form)
    if done.refusal:
        say(f"{done.refusal.sentence}\n{done.refusal.way_out}")
    elif done.outcome == "not_found":
        say("No library that was asked knows this card.")
    sys.exit(0 if done.outcome in {"made", "exists"} else EXIT_FAILURE)


@passport.command()
@click.argument("cards", metavar="[CARD...]", nargs=-1, callback=_card)
@click.option("--open-cases", is_flag=True, help="Everybody from elsewhere who has an open case.")
@click.option("--all", "everybody", is_flag=True, help="Everybody from elsewhere.")
@dry_run_option
@click.option("--most-changes", type=click.IntRange(min=1), metavar="N", help="Lift the fuse for this one run.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), help="Show what is done.")
@click.pass_obj
def refresh(
    invocation: Invocation,
    cards: tuple[str, ...],
    open_cases: bool,
    everybody: bool,
    dry_run: bool,
    most_changes: int | None,
    form: str | None,
) -> None:
    """Bring patrons from elsewhere up to date.

    Address, telephones and e-mail follow those at home. Name CARDs, or give --open-cases or --all. What the desk here
    corrected stays until the home changes it. Stands in cron before nightly.
    """
    if bool(cards) + open_cases + everybody != 1:
        raise UserError("Who is to be refreshed?", "Name cards, or give --open-cases or --all: one of the three.")
    library = invocation.library("koha")
    if everybody and library.settings.passport is None:
        return
    moment = moment_of(library, dry_run=dry_run, person=most_changes is not None, interface="cron")
    options = RefreshOptions(cards=cards, open_cases=open_cases, dry_run=dry_run, most_changes=most_changes)
    with progress():
        done = refresh_patrons(library, moment, options)
    if form or dry_run or invocation.speaks:
        show(refresh_view(done), form or "table")
    _tell_failures((each.number, each.answer) for each in done.failed)
    if done.held_at:
        say(
            f"{len(done.changed)} patrons would change, and at most {done.held_at} may: nothing was changed.\n"
            f"If that is right: --most-changes {len(done.changed)}"
        )
    sys.exit(EXIT_FAILURE if done.failed or done.held_at else 0)


def _tell_failures(failed: Iterable[tuple[int, Answer]]) -> None:
    """Say on stderr what went wrong, and for whom, by number."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for number, answer in failed:
        numbers[answer.reason or ""].append(number)
    for reason, of_reason in numbers.items():
        named = ", ".join(map(str, of_reason[:NAMED])) + (", ..." if len(of_reason) > NAMED else "")
        say(f"{reason}\n  {counted(len(of_reason), 'patron')} not heard of: number {named}.")


@passport.command()
@listing_format_option
@click.pass_obj
def duplicates(invocation: Invocation, form: str) -> None:
    """Show who is in the collections of two libraries. Nothing is written; people decide."""
    library = invocation.library("koha")
    with progress():
        found = find_duplicates(library, moment_of(library))
    show(duplicates_view(found.found), form)
    _tell_failures(found.failed.items())
    sys.exit(EXIT_FAILURE if found.failed else 0)


@passport.command()
@format_option
@click.pass_obj
def check(invocation: Invocation, form: str) -> None:
    """Ask each server, and look at codes and rules here.

    Each finding says why it matters and the way out. Nothing is written.
    """
    library = invocation.library("koha")
    with progress():
        findings = check_passports(library, moment_of(library))
    show(passport_findings_view(findings), form)
    sys.exit(EXIT_FAILURE if any(finding.severity is Severity.PROBLEM for _, finding in findings) else 0)
