"""The values of each night's page, as JSON without cards, names and deliveries."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, delete, func, insert, select

from gentle_nudge.store.tables import night


@dataclass(frozen=True, kw_only=True, slots=True)
class NightValues:
    """A row of `gentle_nudge_night`; the values were last changed at `made`."""

    id: int
    section: str
    day: date
    made: datetime
    content: dict[str, Any]


def of_day(conn: Connection, section: str, day: date) -> NightValues | None:
    """The values of this night; None if there are none."""
    return next(iter(_nights(conn, night.c.section == section, night.c.day == day)), None)


def last(conn: Connection, sections: Collection[str]) -> NightValues | None:
    """The latest night of a section with these names."""
    return next(iter(_nights(conn, night.c.section.in_(sections), most=1)), None)


def needs_before(conn: Connection, sections: Collection[str], day: date) -> list[dict[str, Any]]:
    """What needed a person in the latest night before this day; the database cuts it out of the other values."""
    needs = func.json_extract(night.c.content, "$.needs_a_person", type_=Text())
    earlier = select(needs).where(night.c.section.in_(sections), night.c.day < day)
    found: str | None = conn.scalar(earlier.order_by(night.c.day.desc(), night.c.id.desc()).limit(1))
    return json.loads(found) if found else []


def made_before(conn: Connection, sections: Collection[str], day: date) -> datetime | None:
    """When the values of the latest night before this day were last changed; None if there are none."""
    made: datetime | None = conn.scalar(
        select(func.max(night.c.made)).where(night.c.section.in_(sections), night.c.day < day)
    )
    return made


def between(conn: Connection, sections: Collection[str], first: date, until: date) -> list[NightValues]:
    """The nights of these days, both included, latest first."""
    return _nights(conn, night.c.section.in_(sections), night.c.day >= first, night.c.day <= until)


def keep(conn: Connection, section: str, day: date, content: dict[str, Any], *, now: datetime) -> None:
    """These are the values of the night, in the place of earlier ones."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    conn.execute(delete(night).where(night.c.section == section, night.c.day == day))
    conn.execute(insert(night).values(section=section, day=day, content=text, made=now))


def prune(conn: Connection, *, before: date) -> None:
    """The values of earlier nights are gone."""
    conn.execute(delete(night).where(night.c.day < before))


def _nights(conn: Connection, *which: ColumnElement[bool], most: int | None = None) -> list[NightValues]:
    rows = conn.execute(select(night).where(*which).order_by(night.c.day.desc(), night.c.id.desc()).limit(most))
    return [NightValues(**{**row, "content": json.loads(row["content"])}) for row in rows.mappings()]
