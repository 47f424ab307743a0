"""The words for people and days: CARD and DATE."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from functools import partial
from typing import Any

import click

from gentle_nudge.cli.options import Decorator, now, show
from gentle_nudge.domain.moment import DAY_WORDS, named_day
from gentle_nudge.jobs.desk.find_patron import BY_NAME, CardRefused, by_card_or_number, for_each_card
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.views.case_view import matches_view


def _day(
    context: click.Context, _option: click.Parameter, value: str | None, *, ahead: bool | None, zone: tzinfo | None
) -> date | None:
    """The day that the value means; a usage error if it means none.

    A weekday is the coming one where the question looks `ahead`, else the last one; if `ahead` is None, as `--dry-run`
    says. Today is that of the `zone`, or of the library's, which only a word asks for.
    """
    if value is None:
        return None
    word = value.strip()
    if word.casefold() in DAY_WORDS:
        looks_ahead = context.params.get("dry_run", False) if ahead is None else ahead
        return named_day(word, now(zone or context.obj.library("koha").zone).date(), ahead=looks_ahead)
    try:
        return datetime.strptime(word, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        sentence = f"{value!r} is no date: write 2026-11-22, today, tomorrow, yesterday or a weekday."
        raise click.BadParameter(sentence) from error


def date_option(*names: str, ahead: bool | None = False, zone: tzinfo | None = None, **options: Any) -> Decorator:
    """An option DATE; the command gets a day or None."""
    return click.option(*names, callback=partial(_day, ahead=ahead, zone=zone), metavar="DATE", **options)


def date_argument(name: str, *, ahead: bool | None = False, **options: Any) -> Decorator:
    """An argument DATE; the command gets a day, or None if it is not required and not given."""
    metavar = "DATE" if options.get("required", True) else "[DATE]"
    return click.argument(name, callback=partial(_day, ahead=ahead, zone=None), metavar=metavar, **options)


day_option = date_option("--day", ahead=None, help="The business day. Default: today in the library's time zone.")


def card_argument(**options: Any) -> Decorator:
    """The argument CARD, which `card_of` reads."""
    return click.argument("card", **options)


def cards_argument(**options: Any) -> Decorator:
    """The argument CARD..., which `cards_of` reads."""
    metavar = "CARD..." if options.get("required") else "[CARD...]"
    return click.argument("cards", metavar=metavar, nargs=-1, **options)


def card_of(library: Library, card: str) -> str:
    """The one CARD as `cards_of` reads several."""
    return cards_of(library, [card])[0]


def cards_of(library: Library, cards: Sequence[str]) -> tuple[str, ...]:
    """Each CARD as a card or as number:123, in their order and each once.

    CardRefused if `name:TEXT` means nobody, or several patrons, who are shown.
    """
    cards = [card.strip() for card in cards]
    if not any(card.startswith(BY_NAME) for card in cards):
        return tuple(dict.fromkeys(cards))
    try:
        with read_only(library.engine) as conn:
            return tuple(dict.fromkeys(for_each_card(cards, partial(by_card_or_number, conn))))
    except CardRefused as refused:
        if refused.matches:
            show(matches_view(refused.matches))
        raise
