"""Duplicates: the same person referred by two libraries, as cases here and flags at home show it."""

from __future__ import annotations

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.passport.difference import home_of
from gentle_nudge.domain.passport.results import Duplicates
from gentle_nudge.domain.passport.same_person import Duplicate, OpenCaseOf, duplicates
from gentle_nudge.domain.passport.terms import PassportServer
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.passport.homes import ask_homes, passport_of, refuse_misfits
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.koha.read import passported
from gentle_nudge.store import cases, meta


def find_duplicates(library: Library, moment: Moment) -> Duplicates:
    """Everybody with an open case who is in the collections of another library, too; nothing is written."""
    passport = passport_of(library)
    with read_only(library.engine) as conn:
        refuse_misfits(conn, passport)
        meta.ready(conn)
        listed = cases.listed(conn, states=[CaseState.OPEN])
        people = passported.people(conn, [case.patron for case in listed if case.patron])
        here = passported.passported(conn, passport.attribute, people, ())
    of_cases = [
        OpenCaseOf(
            number=case.patron,
            section=case.section,
            referred_on=case.referred_on,
            card=people[case.patron].cardnumber,
            surname=people[case.patron].surname,
            firstname=people[case.patron].firstname,
            born=people[case.patron].dateofbirth,
        )
        for case in listed
        if case.patron in people
    ]
    homes = {number: home_of(patron, passport) for number, patron in here.items()}
    questions = {
        number: (home, (here[number].card or "").strip())
        for number, home in homes.items()
        if isinstance(home, PassportServer) and home.flag
    }
    answers = ask_homes(passport, questions, moment.today)
    first = {case.number: case for case in reversed(of_cases)}
    flagged = [
        Duplicate(because="flag_at_home", case=first[number], other_server=answer.server.name)
        for number, answer in answers.items()
        if answer.patron and answer.patron.is_flagged
    ]
    return Duplicates(
        found=sorted([*duplicates(of_cases), *flagged], key=lambda each: each.rank),
        failed={number: answer for number, answer in answers.items() if answer.outcome.is_failure},
    )
