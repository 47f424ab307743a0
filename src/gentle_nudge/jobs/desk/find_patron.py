"""Which patron is meant: by card, by number, or by a part of the name of somebody in collections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.patron import NamedPatron
from gentle_nudge.domain.wording import counted, ordinal
from gentle_nudge.errors import UserError
from gentle_nudge.koha.read import borrowers
from gentle_nudge.store import cases, meta

BY_NAME, BY_NUMBER = "name:", "number:"
NO_CARD = "A patron without a card is found as number:123."
NOT_IN_KOHA = ("Koha has no patron with this card.", NO_CARD)
UNKNOWN = ("We know nothing of this patron.", NO_CARD)
T = TypeVar("T")


class CardRefused(UserError):
    """No patron, or more than one, is meant: `matches` are those who have the name."""

    def __init__(self, sentence: str, hint: str = "", matches: Sequence[NamedPatron] = ()) -> None:
        super().__init__(sentence, hint)
        self.matches = tuple(matches)


def by_card_or_number(conn: Connection, card: str) -> str:
    """The card, or `number:123` of the one patron who is meant by `name:TEXT`; else CardRefused."""
    if not card.startswith(BY_NAME):
        return card
    text = card.removeprefix(BY_NAME).strip()
    matches = _named(conn, text) if text else []
    if len(matches) == 1:
        return f"{BY_NUMBER}{matches[0].number}"
    if matches:
        sentence = f"This is in the names of {counted(len(matches), 'patron')}; nothing was done."
        raise CardRefused(sentence, "Name one of them by card, or as number:123.", matches)
    raise CardRefused(
        "This is in no name among the patrons with a case whose name we still hold, and those on a list that is open.",
        "Elsewhere names are not looked for: look the patron up in Koha, and name the card.",
    )


def _named(conn: Connection, text: str) -> list[NamedPatron]:
    """The patrons with this in the name, in order of number: with the name in our records, else with that in Koha."""
    if meta.read_meta(conn) is None:
        return []
    meta.ready(conn)
    in_koha = borrowers.with_name(conn, text, cases.on_open_lists(conn))
    by_number = {patron.number: patron for patron in (*in_koha, *cases.with_name(conn, text))}
    return [by_number[number] for number in sorted(by_number)]


def for_each_card(cards: Sequence[str], look: Callable[[str], T]) -> list[T]:
    """What `look` returns of each card; CardRefused that names by its place each one of which it raises a UserError."""
    results, refused = [], []
    for place, card in enumerate(cards, start=1):
        try:
            results.append(look(card))
        except UserError as trouble:
            if len(cards) == 1:
                raise
            refused.append((f"the {ordinal(place)} card: {trouble.sentence}", trouble))
    if refused:
        hints = dict.fromkeys(trouble.hint for _, trouble in refused if trouble.hint)
        matches = [each for _, trouble in refused for each in getattr(trouble, "matches", ())]
        raise CardRefused("\n".join(said for said, _ in refused), "\n".join(hints), matches)
    return results


def cases_of(conn: Connection, card: str) -> list[Case]:
    """Every case of a patron, oldest first.

    The patron is the one who has the card in Koha now; if nobody has it, the one last reported with it. Cases of
    somebody who had the same number before are found by the number alone.
    """
    number = find_number(conn, card)
    of_patron = cases.find(conn, card=card) if number is None else cases.find(conn, patron=number)
    if number is not None and not card.startswith(BY_NUMBER):
        before = borrowers.used_before(conn, [number]).get(number, 0)
        of_patron = [case for case in of_patron if case.used_before >= before]
    return of_patron


def known_cases(conn: Connection, card: str) -> list[Case]:
    """Every case of a patron, oldest first; UserError if there is none."""
    if of_patron := cases_of(conn, card):
        return of_patron
    raise UserError(*UNKNOWN)


def numbers_of(conn: Connection, card: str, of_patron: Sequence[Case]) -> list[int]:
    """Every number of the patron who has the card, and who has these cases."""
    numbers = {each for case in of_patron for each in (case.patron, case.number) if each}
    return sorted(numbers | {find_number(conn, card) or 0})


def find_number(conn: Connection, card: str) -> int | None:
    """The borrowernumber: 123 for `number:123`, else that of the patron who has this card in Koha now."""
    number = card.removeprefix(BY_NUMBER)
    return int(number) if number != card and number.isdecimal() else borrowers.number_of(conn, card)


def number_in_koha(conn: Connection, card: str) -> int:
    """The same; UserError if nobody has this card."""
    number = find_number(conn, card)
    if number is None:
        raise UserError(*NOT_IN_KOHA)
    return number
