"""Questions about a loan, and their answers: its road, the rules it is ruled by, and what contradicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from functools import cache

from sqlalchemy import Connection

from gentle_nudge.domain.circulation.contradictions import EVERY, Contradictions, contradictions
from gentle_nudge.domain.circulation.loan import Combination, Loan, NotComputed
from gentle_nudge.domain.circulation.precedence import LoanRules
from gentle_nudge.domain.circulation.snapshot import INSTALLED, Snapshot
from gentle_nudge.domain.circulation.terms import RoadTerms
from gentle_nudge.domain.circulation.walk import Road, walk
from gentle_nudge.domain.finding import Finding
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.timeline.systems import Borrower, other_systems
from gentle_nudge.koha.inspect.open_loans import open_loans
from gentle_nudge.koha.koha_tables import circulation_rules as rules_table
from gentle_nudge.koha.koha_tables import columns_of
from gentle_nudge.koha.read import circulation_codes, circulation_rules, holidays, message_preferences
from gentle_nudge.koha.read.administration import stored_preferences


class NoRules(UserError):
    """Koha has no circulation rules, or none that this database user may read (exit 2)."""


def road_of(conn: Connection, library: Library, asked: Loan) -> Road:
    """The road of the loan; UserError for codes that Koha does not have, and where it cannot be walked."""
    snapshot = read_snapshot(conn, library)
    loan = loan_of(conn, snapshot, asked)
    systems = other_systems(conn, library, snapshot)
    borrower = systems.borrower(loan.category, loan.patron_library, loan.item_library)
    try:
        terms = RoadTerms.of(snapshot, loan, library.settings.timeline.job)
        return walk(terms, systems.submissions(borrower), systems.reminders(borrower))
    except NotComputed as trouble:
        sentence, hint = (f"{text[:1].upper()}{text[1:]}." if text else "" for text in (str(trouble), trouble.hint))
        raise UserError(sentence, hint) from trouble


def rules_for(conn: Connection, library: Library, asked: Loan) -> LoanRules:
    """The rules and preferences that have a say in the loan."""
    snapshot = read_snapshot(conn, library)
    return LoanRules(snapshot=snapshot, loan=loan_of(conn, snapshot, asked))


def what_contradicts(conn: Connection, library: Library, day: date, wanted: Combination = EVERY) -> Contradictions:
    """What contradicts, in all combinations that occur, or in those of the wanted codes; an empty one is for every."""
    snapshot = read_snapshot(conn, library, with_loans=True)
    wanted = Combination(
        library=wanted.library and known("library", wanted.library, snapshot.branches),
        category=wanted.category and known("patron category", wanted.category, snapshot.categories),
        itemtype=wanted.itemtype and known("item type", wanted.itemtype, snapshot.itemtypes),
    )
    systems = other_systems(conn, library, snapshot)

    @cache
    def borrower(each: Combination) -> Borrower:
        return systems.borrower(each.category, each.library, each.library)

    return contradictions(
        snapshot,
        day,
        library.settings.timeline.job,
        lambda each: systems.submissions(borrower(each)),
        reminders=lambda each: systems.reminders(borrower(each)),
        wanted=wanted,
    )


def circulation(conn: Connection, library: Library, day: date) -> Iterator[Finding]:
    """What contradicts on the roads of loans, for `check`; nothing without circulation rules."""
    with suppress(NoRules):
        yield from (each.as_finding for each in what_contradicts(conn, library, day).found)


def read_snapshot(conn: Connection, library: Library, *, with_loans: bool = False) -> Snapshot:
    """Everything that the road of a loan asks of Koha; NoRules if there are none."""
    rules = circulation_rules.rules(conn) if columns_of(conn, rules_table) else ()
    if not rules:
        raise NoRules(
            "Koha has no circulation rules, or this database user may not read them.",
            "Is it the database of a Koha that lends? The rights of the user: gentle-nudge grants",
        )
    libraries, in_tables = circulation_codes.libraries(conn), circulation_rules.has_trigger_tables(conn)
    spelled = {code.casefold(): code for code in libraries}  # the calendar's codes may differ in letter case
    return Snapshot(
        rules=rules,
        layout="overduerules" if in_tables else "circulation_rules",
        triggers=tuple(circulation_rules.triggers(conn)) if in_tables else (),
        preferences=stored_preferences(conn, INSTALLED),
        closures={spelled.get(code.casefold(), code): days for code, days in holidays.closures(conn).items()},
        branches=libraries,
        categories=circulation_codes.patron_categories(conn),
        itemtypes=circulation_codes.item_types(conn),
        letters=circulation_codes.letters(conn),
        restricting=circulation_codes.restricting_types(conn),
        fines_by_plugin=library.runs_plugins and circulation_codes.has_fine_plugin(conn),
        open_loans=open_loans(conn) if with_loans else (),
    )


def loan_of(conn: Connection, snapshot: Snapshot, asked: Loan) -> Loan:
    """The loan with Koha's spelling of the codes, and with what Koha knows of the patron; UserError if it lacks one.

    Without a library of item or patron the library of the check-out is meant.
    """
    library, number = known("library", asked.library, snapshot.branches), asked.patron
    of_patron, category, expires = asked.patron_library or library, asked.category, None
    overdue = asked.other_overdue
    if number is not None:
        member = circulation_codes.membership(conn, number)
        if member is None:
            raise UserError("Koha has no patron with this card.", "A patron without a card is found as number:123.")
        of_patron, category, expires = member
        overdue = circulation_codes.overdue_fines(conn, number) if overdue is None else overdue
    category = known("patron category", category, snapshot.categories)
    ahead = message_preferences
    return replace(
        asked,
        library=library,
        item_library=known("library", asked.item_library or library, snapshot.branches),
        patron_library=known("library", of_patron, snapshot.branches),
        category=category,
        itemtype=known("item type", asked.itemtype, snapshot.itemtypes),
        other_overdue=overdue,
        expires=expires,
        courtesies=ahead.of_category(conn, category) if number is None else ahead.of_patron(conn, number),
    )


def known(what: str, code: str, codes: Iterable[str]) -> str:
    """The code as Koha spells it; UserError, maybe with the one that is meant, if Koha does not have it."""
    spelled, typed = {each.casefold(): each for each in codes}, code.strip().casefold()
    if typed in spelled:
        return spelled[typed]
    near = get_close_matches(typed, spelled, n=1)
    meant = f"; did you mean {spelled[near[0]]}?" if near else "."
    raise UserError(f"Koha has no {what} {code}{meant}", f"They are: {', '.join(sorted(spelled.values()))}.")
