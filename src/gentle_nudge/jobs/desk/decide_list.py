"""Decide about a list: staff approve or reject it, leave patrons out of it, and put them back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import Connection

from gentle_nudge.domain.collections.marks import LEAVES
from gentle_nudge.domain.collections.review import ListRow, ListState, Outcome, ReviewList
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.wish import Wish
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk import keep_back
from gentle_nudge.jobs.desk.deeds import Deed, Desk
from gentle_nudge.jobs.patrons.mark_facts import owed_a_week_later
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.koha.read.borrowers import existing
from gentle_nudge.store import review_lists, runs

SHOW = "gentle-nudge review shows the coming list."


def decide(conn: Connection, wish: Wish, desk: Desk, *, state: ListState) -> Deed:
    """The list is approved (it does not lapse, and no fuse holds it back), or rejected, for the reason given."""
    chosen = list_of(conn, wish, desk)
    about = f"The list for {chosen.for_day} of section {chosen.section} is {state}"
    if chosen.state is state:
        return Deed(answer=f"{about} already.", do=lambda _conn: None)

    def do(conn: Connection) -> None:
        review_lists.set_state(conn, [chosen.id], state, reason=wish.reason, who=wish.who, at=desk.moment.now)

    return Deed(answer=f"{about}.", do=do)


def list_of(conn: Connection, wish: Wish, desk: Desk) -> ReviewList:
    """The list of the wish's day and section; UserError if there is none, or several, or if it can no longer be used.

    A section is named by any of its names.
    """
    lists = review_lists.of_day(conn, wish.list_day) if wish.list_day else []
    if not lists:
        raise UserError(f"There is no list for {wish.list_day}.", SHOW)
    wanted = {(wish.section or "").casefold()}
    for section in desk.sections:
        if wanted & {name.casefold() for name in section.names}:
            wanted |= {name.casefold() for name in section.names}
    chosen = [each for each in lists if not wish.section or each.section.casefold() in wanted]
    if not chosen:
        raise UserError(f"Section {wish.section} has no list for {wish.list_day}.", SHOW)
    if len(chosen) > 1:
        names = ", ".join(each.section for each in chosen)
        raise UserError(f"Several sections have a list for {wish.list_day}: {names}.", "Name one with --library.")
    if not may_be_used(conn, chosen[0]):
        raise UserError(f"The list for {wish.list_day} is {chosen[0].state} and has ended.", SHOW)
    return chosen[0]


def may_be_used(conn: Connection, each: ReviewList) -> bool:
    """Whether the submission of this list is still to come."""
    return each.may_be_used(runs.last_day(conn, (each.section,), ReportKind.SUBMISSION))


def leave_out(conn: Connection, wish: Wish, desk: Desk) -> Deed:
    """The patron is not referred by the lists the patron stands on; with a last day there is a hold as well."""
    patron = wish.patron or 0
    places = list(_places(conn, wish))
    if not places:
        day = f"the list for {wish.list_day}" if wish.list_day else "an open list"
        raise UserError(
            f"Patron number {patron} is not on {day}.", "Keep somebody back who is on none: gentle-nudge hold"
        )
    changed = {
        each.id: replace(row, outcome=Outcome.LEFT_OUT, why=wish.reason, who=wish.who, at=desk.moment.now)
        for each, row in places
    }
    days = " and ".join(str(each.for_day) for each, _ in places)
    sentences = [f"Patron number {patron} is left out of the list for {days}."]
    if any(leaves_the_window(conn, desk, each, patron) for each, _ in places):
        sentences.append(LEAVES)
    held = keep_back.hold(conn, replace(wish, reason="other", note=wish.reason), desk) if wish.until else None

    def do(conn: Connection) -> None:
        _write(conn, changed)
        if held:
            held.do(conn)

    return Deed(answer=" ".join([*sentences, *([held.answer] if held else [])]), do=do)


def put_back(conn: Connection, wish: Wish, desk: Desk) -> Deed:  # noqa: ARG001 - as all deeds
    """The patron is referred after all, if nothing else speaks against it on the day."""
    left_out = [(each, row) for each, row in _places(conn, wish) if row.outcome is Outcome.LEFT_OUT]
    if not left_out:
        raise UserError(f"Patron number {wish.patron} is not left out of an open list.", SHOW)
    days = " and ".join(str(each.for_day) for each, _ in left_out)
    changed = {each.id: replace(row, outcome=Outcome.LISTED, why=None, who=None, at=None) for each, row in left_out}
    answer = f"Patron number {wish.patron} is back on the list for {days}."
    return Deed(answer=answer, do=lambda conn: _write(conn, changed))


def _places(conn: Connection, wish: Wish) -> Iterator[tuple[ReviewList, ListRow]]:
    """The lists that the patron stands on and that can still be used: those of the wish's day, or else all."""
    for each, row in review_lists.with_patron(conn, wish.patron or 0):
        is_meant = wish.list_day in {None, each.for_day} and wish.section in {None, each.section}
        if is_meant and each.state is not ListState.REJECTED and may_be_used(conn, each):
            yield each, row


def _write(conn: Connection, changed: dict[int, ListRow]) -> None:
    for list_id, row in changed.items():
        review_lists.set_row(conn, list_id, row)


def leaves_the_window(conn: Connection, desk: Desk, chosen: ReviewList, patron: int) -> bool:
    """Whether by today's facts the patron would not owe enough in the window a week after the list's day."""
    section = next((each for each in desk.sections if chosen.section in each.names), None)
    if section is None or patron not in existing(conn, [patron]):
        return False
    ahead, records = replace(desk.moment, day=chosen.for_day), read_records(conn, section)
    later = owed_a_week_later(conn, section, ahead, [patron], records=records)
    return any(owed < section.policy.threshold for owed in later.values())
