"""Our tables made, and upgraded step by step from version to version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import update

from gentle_nudge.store.meta import SCHEMA_VERSION, _unfit, read_meta
from gentle_nudge.store.tables import meta, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """How tables become those of `version`; it looks before it changes, so that it may be repeated."""

    version: int
    change: Callable[[Connection], None]


STEPS: tuple[Step, ...] = ()


def create_or_upgrade(conn: Connection, steps: Sequence[Step] = STEPS) -> None:
    """All our tables are there and of this program's version; the row of meta is written by `write_meta`.

    MariaDB commits at each change by itself, so everything may be repeated after a crash at any point: what is
    missing is created, and the version is noted after its step. Without a row the tables may be of any age.
    """
    known = read_meta(conn)
    if known is not None and known.schema_version > SCHEMA_VERSION:
        raise _unfit(known)
    metadata.create_all(conn)
    for step in steps:
        if known is None or step.version > known.schema_version:
            step.change(conn)
            conn.execute(update(meta).values(schema_version=step.version))
