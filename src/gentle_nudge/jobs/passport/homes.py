"""The homes of patrons: which are asked, with which passwords, who has a card, and what this Koha must have before."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.passport.answer import Answer, Question
from gentle_nudge.domain.passport.difference import RESTRICTION_TYPE
from gentle_nudge.domain.passport.results import Here, LookedUp
from gentle_nudge.domain.passport.terms import Passport, PassportServer
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.interruption import interruptible
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.koha.read import passported
from gentle_nudge.koha.read.administration import attribute_types, branch_codes, category_codes, restriction_type_codes
from gentle_nudge.partners.https import ask
from gentle_nudge.settings.passport_tables import password_of

K = TypeVar("K", bound=Hashable)


def passport_of(library: Library) -> Passport:
    """The table [passport]; UserError if there is none."""
    passport = library.settings.passport
    if passport is None:
        raise UserError(
            "There is no table [passport] in the settings.", "Every key and what it means: gentle-nudge config example"
        )
    return passport


def chosen(passport: Passport, name: str | None) -> tuple[PassportServer, ...]:
    """The server of this name, all of them without one; UserError for an unknown name."""
    if name is None:
        return passport.server
    server = passport.named(name)
    if server is None:
        names = ", ".join(each.name for each in passport.server)
        raise UserError(f"There is no server {name} in the settings.", f"The servers are: {names}.")
    return (server,)


def ask_homes(passport: Passport, wanted: Mapping[K, tuple[PassportServer, str]], today: date) -> dict[K, Answer]:
    """What each server says of the card that it is asked for; UserError if a password is missing."""
    passwords = {server.name: password_of(server) for server, _ in wanted.values()}
    asking = partial(Question, passport=passport, today=today)
    questions = {key: asking(server=server, card=card) for key, (server, card) in wanted.items()}
    with interruptible():
        return ask(questions, passwords)


def ask_all(passport: Passport, servers: tuple[PassportServer, ...], card: str, today: date) -> list[Answer]:
    """What each of these servers says of one card, in their order."""
    return list(ask_homes(passport, {server.name: (server, card) for server in servers}, today).values())


def look_up(library: Library, moment: Moment, card: str, name: str | None) -> LookedUp:
    """What every server says of the card, or the one of this name, and who has it here; nothing is written."""
    passport = passport_of(library)
    servers, here = chosen(passport, name), None
    with read_only(library.engine) as conn:
        refuse_misfits(conn, passport)
        if known := passported.who_has(conn, card):
            number, by = known
            patron = passported.passported(conn, passport.attribute, [number], ()).get(number)
            here = Here(number=number, by=by, home=next(filter(None, patron.homes), None) if patron else None)
    return LookedUp(card=card, here=here, answers=ask_all(passport, servers, card, moment.today))


def refuse_misfits(conn: Connection, passport: Passport) -> None:
    """UserError if the settings name codes that this Koha does not have: nobody is asked for anything."""
    if unknown := list(misfits(conn, passport)):
        raise UserError("\n".join(each.what for each in unknown), unknown[0].way_out)


def misfits(conn: Connection, passport: Passport) -> Iterator[Finding]:
    """A finding for each code that is not in Koha."""
    servers = passport.server
    categories = {passport.category_for(server) for server in servers} - category_codes(conn)
    branches = {passport.branch_for(server) for server in servers} - branch_codes(conn)
    attributes = {passport.attribute} - attribute_types(conn).keys()
    types = restriction_type_codes(conn) if passport.mirrors else None
    restrictions = {RESTRICTION_TYPE} - (types or frozenset()) if passport.mirrors else set[str]()
    for name, what, where, codes in (
        ("category", "patron category", "Administration, Patron categories", categories),
        ("branch", "library", "Administration, Libraries", branches),
        ("attribute", "patron attribute", "Administration, Patron attribute types", attributes),
        ("restriction-type", "restriction type", "Administration, Patron restrictions", restrictions),
    ):
        for code in sorted(codes):
            yield Finding(
                name=f"passport-{name}-unknown",
                what=f"Koha has no {what} {code}, which the passport of patrons needs.",
                why="No patron of another library can be made or refreshed here.",
                way_out=f"Make it in Koha ({where}), or mend [passport] in the settings.",
            )
