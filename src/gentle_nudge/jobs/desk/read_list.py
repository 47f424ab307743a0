"""Read a list that staff have edited: all of its file is done, or nothing."""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from gentle_nudge.domain.collections.edited_list import (
    AS_A_FLOAT,
    REWRITTEN,
    EditedRow,
    FileFault,
    FileName,
    edited_rows,
    is_same_card,
)
from gentle_nudge.domain.collections.review import ListRow, ListState, Outcome, ReviewList
from gentle_nudge.domain.wish import Door, Wish
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.decide_list import may_be_used
from gentle_nudge.jobs.desk.deeds import Desk
from gentle_nudge.jobs.desk.take_wishes import ask_all, plan_of
from gentle_nudge.koha.read import borrowers
from gentle_nudge.store import review_lists, wishes


@dataclass(frozen=True, kw_only=True, slots=True)
class EditedFile:
    """A file with its name, its bytes and its owner."""

    name: str
    content: bytes
    owner: str

    def origin(self, line: int) -> str:
        """Where a wish of this line comes from: the same file asks once."""
        return hashlib.sha256(b"\0".join((self.name.encode(), self.content, str(line).encode()))).hexdigest()


def edited_file(path: Path, *, may_decide: Callable[[int], bool] = lambda _uid: True) -> EditedFile:
    """The file at this path; UserError if it is no plain file, too large to be a list, or its owner may not decide.

    Symbolic links are not followed, and nothing that is refused is read.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
        status = os.fstat(opened.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            raise UserError("This is no plain file of at most 1 MiB.", "Save the list as a CSV file.")
        if not may_decide(status.st_uid):
            raise UserError("The owner of the file may not decide about lists.", "See group in [staff].")
        return EditedFile(name=path.name, content=opened.read(), owner=login_of(status.st_uid))


def login_of(uid: int) -> str:
    """The login name of this user; the number where nobody knows the name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Edited:
    """A file, the list it is of with its rows by patron, and what stands in the file about each patron."""

    file: EditedFile
    of: ReviewList
    rows: Mapping[int, ListRow]
    decided: Mapping[int, EditedRow]
    is_approved: bool

    def wishes(self, desk: Desk) -> Iterator[tuple[int, Wish]]:
        """The wishes of the file, each with its line; what the list says already is none."""
        wish = partial(
            Wish,
            door=Door.FILE,
            section=self.of.section,
            list_day=self.of.for_day,
            who=self.file.owner,
            at=desk.moment.now,
        )
        for number, row in self.decided.items():
            known, origin = self.rows[number], self.file.origin(row.line)
            says_already = known.outcome is Outcome.LEFT_OUT and known.why == row.reason and row.until is None
            if row.is_left_out and not says_already:
                about = wish(origin=origin, what="leave_out", patron=number, reason=row.reason, until=row.until)
                yield row.line, about
        if self.is_approved:
            yield APPROVAL, wish(origin=self.file.origin(APPROVAL), what="approve")


APPROVAL = 0  # no line of a file
LARGEST = 2**20


def read_list(conn: Connection, file: EditedFile, desk: Desk, *, dry_run: bool = False) -> list[str]:
    """The answers to all wishes of the file, which are done; none if it was read before.

    UserError with what is wrong, and nothing is done, for any fault.
    """
    try:
        asked = _asked(conn, _read(conn, file), desk)
    except FileFault as fault:
        raise UserError(fault.text, "Nothing of the file was done. Mend it, and save it again.") from fault
    return ask_all(conn, asked, desk, dry_run=dry_run)


def _read(conn: Connection, file: EditedFile) -> Edited:
    """The file, read; FileFault for the first thing that is wrong."""
    edited = tuple(edited_rows(file.content))
    chosen, is_approved = _list_of(conn, FileName.parse(file.name))
    rows = review_lists.rows(conn, chosen.id)
    decided: dict[int, EditedRow] = {}
    for row, number in _found(edited, borrowers.cards(conn, rows)):
        if number in decided:
            raise FileFault(f"patron number {number} is in the file twice.", row.line)
        decided[number] = row
    return Edited(file=file, of=chosen, rows=rows, decided=decided, is_approved=is_approved)


def _asked(conn: Connection, edited: Edited, desk: Desk) -> list[Wish]:
    """The wishes that nobody has asked before; FileFault if one of them cannot be done."""
    asked = [(line, wish) for line, wish in edited.wishes(desk) if not wishes.is_known(conn, wish)]
    of, missing = edited.of, len(edited.rows) - len(edited.decided)
    if asked and (of.state is not ListState.OPEN or not may_be_used(conn, of)):
        raise FileFault(f"The list for {of.for_day} is {of.state}: nothing can be decided about it in a file.")
    if asked and edited.is_approved and missing:
        patrons = counted(len(edited.rows), "patron")
        raise FileFault(f"{len(edited.decided)} of {patrons}: write leave out beside whom you keep back.")
    for line, wish in asked:
        try:
            plan_of(conn, wish, desk)
        except UserError as refusal:
            raise FileFault(refusal.text, line or None) from refusal
    return [wish for _, wish in asked]


def _list_of(conn: Connection, name: FileName) -> tuple[ReviewList, bool]:
    """The list that the file is of, and whether its name says approved."""
    lists = {each.section.casefold(): each for each in review_lists.of_day(conn, name.day)}
    for section, is_approved in name.readings:
        if section.casefold() in lists:
            return lists[section.casefold()], is_approved
    raise FileFault(f"There is no list for {name.day} of the section that the name says.")


def _found(edited: Iterable[EditedRow], cards: Mapping[int, str | None]) -> Iterator[tuple[EditedRow, int]]:
    """Each row with its patron, who is on the list."""
    by_card = {card: number for number, card in cards.items() if card}
    for row in edited:
        number = row.number
        if number is None:
            same = [patron for card, patron in by_card.items() if row.card and is_same_card(row.card, card)]
            number = by_card.get(row.card)
            if number is None and AS_A_FLOAT.fullmatch(row.card):
                raise FileFault(REWRITTEN.format("card"), row.line)
            number = number or (same[0] if len(same) == 1 else None)
        if number is None or number not in cards:
            raise FileFault(f"nobody on the list has this {'card' if row.card else 'number'}.", row.line)
        if not is_same_card(row.card, cards[number]):
            raise FileFault(f"the card is not that of patron number {number}.", row.line)
        yield row, number
