"""Alerts: one of each kind and day."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from gentle_nudge.store.tables import alert


def first_today(conn: Connection, *, kind: str, day: date, now: datetime) -> bool:
    """Whether this is the first alert of the kind on this day; it is noted as sent."""
    try:
        conn.execute(insert(alert).values(kind=kind, day=day, at=now))
    except IntegrityError:
        return False
    return True
