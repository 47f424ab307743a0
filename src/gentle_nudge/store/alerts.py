"""Alerts: one of each kind and day."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection


def first_today(conn: Connection, *, kind: str, day: date, now: datetime) -> bool:
    """Whether this is the first alert of the kind on this day; it is noted as sent."""
    raise NotImplementedError
