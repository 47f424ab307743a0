"""Questions about a loan, and their answers: its road, the rules it is ruled by, and what contradicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from functools import cache

from sqlalchemy import Connection

from gentle_nudge.domain.circulation.contradictions import Contradictions, Narrowing, contradictions
from gentle_nudge.domain.circulation.event import Road
from gentle_nudge.domain.circulation.loan import Combination, Loan, NotComputed
from gentle_nudge.domain.circulation.long_overdue import LongOverdueJob
from gentle_nudge.domain.circulation.precedence import RulesOfLoan, rules_of
from gentle_nudge.domain.circulation.snapshot import Courtesy, Snapshot
from gentle_nudge.domain.circulation.walk import walk
from gentle_nudge.domain.collections.policy import Policy
from gentle_nudge.domain.money import ZERO
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.timeline.read_snapshot import read_snapshot
from gentle_nudge.jobs.timeline.systems import Borrower, other_systems
from gentle_nudge.koha.read import circulation_codes, message_preferences


@dataclass(frozen=True, kw_only=True, slots=True)
class LoanQuestion:
    """What is asked: codes as they were typed; of `due` and `checkout` one. `patron` is a number."""

    library: str
    itemtype: str
    category: str = ""
    item_library: str = ""
    patron_library: str = ""
    checkout: date | None = None
    due: date | None = None
    price: Decimal = ZERO
    returned: date | None = None
    paid: Decimal | None = None
    other_overdue: Decimal | None = None
    patron: int | None = None


@dataclass(frozen=True, kw_only=True)
class RoadAnswer:
    """The road of a loan, with what it was made of; `policy` is None if no section would refer it."""

    loan: Loan
    road: Road
    snapshot: Snapshot
    job: LongOverdueJob
    policy: Policy | None


def road_of(conn: Connection, library: Library, question: LoanQuestion) -> RoadAnswer:
    """The road of the loan; UserError for codes that Koha does not have, and where it cannot be walked."""
    snapshot = _snapshot(conn, library)
    loan = loan_of(conn, snapshot, question)
    systems = other_systems(conn, library, snapshot.letters)
    borrower = systems.borrower(loan.category, loan.patron_library, loan.item_library)
    job, submissions = library.settings.timeline.job, systems.submissions(borrower)
    try:
        road = walk(snapshot, loan, job, submissions, reminders=systems.reminders(borrower))
    except NotComputed as trouble:
        raise refusal(trouble) from trouble
    section = systems.section_of(borrower) if submissions.section else None
    return RoadAnswer(loan=loan, road=road, snapshot=snapshot, job=job, policy=section.policy if section else None)


def rules_for(conn: Connection, library: Library, question: LoanQuestion) -> tuple[Loan, RulesOfLoan]:
    """The loan, and every rule and preference that has a say in it."""
    snapshot = _snapshot(conn, library)
    loan = loan_of(conn, snapshot, question)
    return loan, rules_of(snapshot, loan)


def what_contradicts(conn: Connection, library: Library, day: date, wanted: Narrowing) -> Contradictions:
    """What contradicts, in all combinations that occur, or in those that the wanted codes leave."""
    snapshot = _snapshot(conn, library, with_loans=True)
    narrowing = Narrowing(
        library=wanted.library and known("library", wanted.library, snapshot.branches),
        category=wanted.category and known("patron category", wanted.category, snapshot.categories),
        itemtype=wanted.itemtype and known("item type", wanted.itemtype, snapshot.itemtypes),
    )
    return _contradictions(conn, library, snapshot, day=day, narrowing=narrowing)


def contradictions_for_check(conn: Connection, library: Library, day: date) -> Contradictions | None:
    """The same for `check`; None without circulation rules."""
    snapshot = read_snapshot(conn, library, with_loans=True)
    return _contradictions(conn, library, snapshot, day=day) if snapshot.rules else None


def _contradictions(
    conn: Connection, library: Library, snapshot: Snapshot, *, day: date, narrowing: Narrowing | None = None
) -> Contradictions:
    systems = other_systems(conn, library, snapshot.letters)

    @cache
    def borrower(each: Combination) -> Borrower:
        return systems.borrower(each.category, each.library, each.library)

    try:
        return contradictions(
            snapshot,
            day,
            library.settings.timeline.job,
            lambda each: systems.submissions(borrower(each)),
            reminders=lambda each: systems.reminders(borrower(each)),
            narrowing=narrowing,
        )
    except NotComputed as trouble:
        raise refusal(trouble) from trouble


def _snapshot(conn: Connection, library: Library, *, with_loans: bool = False) -> Snapshot:
    snapshot = read_snapshot(conn, library, with_loans=with_loans)
    if not snapshot.rules:
        raise UserError(
            "Koha has no circulation rules, or this database user may not read them.",
            "Is it the database of a Koha that lends? The rights of the user: gentle-nudge grants",
        )
    return snapshot


def refusal(trouble: NotComputed) -> UserError:
    """What cannot be computed, as sentences of the command."""
    sentence, hint = (f"{text[:1].upper()}{text[1:]}." if text else "" for text in (str(trouble), trouble.hint))
    return UserError(sentence, hint)


def loan_of(conn: Connection, snapshot: Snapshot, question: LoanQuestion) -> Loan:
    """The loan with Koha's spelling of the codes, and with what Koha knows of the patron; UserError if it lacks one."""
    library = known("library", question.library, snapshot.branches)
    category, patron_library, expires = question.category, question.patron_library or library, None
    other_overdue = question.other_overdue
    if question.patron is not None:
        member = circulation_codes.membership(conn, question.patron)
        if member is None:
            raise UserError("Koha has no patron with this card.", "A patron without a card is found as number:123.")
        patron_library, category, expires = member
        if other_overdue is None:
            other_overdue = circulation_codes.overdue_fines(conn, question.patron)
    category = known("patron category", category, snapshot.categories)
    return Loan(
        library=library,
        item_library=known("library", question.item_library or library, snapshot.branches),
        patron_library=known("library", patron_library, snapshot.branches),
        category=category,
        itemtype=known("item type", question.itemtype, snapshot.itemtypes),
        checkout=question.checkout,
        due=question.due,
        price=question.price,
        returned=question.returned,
        paid=question.paid,
        other_overdue=other_overdue or ZERO,
        patron=question.patron,
        expires=expires,
        courtesies=_courtesies(conn, category, question.patron),
    )


def _courtesies(conn: Connection, category: str, patron: int | None) -> tuple[Courtesy, ...]:
    if patron is None:
        return message_preferences.of_category(conn, category)
    return message_preferences.of_patron(conn, patron)


def known(what: str, code: str, codes: Iterable[str]) -> str:
    """The code as Koha spells it; UserError, maybe with the one that is meant, if Koha does not have it."""
    spelled, typed = {each.casefold(): each for each in codes}, code.strip().casefold()
    if typed in spelled:
        return spelled[typed]
    near = get_close_matches(typed, spelled, n=1)
    meant = f"; did you mean {spelled[near[0]]}?" if near else "."
    raise UserError(f"Koha has no {what} {code}{meant}", f"They are: {', '.join(sorted(spelled.values()))}.")
