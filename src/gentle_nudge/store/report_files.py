"""Reports as they were queued, byte for byte, in parts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from itertools import count

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, select, update

from gentle_nudge.domain.outbox import UNDELIVERED, Stored
from gentle_nudge.domain.report_row import TO_AGENCY, ReportKind
from gentle_nudge.errors import GentleNudgeError, UserError
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import tables
from gentle_nudge.store.tables import fitted, report_part

# The driver sends bytes as text, with a backslash before each quote, NUL and line end: a part of which every byte
# needs one still fits into a packet of 1 MiB, the least that a server may allow by default.
PART = 500_000
LONGEST_ROW_START = len('borrowernumber=2147483647"')


def save(
    conn: Connection, *, run: int, file_name: str, subject: str, body: str, chunks: Iterable[bytes], rows: int
) -> Stored:
    """The report is stored with its size and SHA-256; the chunks are read once, one part is in memory at a time."""
    report = tables.report
    texts = {"file_name": file_name, "subject": fitted(subject, report.c.subject), "body": fitted(body, report.c.body)}
    new = conn.execute(insert(report).values(run_id=run, rows=rows, size=0, sha256="", **texts))
    (number,) = new.inserted_primary_key or (0,)
    digest, size = hashlib.sha256(), 0
    for index, part in enumerate(_parts(chunks)):
        digest.update(part)
        size += len(part)
        conn.execute(insert(report_part).values(report_id=number, part=index, bytes=part))
    conn.execute(update(report).where(report.c.id == number).values(size=size, sha256=digest.hexdigest()))
    return get(conn, number)


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= PART:
            yield bytes(waiting[:PART])
            del waiting[:PART]
    if waiting:
        yield bytes(waiting)


def find(conn: Connection, *, report: ReportKind, day: date, sections: Collection[str] | None = None) -> list[Stored]:
    """The reports of this kind and day, oldest first; of all sections unless sections are named."""
    run = tables.run.c
    of_sections = () if sections is None else (run.section.in_(sections),)
    return _stored(conn, run.report == report, run.day == day, *of_sections)


def is_stored(conn: Connection, file_name: str, sha256: str) -> bool:
    """Whether a report of this name with these bytes was stored, whatever day its run has now."""
    return bool(_stored(conn, tables.report.c.file_name == file_name, tables.report.c.sha256 == sha256))


def last_made(conn: Connection, file_name: str) -> datetime | None:
    """When a report or page of this name was made last; None: never."""
    named = tables.report.join(tables.run, tables.run.c.id == tables.report.c.run_id)
    query = select(func.max(tables.run.c.started)).select_from(named).where(tables.report.c.file_name == file_name)
    made: datetime | None = conn.scalar(query)
    return made


def of_runs(conn: Connection, runs: Collection[int]) -> list[Stored]:
    """The reports that these runs made, oldest first."""
    return _stored(conn, tables.report.c.run_id.in_(runs))


def named(conn: Connection, file_names: Collection[str], sections: Collection[str]) -> dict[str, Stored]:
    """The reports of a section with these names of files, by name; of several with one name the latest."""
    which = (tables.report.c.file_name.in_(file_names), tables.run.c.section.in_(sections))
    return {stored.file_name: stored for stored in _stored(conn, *which)}


def get(conn: Connection, report: int) -> Stored:
    """The report with this id; UserError when there is none."""
    for stored in _stored(conn, tables.report.c.id == report):
        return stored
    raise UserError(f"There is no stored report {report}.")


def content(conn: Connection, report: int) -> Iterator[bytes]:
    """The bytes, part by part, each read when asked for; nothing if they were pruned."""
    parts = select(report_part.c.bytes).where(report_part.c.report_id == report)
    for number in count():
        part = conn.scalar(parts.where(report_part.c.part == number))
        if part is None:
            return
        yield part


def checked(conn: Connection, stored: Stored) -> Iterator[bytes]:
    """The bytes; GentleNudgeError at their end if they are not those that were stored."""
    digest = hashlib.sha256()
    for part in content(conn, stored.id):
        digest.update(part)
        yield part
    if digest.hexdigest() != stored.sha256:
        raise GentleNudgeError(
            f"{stored.file_name}: what the database holds is not what was stored.",
            "Look for a backup of the table gentle_nudge_report_part, or a copy in the archive.",
        )


def prune(conn: Connection, *, before: date, today: date, kinds: Collection[ReportKind] = TO_AGENCY) -> list[Stored]:
    """The bytes of reports of earlier days are gone, unless a delivery is undelivered. Returns the reports."""
    report, delivery = tables.report, tables.delivery
    undelivered = exists().where(delivery.c.report_id == report.c.id, delivery.c.state.in_(UNDELIVERED))
    of_kinds = tables.run.c.report.in_(kinds)
    old = _stored(conn, of_kinds, tables.run.c.day < before, report.c.pruned_on.is_(None), ~undelivered)
    for chunk in a_thousand_at_a_time(stored.id for stored in old):
        conn.execute(delete(report_part).where(report_part.c.report_id.in_(chunk)))
        conn.execute(update(report).where(report.c.id.in_(chunk)).values(pruned_on=today))
    return old


def holding(conn: Connection, numbers: Collection[int]) -> list[Stored]:
    """The stored reports with a row of one of these borrowernumbers (as reported), and pages, oldest first.

    Reads every report and page that is not pruned.
    """
    either = "|".join(map(str, numbers)).encode()
    rows = re.compile(rb"\n(?:%b),|borrowernumber=(?:%b)\"|>number (?:%b)<" % (either, either, either))
    kept = _stored(conn, tables.report.c.pruned_on.is_(None)) if numbers else []
    return [stored for stored in kept if _holds(content(conn, stored.id), rows)]


def _holds(parts: Iterable[bytes], rows: re.Pattern[bytes]) -> bool:
    end = b""
    for part in parts:
        text = end + part
        if rows.search(text):
            return True
        end = text[-LONGEST_ROW_START:]
    return False


def _stored(conn: Connection, *conditions: ColumnElement[bool]) -> list[Stored]:
    report, run = tables.report.c, tables.run.c
    of_report = (report.id, report.file_name, report.subject, report.body, report.size, report.rows, report.sha256)
    of_run = (report.run_id.label("run"), run.section, run.report, run.day, run.number)
    query = select(*of_report, report.pruned_on, *of_run).join(tables.run, run.id == report.run_id).where(*conditions)
    rows = conn.execute(query.order_by(report.id)).mappings()
    return [Stored(**{**row, "report": ReportKind(row["report"])}) for row in rows]
