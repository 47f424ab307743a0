"""Refresh: patrons of other libraries are here as fresh as at home, and what the desk here corrected stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from gentle_nudge.domain.actions import LiftRestriction, MoveRestriction, Restrict
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.passport.answer import Question
from gentle_nudge.domain.passport.difference import (
    Difference,
    Memory,
    Passported,
    Skipped,
    difference,
    hashes,
    home_of,
)
from gentle_nudge.domain.passport.results import Asked, Refreshed
from gentle_nudge.domain.passport.terms import Passport, PassportServer
from gentle_nudge.domain.wording import ordinal
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.passport.homes import ask_homes, passport_of, refuse_misfits
from gentle_nudge.jobs.patrons.carry_out import carry_out
from gentle_nudge.jobs.transaction import carried_out, read_only
from gentle_nudge.koha.read import borrowers, debarments, passported
from gentle_nudge.koha.write import action_logs, restrict
from gentle_nudge.koha.write.update_patron import update_patrons
from gentle_nudge.store import cases, meta, passports
from gentle_nudge.store.passports import Noted

WORDS: Mapping[type, passports.What] = {
    Restrict: "restricted",
    MoveRestriction: "restricted",
    LiftRestriction: "lifted",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RefreshOptions:
    """Who is refreshed: these cards, or the patrons with open cases, or else everybody."""

    cards: tuple[str, ...] = ()
    open_cases: bool = False
    dry_run: bool = False
    most_changes: int | None = None


def refresh(library: Library, moment: Moment, options: RefreshOptions) -> Refreshed:
    """The homes are asked, and then everything is changed at once, unless it is too much."""
    passport = passport_of(library)
    if not options.dry_run:
        library.may_act()
    with read_only(library.engine) as conn:
        refuse_misfits(conn, passport)
        patrons = _wanted(conn, passport, options)
    homes = {number: home_of(patron, passport) for number, patron in sorted(patrons.items())}
    questions = {
        number: (home, (patrons[number].card or "").strip())
        for number, home in homes.items()
        if isinstance(home, PassportServer)
    }
    answers = ask_homes(passport, questions, moment.today)
    skipped = {number: (patrons[number], why) for number, why in homes.items() if isinstance(why, Skipped)}
    asked = {number: Asked(patron=patrons[number], answer=answer) for number, answer in answers.items()}
    work = partial(_apply, asked=asked, skipped=skipped, passport=passport, moment=moment, options=options)
    return carried_out(library.engine, work, dry_run=options.dry_run)


def _wanted(conn: Connection, passport: Passport, options: RefreshOptions) -> dict[int, Passported]:
    """The passported patrons who are meant; UserError for a card of nobody, or of somebody who is not one."""
    numbers = {number for number, home in passported.homes(conn, passport.attribute) if home.strip()}
    if options.cards:
        named = [borrowers.number_of(conn, card) for card in options.cards]
        wrong = [ordinal(place) for place, number in enumerate(named, start=1) if number not in numbers]
        if wrong:
            raise UserError(
                f"The {', '.join(wrong)} card is of no patron here who has the attribute {passport.attribute}.",
                "gentle-nudge passport look-up CARD shows who has a card. Nobody was asked.",
            )
        numbers = {number for number in named if number is not None}
    elif options.open_cases:
        meta.ready(conn)
        numbers &= cases.open_case_patrons(conn).keys()
    return passported.passported(conn, passport.attribute, numbers, passport.copy)


def _apply(
    conn: Connection,
    *,
    asked: Mapping[int, Asked],
    skipped: Mapping[int, tuple[Passported, Skipped]],
    passport: Passport,
    moment: Moment,
    options: RefreshOptions,
) -> Refreshed:
    """Judge the answers by what is here now; change it, unless too many patrons would change."""
    if not options.dry_run:
        meta.lock(conn)
    before = {} if meta.missing_or_old(conn) else passports.memories(conn, asked)
    judge = partial(_differences, conn, asked=asked, before=before, passport=passport, moment=moment)
    changed = judge(asked)
    most = passport.most_changes if options.most_changes is None else options.most_changes
    fuse = most if most and len(changed) > most else None
    memory = {number: _seen(each, before.get(number), passport, moment) for number, each in asked.items()}
    known = {number: each for number, each in memory.items() if each}
    if not fuse and not options.dry_run:
        changed = judge(changed, lock=True)
        _write(conn, changed, moment)
        passports.remember(conn, list(known.values()))
        passports.note(conn, _news(asked, changed, before, known), moment)
        if not options.cards and not options.open_cases:
            remembered = passports.remembered(conn)
            passports.forget_memory(conn, sorted(remembered - borrowers.existing(conn, remembered)))
    return Refreshed(dry_run=options.dry_run, asked=asked, skipped=skipped, changed=changed, memory=known, held_at=fuse)


def _differences(
    conn: Connection,
    numbers: Iterable[int],
    *,
    asked: Mapping[int, Asked],
    before: Mapping[int, Memory],
    passport: Passport,
    moment: Moment,
    lock: bool = False,
) -> dict[int, Difference]:
    """What changes for these patrons as they are now, in order of number; whose home is another now is left alone."""
    found = [number for number in numbers if asked[number].answer.patron]
    changed = {}
    for number, patron in passported.passported(conn, passport.attribute, found, passport.copy, lock=lock).items():
        home, server = asked[number].answer.patron, asked[number].server
        question = Question(server=server, card=patron.card or "", passport=passport, today=moment.today)
        if home and home_of(patron, passport) == server and patron.card == asked[number].patron.card:
            changed[number] = difference(patron, home, before.get(number), question)
    return {number: each for number, each in changed.items() if each}


def _write(conn: Connection, changed: Mapping[int, Difference], moment: Moment) -> None:
    """Koha has these values and restrictions, and its log says so."""
    logs = action_logs.wanted(conn)
    values = {number: each.changes for number, each in changed.items() if each.changes}
    update_patrons(conn, {number: {name: each[name][1] for name in each} for number, each in values.items()})
    if logs.borrowers:
        rows = (action_logs.patron_changed(number, changes) for number, changes in values.items())
        action_logs.write(conn, rows, moment)
    blocks = [each.restriction for each in changed.values() if each.restriction]
    carry_out(conn, [each for each in blocks if not isinstance(each, MoveRestriction)], moment, logs)
    _move(conn, [each for each in blocks if isinstance(each, MoveRestriction)], moment, logs)


def _move(conn: Connection, moves: list[MoveRestriction], moment: Moment, logs: action_logs.Logs) -> None:
    """The restrictions end when they end at home."""
    restrict.move(conn, moves, moment.now)
    restrict.refresh_debarred(conn, [move.patron for move in moves], moment.today)
    made = debarments.made_at(conn, [move.restriction.id for move in moves])
    if logs.borrowers:
        action_logs.write(conn, [action_logs.moved(move, made[move.restriction.id], moment) for move in moves], moment)


def _seen(asked: Asked, before: Memory | None, passport: Passport, moment: Moment) -> Memory | None:
    """What is remembered after this answer; None if nothing was heard."""
    if asked.answer.outcome.is_failure:
        return None
    same = before if before and before.server.casefold() == asked.server.name.casefold() else None
    patron, today = asked.answer.patron, moment.today
    return Memory(
        patron=asked.number,
        server=asked.server.name,
        first_seen=same.first_seen if same else today,
        last_seen=today,
        not_found_since=None if patron else (same and same.not_found_since) or today,
        home=hashes(patron, passport.copy) if patron else (same.home if same else {}),
    )


def _news(
    asked: Mapping[int, Asked],
    changed: Mapping[int, Difference],
    before: Mapping[int, Memory],
    memory: Mapping[int, Memory],
) -> Iterable[Noted]:
    """What our log tells of this refresh."""
    for number, each in asked.items():
        noted = partial(Noted, server=each.server.name, patron=number)
        change, was = changed.get(number), before.get(number)
        if change and change.changes:
            yield noted(what="refreshed", columns=tuple(change.changes))
        if change and change.restriction:
            yield noted(what=WORDS[type(change.restriction)])
        was_gone = bool(was and was.not_found_since)
        is_gone = bool(memory[number].not_found_since) if number in memory else was_gone
        if was_gone != is_gone:
            yield noted(what="not_found" if is_gone else "found_again")
