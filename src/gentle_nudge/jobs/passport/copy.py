"""Copy: a patron of another library is made here, with everything that Koha makes for a new one, or nothing is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial

from sqlalchemy import Connection

from gentle_nudge.domain.actions import ChargeFee, Restrict
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.passport.admission import CopyReason, LocalRules, Refusal, new_patron, refusal
from gentle_nudge.domain.passport.answer import Answer, HomePatron, Verdict, found, verdict_of
from gentle_nudge.domain.passport.difference import RESTRICTION_TYPE, Memory, hashes, restriction_comment
from gentle_nudge.domain.passport.mapping import BIRTH
from gentle_nudge.domain.passport.results import Copied, CopyRequest
from gentle_nudge.domain.passport.terms import Passport, PassportServer
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.passport.homes import ask_all, chosen, passport_of, refuse_misfits
from gentle_nudge.jobs.patrons.carry_out import carry_out
from gentle_nudge.jobs.transaction import carried_out, read_only
from gentle_nudge.koha.read import message_preferences, passported
from gentle_nudge.koha.read.administration import preferences
from gentle_nudge.koha.write import action_logs, add_patron, charge
from gentle_nudge.store import meta, passports
from gentle_nudge.store.passports import Noted

ENROLMENT = "ACCOUNT"
ASKED = ("BorrowerMandatoryField", "ChildNeedsGuarantor", "uppercasesurnames")


def copy(library: Library, moment: Moment, request: CopyRequest) -> Copied:
    """The patron is here, unless something speaks against it."""
    passport = passport_of(library)
    servers = chosen(passport, request.server)
    if not request.dry_run:
        library.may_act()
    with read_only(library.engine) as conn:
        refuse_misfits(conn, passport)
        if known := passported.who_has(conn, request.card):
            return Copied(request=request, outcome="exists", number=known[0])
    answers = tuple(ask_all(passport, servers, request.card, moment.today))
    nobody = Copied(request=request, outcome="not_found", answers=answers)
    verdict = verdict_of(answers)
    if verdict is Verdict.NOWHERE:
        return nobody
    if verdict is not Verdict.ONE_HOME:
        return replace(nobody, outcome="refused", refusal=_no_home(answers, verdict, request))
    (home,) = found(answers)
    work = partial(_make, nobody=nobody, home=home, passport=passport, moment=moment)
    return carried_out(library.engine, work, dry_run=request.dry_run)


def _no_home(answers: tuple[Answer, ...], verdict: Verdict, request: CopyRequest) -> Refusal:
    if verdict is Verdict.TWO_HOMES:
        names = ", ".join(each.server.name for each in found(answers))
        sentence = f"Several libraries know this card: {names}."
        return Refusal(reason=CopyReason.TWO_HOMES, sentence=sentence, way_out="Name the home with --from.")
    reasons = "\n".join(each.reason for each in answers if each.outcome.is_failure and each.reason)
    way_out = "Try again later." if request.server else "If you know the home, ask it alone: --from NAME."
    return Refusal(reason=CopyReason.UNKNOWN, sentence=reasons, way_out=way_out)


def _make(conn: Connection, *, nobody: Copied, home: Answer, passport: Passport, moment: Moment) -> Copied:
    """The patron with all rows, in the one transaction of this connection."""
    request, server, patron = nobody.request, home.server, home.patron or HomePatron(values={})
    if not request.dry_run:
        meta.lock(conn)
        if known := passported.who_has(conn, request.card):  # made by somebody while the homes were asked
            return replace(nobody, outcome="exists", number=known[0])
    rules = local_rules(conn, passport, server)
    new = new_patron(patron, request.card, groups=passport.copy, rules=rules, today=moment.today)
    namesakes = [] if request.not_duplicate else _namesakes(conn, patron)
    if refused := refusal(new, rules, namesakes=namesakes, allows_fee=request.allow_fee):
        return replace(nobody, outcome="refused", server=server, refusal=refused)
    messages = message_preferences.template(conn, rules.category.code)
    made = replace(
        nobody,
        outcome="made",
        server=server,
        columns={column: value for column, value in new.items() if column != "password"},
        attribute=server.name,
        messages=len(messages),
        fee=rules.category.fee,
        restricted_until=patron.until,
    )
    if request.dry_run:
        return made
    number = add_patron.add_patron(conn, new, attribute=passport.attribute, home=server.name)
    made = replace(made, number=number)
    add_patron.add_messages(conn, number, messages)
    _charge_and_log(conn, made, passport.attribute, moment)
    if patron.restricted:
        comment = restriction_comment(server)
        block = Restrict(patron=number, type=RESTRICTION_TYPE, comment=comment, until=patron.until)
        carry_out(conn, [block], moment, action_logs.wanted(conn))
    day = moment.today
    seen = Memory(patron=number, server=server.name, first_seen=day, last_seen=day, home=hashes(patron, passport.copy))
    passports.remember(conn, [seen])
    passports.note(conn, [Noted(what="made", server=server.name, patron=number, columns=tuple(made.columns))], moment)
    return made


def local_rules(conn: Connection, passport: Passport, server: PassportServer) -> LocalRules:
    """What this Koha asks of a new patron from there."""
    category = passported.category_rules(conn, passport.category_for(server))
    if category is None:
        raise UserError("The category of new patrons was deleted from Koha meanwhile.", "gentle-nudge passport check")
    mandatory, needs_guarantor, capitals = preferences(conn, ASKED).values()
    return LocalRules(
        category=category,
        branch=passport.branch_for(server),
        present=add_patron.present_columns(conn),
        mandatory=tuple(filter(None, map(str.strip, mandatory.replace(",", "|").split("|")))),
        child_needs_guarantor=needs_guarantor not in {"", "0"},
        capitals=capitals not in {"", "0"},
    )


def _namesakes(conn: Connection, patron: HomePatron) -> list[int]:
    surname, firstname, born = (patron.values.get(column) for column in ("surname", "firstname", BIRTH))
    if not surname or not firstname or not isinstance(born, date):
        return []
    return passported.namesakes(conn, str(surname), str(firstname), born)


def _charge_and_log(conn: Connection, made: Copied, attribute: str, moment: Moment) -> None:
    """The enrolment fee is charged, and Koha's log has the rows that Koha itself would write."""
    logs, number = action_logs.wanted(conn), made.number or 0
    if logs.borrowers:
        rows = [action_logs.patron_made(number), action_logs.attribute_given(number, attribute, made.attribute or "")]
        action_logs.write(conn, rows, moment)
    if made.fee > 0:
        fee = ChargeFee(patron=number, amount=made.fee, type=ENROLMENT, description="", branch=None)
        charge.charge(conn, [fee], moment)
        action_logs.log_changes(conn, [], [fee], logs=logs, moment=moment)
