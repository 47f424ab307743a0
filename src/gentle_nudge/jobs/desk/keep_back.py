"""Keep back: staff put patrons on hold, and let them go on."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from gentle_nudge.domain.hold import REASONS, WITHOUT_END, Hold, HoldEnd, HoldSource
from gentle_nudge.domain.wish import Door, Wish
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.deeds import Deed, Desk
from gentle_nudge.koha.read import borrowers
from gentle_nudge.store import holds


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
    patron = patron_of(conn, wish)
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


def patron_of(conn: Connection, wish: Wish) -> int:
    """The patron of the wish; UserError if Koha has none with this number."""
    number = wish.patron or 0
    if number not in borrowers.existing(conn, [number]):
        raise UserError(f"Koha has no patron with the number {number}.")
    return number
