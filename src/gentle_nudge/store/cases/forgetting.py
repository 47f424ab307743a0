"""How cases lose the person and keep the sums."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection


def closed_before(conn: Connection, day: date) -> list[int]:
    """The cases closed on an earlier day and not yet forgotten."""
    raise NotImplementedError


def names_no_longer_needed(conn: Connection) -> list[int]:
    """The cases of deleted patrons that still hold a name or card although their last row has arrived everywhere."""
    raise NotImplementedError


def forget_names(conn: Connection, cases: Iterable[int]) -> None:
    """Name and card have left these cases, open or closed."""
    raise NotImplementedError


def forget(conn: Connection, cases: Iterable[int], now: datetime) -> None:
    """Patron, number, name, card, lines, and the ids that lead to Koha's rows have left those that are closed."""
    raise NotImplementedError
