"""Restrictions made and lifted, and their summary in `borrowers`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from gentle_nudge.domain.actions import LiftRestriction, MoveRestriction, Restrict
from gentle_nudge.koha.koha_tables import borrower_debarments, borrowers
from gentle_nudge.koha.write.new_rows import BY_NUMBER, NewRows, Values, alike, insert_for_patrons
from gentle_nudge.sqltypes import a_thousand_at_a_time, among

FOR_EVER = date(9999, 12, 31)
COMMENT_LENGTH = 255


def restrict(conn: Connection, actions: Sequence[Restrict], now: datetime) -> NewRows | None:
    """Every patron has the restriction (Koha: AddDebarment); None: there were no actions."""
    made = NewRows.from_now_on(conn, borrower_debarments.c.borrower_debarment_id) if actions else None
    for action, numbers in alike(actions):
        values: Values = {"type": action.type, "comment": action.comment, "created": now.replace(microsecond=0)}
        if action.until:
            values = {**values, "expiration": action.until}
        insert_for_patrons(conn, borrower_debarments, values, numbers)
    return made


def move(conn: Connection, actions: Iterable[MoveRestriction], now: datetime) -> None:
    """The restrictions end on their new days (Koha: ModDebarment, which would also forget when they were made)."""
    block = borrower_debarments.c
    for action in actions:
        values = {"expiration": action.until, "updated": now.replace(microsecond=0), "created": block.created}
        conn.execute(
            update(borrower_debarments).where(block.borrower_debarment_id == action.restriction.id).values(values)
        )


def lift(conn: Connection, actions: Sequence[LiftRestriction]) -> None:
    """The restrictions are deleted; it is no error if one is deleted already (Koha: DelDebarment)."""
    for chunk in a_thousand_at_a_time(actions):
        ids = [action.restriction.id for action in chunk]
        conn.execute(delete(borrower_debarments).where(among(borrower_debarments.c.borrower_debarment_id, ids)))


def refresh_debarred(conn: Connection, numbers: Iterable[int], today: date) -> None:
    """`debarred` and `debarredcomment` follow from the active restrictions (UpdateBorrowerDebarmentFlags).

    They are the latest expiry, and the comments in order, cut to the column.
    """
    who, block = borrowers.c.borrowernumber, borrower_debarments.c
    unordered = func.aggregate_strings(block.comment, "\n")
    in_order = unordered.aggregate_order_by(block.borrower_debarment_id)
    # SQLite before 3.44 knows no order but that of the rows, which here is the same.
    comments = unordered if conn.dialect.name == "sqlite" else in_order
    active = and_(block.borrowernumber == who, or_(block.expiration.is_(None), block.expiration > today))
    until = func.max(func.coalesce(block.expiration, FOR_EVER))
    values = {
        "debarred": select(until).where(active).scalar_subquery(),
        "debarredcomment": select(func.substr(comments, 1, COMMENT_LENGTH)).where(active).scalar_subquery(),
    }
    for chunk in a_thousand_at_a_time(sorted(set(numbers))):
        conn.execute(update(borrowers).with_hint(BY_NUMBER).where(among(who, chunk)).values(values))
