"""Who is on hold, and who was."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from sqlalchemy import Connection

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.ledger import Ownership
from gentle_nudge.koha.read import accountlines, borrowers
from gentle_nudge.store import cases, holds, meta
from gentle_nudge.views.hold_view import ListedHold


def listed(conn: Connection, *, ended_too: bool, sections: Collection[str] | None, day: date) -> Iterator[ListedHold]:
    """The holds in force on this day, oldest first, with `ended_too` all others as well.

    Of these `sections` only (None: of all); a hold for all sections is one of every section.
    """
    meta.ready(conn)
    chosen = [
        each
        for each in (holds.all_holds(conn) if ended_too else holds.open_holds(conn))
        if (ended_too or each.is_in_force(day)) and (sections is None or each.section in {None, *sections})
    ]
    numbers = {each.patron for each in chosen}
    cards = borrowers.contacts(conn, numbers, ("cardnumber",))
    balances = accountlines.balances(conn, Ownership(), numbers)
    for each in chosen:
        of_patron = cases.find(conn, patron=each.patron)
        open_cases = (case for case in of_patron if case.state is CaseState.OPEN and case.patron == each.patron)
        is_here = each.patron in cards
        yield ListedHold(
            hold=each,
            card=cards[each.patron]["cardnumber"] if is_here else None,
            case=next((case for case in open_cases if each.section in {None, case.section}), None),
            balance=balances.get(each.patron) if is_here else None,
        )
