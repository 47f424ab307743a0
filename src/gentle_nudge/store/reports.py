"""Reports as they were queued, byte for byte, in parts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

from gentle_nudge.domain.plan import Report
from gentle_nudge.domain.queue import Stored

if TYPE_CHECKING:
    from sqlalchemy import Connection


def save(
    conn: Connection, *, run: int, file_name: str, subject: str, body: str, chunks: Iterable[bytes], rows: int
) -> Stored:
    """The report is stored with its size and SHA-256; the chunks are read once, one part is held at a time."""
    raise NotImplementedError


def find(
    conn: Connection,
    *,
    report: Report,
    day: date,
    sections: Collection[str] | None = None,
    number: int | None = None,
) -> list[Stored]:
    """The reports of this kind and day, oldest first; of all sections unless some are named."""
    raise NotImplementedError


def get(conn: Connection, report: int) -> Stored:
    """The report with this id; ToBeMended when there is none."""
    raise NotImplementedError


def content(conn: Connection, report: int) -> Iterator[bytes]:
    """The bytes, part by part, each read when asked for; none when pruned."""
    raise NotImplementedError


def prune(conn: Connection, *, before: date, today: date) -> list[Stored]:
    """The bytes of reports of earlier days are gone, never of one with an undelivered delivery; these they were."""
    raise NotImplementedError


def holding(conn: Connection, numbers: Collection[int]) -> list[Stored]:
    """The stored reports with a row of one of these borrowernumbers (as reported), oldest first."""
    raise NotImplementedError
