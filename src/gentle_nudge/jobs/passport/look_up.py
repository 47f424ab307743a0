"""Look up: who has a card, here and at the homes."""

from __future__ import annotations

from sqlalchemy import Connection

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.passport.answer import verdict_of
from gentle_nudge.domain.passport.results import Here, LookedUp
from gentle_nudge.domain.passport.terms import Passport
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.passport.homes import ask_all, chosen, passport_of, refuse_misfits
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.koha.read import passported


def look_up(library: Library, moment: Moment, card: str, name: str | None) -> LookedUp:
    """What every server says of the card, or the one of this name; nothing is written."""
    passport = passport_of(library)
    servers = chosen(passport, name)
    with read_only(library.engine) as conn:
        refuse_misfits(conn, passport)
        here = here_of(conn, passport, card)
    answers = ask_all(passport, servers, card, moment.today)
    return LookedUp(card=card, here=here, answers=answers, verdict=verdict_of(answers))


def here_of(conn: Connection, passport: Passport, card: str) -> Here | None:
    """Who has the card here, or logs in by it."""
    known = passported.who_has(conn, card)
    if known is None:
        return None
    number, by = known
    patron = passported.passported(conn, passport.attribute, [number], ()).get(number)
    home = next(filter(None, patron.homes), None) if patron else None
    return Here(number=number, by=by, home=home)
