"""Findings of `passport check`: codes and rules here, and whether each server answers as it should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.passport.answer import Answer, Outcome
from gentle_nudge.domain.passport.mapping import COLUMNS, columns_of
from gentle_nudge.domain.passport.terms import Passport
from gentle_nudge.domain.wording import counted
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.passport.copy import local_rules
from gentle_nudge.jobs.passport.homes import ask_all, misfits, passport_of
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.koha.read import passported
from gentle_nudge.koha.read.administration import attribute_types, category_codes
from gentle_nudge.store import meta, passports

About = tuple[str | None, Finding]
CARD = "gentle-nudge-check"  # nobody's
LONG_GONE, LONG_AGO = 30, 7  # days
NAMES = {
    Outcome.NO_ANSWER: "passport-server-unreachable",
    Outcome.REFUSED: "passport-server-refused",
    Outcome.NO_SERVICE: "passport-wrong-service",
    Outcome.UNUSABLE: "passport-server-unusable",
}
WARNING = Severity.WARNING


def check_passports(library: Library, moment: Moment) -> list[About]:
    """Every finding with the server that it is about, the gravest first; nothing is written."""
    passport = passport_of(library)
    with read_only(library.engine) as conn:
        here = [
            *misfits(conn, passport),
            *_attribute(conn, passport),
            *_rules(conn, passport),
            *_passported(conn, passport, moment),
        ]
    answers = ask_all(passport, passport.server, CARD, moment.today)
    found: list[About] = [(None, each) for each in dict.fromkeys(here)]
    found += [(answer.server.name, each) for answer in answers for each in _server(answer)]
    return sorted(found, key=lambda about: list(Severity).index(about[1].severity))


def _attribute(conn: Connection, passport: Passport) -> Iterator[Finding]:
    kind = attribute_types(conn).get(passport.attribute)
    if kind is None:
        return
    finding = partial(Finding, way_out="Change the type in Koha (Administration, Patron attribute types).")
    if kind.unique:
        what, why = f"The attribute {kind.code} is a unique identifier.", "Only one patron could name each home."
        yield finding(name="passport-attribute-unique", what=what, why=why)
    if kind.opac_editable:
        what, why = (
            f"Patrons can change the attribute {kind.code} in the OPAC.",
            "They could name another home, or none.",
        )
        yield finding(name="passport-attribute-opac-editable", what=what, why=why)
    if kind.repeatable:
        what, why = (
            f"A patron may have the attribute {kind.code} several times.",
            "Who names two homes is not refreshed.",
        )
        yield finding(name="passport-attribute-repeatable", severity=WARNING, what=what, why=why)


def _rules(conn: Connection, passport: Passport) -> Iterator[Finding]:
    """What this Koha asks of new patrons and the homes do not tell, for each category in use."""
    known = category_codes(conn)
    by_category = {passport.category_for(server): server for server in passport.server}
    for code, server in sorted(each for each in by_category.items() if each[0] in known):
        rules = local_rules(conn, passport, server)
        lacking = [name for name in rules.mandatory if name in COLUMNS and name not in columns_of(passport.copy)]
        if lacking:
            yield Finding(
                name="passport-mandatory-not-copied",
                what=f"BorrowerMandatoryField asks for what is not copied: {', '.join(lacking)}.",
                why="Every copy would be refused (missing_fields).",
                way_out="Add the group to copy in [passport], or ask less in Koha's preference.",
            )
        if rules.needs_guarantor:
            yield Finding(
                name="passport-needs-guarantor",
                severity=WARNING,
                what=f"Patrons of category {code} need a guarantor (ChildNeedsGuarantor).",
                why="Copies are refused (needs_guarantor): no guarantor is copied.",
                way_out="Name a category of adults in [passport].",
            )
        if rules.category.fee > 0:
            yield Finding(
                name="passport-enrolment-fee",
                severity=WARNING,
                what=f"Category {code} has an enrolment fee of {format_amount(rules.category.fee)}.",
                why="Copies are refused (enrolment_fee) unless the fee is allowed.",
                way_out="passport copy --allow-fee charges it; or name a category without a fee.",
            )
        if not passported.has_loan_rule(conn, code):
            yield Finding(
                name="passport-no-loan-rule",
                severity=WARNING,
                what=f"No circulation rule says for how long category {code} borrows.",
                why="Koha lends these patrons nothing.",
                way_out="Make a rule in Koha (Administration, Circulation and fine rules).",
            )


def _passported(conn: Connection, passport: Passport, moment: Moment) -> Iterator[Finding]:
    """Patrons whose home is unknown, does not know them, or was not asked for long."""
    named = set(passported.homes(conn, passport.attribute))
    homes = Counter(home for _, home in named if home.strip())
    unknown = {home: count for home, count in sorted(homes.items()) if passport.named(home) is None}
    if unknown:
        yield Finding(
            name="passport-home-unknown",
            severity=WARNING,
            what="Patrons name homes that are no servers here: "
            + ", ".join(f"{home} ({counted(count, 'patron')})" for home, count in unknown.items()),
            why="They are not refreshed.",
            way_out="Add the server to the settings, or mend the attribute of these patrons.",
        )
    if meta.missing_or_old(conn):
        return
    gone = passports.long_gone(conn, moment.today - timedelta(days=LONG_GONE))
    if gone:
        yield Finding(
            name="passport-not-found-long",
            severity=WARNING,
            what=f"Patrons have not been found at home for more than {LONG_GONE} days: "
            + ", ".join(f"{server} ({counted(count, 'patron')})" for server, count in sorted(gone.items())),
            why="Their address here is as old as that, and grows older.",
            way_out="passport refresh --all --dry-run names them; ask the home, or take the attribute away.",
        )
    last = passports.last_asked(conn)
    if len(unknown) < len(homes) and (last is None or moment.today - last > timedelta(days=LONG_AGO)):
        yield Finding(
            name="passport-refresh-old",
            severity=WARNING,
            what=f"No home has told of a patron {f'since {last}' if last else 'yet'}.",
            why="Addresses here grow older than those at home.",
            way_out="Let cron start: gentle-nudge passport refresh --all",
        )


def _server(answer: Answer) -> Iterator[Finding]:
    name = answer.server.name
    if answer.outcome.is_failure:
        yield Finding(
            name=NAMES[answer.outcome],
            what=answer.reason or "",
            why="No patron of that library can be made or refreshed here.",
            way_out=f"Mend url, user and password of {name} in the settings, or ask those who run that Koha.",
        )
    elif answer.sees_nobody:
        yield Finding(
            name="passport-sees-nobody",
            what=f"{name} shows its account {answer.server.user} no patron at all.",
            why="Everybody would seem to be unknown there.",
            way_out="There the account needs the permission view_borrower_infos_from_any_libraries.",
        )
    if answer.server.kind == "plugin":
        yield Finding(
            name="passport-plugin-sends-all",
            severity=Severity.NOTE,
            what=f"The plugin at {name} sends the complete record of a patron, password hash included.",
            why="Nothing of it but the columns of this page is kept, but it leaves that library.",
            way_out='Use kind = "api" where that library can give the account.',
        )
