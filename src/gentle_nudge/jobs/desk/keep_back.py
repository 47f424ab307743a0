"""Keep back: staff put patrons on hold, let them go on, and see who is kept back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date

from sqlalchemy import Connection

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.hold import REASONS, WITHOUT_END, Hold, HoldEnd, HoldSource
from gentle_nudge.domain.ledger import Ownership
from gentle_nudge.domain.wish import Door, Wish
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.deeds import Deed, Desk
from gentle_nudge.koha.read import accountlines, borrowers
from gentle_nudge.store import cases, holds, meta
from gentle_nudge.views.hold_view import ListedHold


def hold(conn: Connection, wish: Wish, desk: Desk) -> Deed:
    """Keep the patron back for a reason, until a day; it replaces what a person has said before."""
    if wish.reason not in REASONS:
        raise UserError("That is no reason for a hold.", f"The reasons are: {', '.join(REASONS)}.")
    if wish.until is None and wish.reason not in WITHOUT_END:
        raise UserError(
            f"A hold for the reason {wish.reason} needs a last day.",
            f"Give one; only {' and '.join(WITHOUT_END)} may have none.",
        )
    if wish.until is not None and wish.until < desk.moment.day:
        raise UserError(f"The hold would end on {wish.until}, before today ({desk.moment.day}).", "Give a later day.")
    patron = wish.patron or 0
    if patron not in borrowers.existing(conn, [patron]):
        raise UserError(f"Koha has no patron with the number {patron}.")
    new = Hold(
        patron=patron,
        reason=wish.reason or "",
        note=wish.note,
        until=wish.until,
        source=HoldSource.FILE if wish.door == Door.FILE else HoldSource.COMMAND,
        who=wish.who,
    )
    before = [each for each in holds.of_patron(conn, patron) if each.ended is None and each.is_by_person]

    def do(conn: Connection) -> None:
        holds.end(conn, (replace(each, ended_by=HoldEnd.REPLACED) for each in before), desk.moment.now)
        holds.begin(conn, [new], desk.moment.now)

    until = f"until {wish.until}, that day included" if wish.until else "until it is resumed"
    replaced = " It replaces an earlier hold." if before else ""
    return Deed(answer=f"Patron number {patron} is on hold {until} ({wish.reason}).{replaced}", do=do)


def resume(conn: Connection, wish: Wish, desk: Desk) -> Deed:
    """End the patron's holds that a person has made; what stands in Koha's field is ended there."""
    patron = wish.patron or 0
    open_ones = [each for each in holds.of_patron(conn, patron) if each.ended is None]
    by_person = [each for each in open_ones if each.is_by_person]
    in_field = "The hold stands in a field of Koha: empty the field there."
    if not by_person and open_ones:
        raise UserError(f"Patron number {patron} is not on hold by a command.", in_field)
    if not by_person:
        raise UserError(f"Patron number {patron} is not on hold.", "gentle-nudge hold shows everybody who is.")
    still = f" Another one goes on. {in_field}" if len(open_ones) > len(by_person) else ""
    over = [replace(each, ended_by=HoldEnd.RESUME) for each in by_person]
    return Deed(
        answer=f"Patron number {patron} is on hold no more.{still}",
        do=lambda conn: holds.end(conn, over, desk.moment.now),
    )


def on_hold(conn: Connection, *, ended_too: bool, sections: Collection[str] | None, day: date) -> Iterator[ListedHold]:
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
