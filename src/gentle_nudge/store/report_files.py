"""Reports as they were queued, byte for byte, in parts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, insert, select, update

from gentle_nudge.domain.outbox import UNDELIVERED, Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import UserError
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import tables
from gentle_nudge.store.tables import fitted, report_part

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row


# The driver sends bytes as text, with a backslash before each quote, NUL and line end: a part of which every byte
# needs one still fits into a packet of 1 MiB, the least that a server may allow by default.
PART = 500_000


LONGEST_ROW_START = len("\n2147483647,")


def save(
    conn: Connection,
    *,
    run: int,
    file_name: str,
    subject: str,
    body: str,
    chunks: Iterable[bytes],
    rows: int,
) -> Stored:
    """The report is stored with its size and SHA-256; the chunks are read once, one part is held at a time."""
    report = tables.report
    texts = {
        "file_name": file_name,
        "subject": fitted(subject, report.c.subject),
        "body": fitted(body, report.c.body),
    }
    new = conn.execute(insert(report).values(run_id=run, rows=rows, size=0, sha256="", **texts))
    (number,) = new.inserted_primary_key or (0,)
    size, sha256 = _save_parts(conn, number, chunks)
    conn.execute(update(report).where(report.c.id == number).values(size=size, sha256=sha256))
    return get(conn, number)


def _save_parts(conn: Connection, report: int, chunks: Iterable[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    for number, part in enumerate(_parts(chunks)):
        digest.update(part)
        size += len(part)
        conn.execute(insert(report_part).values(report_id=report, part=number, bytes=part))
    return size, digest.hexdigest()


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= PART:
            yield bytes(waiting[:PART])
            del waiting[:PART]
    if waiting:
        yield bytes(waiting)


def find(
    conn: Connection,
    *,
    report: ReportKind,
    day: date,
    sections: Collection[str] | None = None,
    number: int | None = None,
) -> list[Stored]:
    """The reports of this kind and day, oldest first; of all sections unless some are named."""
    run = tables.run
    asked = [run.c.report == report, run.c.day == day]
    if sections is not None:
        asked.append(run.c.section.in_(sections))
    if number is not None:
        asked.append(run.c.number == number)
    return _stored(conn, *asked)


def of_runs(conn: Connection, runs: Collection[int]) -> list[Stored]:
    """The reports that these runs made, oldest first."""
    return _stored(conn, tables.report.c.run_id.in_(runs))


def get(conn: Connection, report: int) -> Stored:
    """The report with this id; UserError when there is none."""
    found = _stored(conn, tables.report.c.id == report)
    if not found:
        raise UserError(f"There is no stored report {report}.")
    return found[0]


def content(conn: Connection, report: int) -> Iterator[bytes]:
    """The bytes, part by part, each read when asked for; none when pruned."""
    number = 0
    while (part := conn.scalar(select(report_part.c.bytes).where(*_is_part(report, number)))) is not None:
        yield part
        number += 1


def _is_part(report: int, number: int) -> tuple[ColumnElement[bool], ...]:
    return report_part.c.report_id == report, report_part.c.part == number


def prune(conn: Connection, *, before: date, today: date) -> list[Stored]:
    """The bytes of reports of earlier days are gone, never while a delivery is undelivered; of these they were."""
    report, delivery = tables.report, tables.delivery
    undelivered = exists().where(delivery.c.report_id == report.c.id, delivery.c.state.in_(UNDELIVERED))
    old = _stored(conn, tables.run.c.day < before, report.c.pruned_on.is_(None), ~undelivered)
    for some in a_thousand_at_a_time(stored.id for stored in old):
        conn.execute(delete(report_part).where(report_part.c.report_id.in_(some)))
        conn.execute(update(report).where(report.c.id.in_(some)).values(pruned_on=today))
    return old


def holding(conn: Connection, numbers: Collection[int]) -> list[Stored]:
    """The stored reports with a row of one of these borrowernumbers (as reported), oldest first.

    Reads every report that is not pruned.
    """
    rows = re.compile(rb"\n(?:%s)," % "|".join(map(str, numbers)).encode())
    kept = _stored(conn, tables.report.c.pruned_on.is_(None)) if numbers else []
    return [stored for stored in kept if _holds(content(conn, stored.id), rows)]


def _holds(parts: Iterable[bytes], rows: re.Pattern[bytes]) -> bool:
    before = b""
    for part in parts:
        here = before + part
        if rows.search(here):
            return True
        before = here[-LONGEST_ROW_START:]
    return False


def _stored(conn: Connection, *conditions: ColumnElement[bool]) -> list[Stored]:
    report, run = tables.report, tables.run
    columns = (run.c.section, run.c.report, run.c.day, run.c.number)
    chosen = select(report, *columns).join(run, run.c.id == report.c.run_id).where(*conditions)
    return [_from_row(row) for row in conn.execute(chosen.order_by(report.c.id))]


def _from_row(row: Row[Any]) -> Stored:
    return Stored(
        id=row.id,
        run=row.run_id,
        section=row.section,
        report=ReportKind(row.report),
        day=row.day,
        number=row.number,
        file_name=row.file_name,
        subject=row.subject,
        body=row.body,
        size=row.size,
        rows=row.rows,
        sha256=row.sha256,
        pruned_on=row.pruned_on,
    )
