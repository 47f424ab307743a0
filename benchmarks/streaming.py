"""The memory that a large report takes on its way: made and stored, read back for an upload, sent as a message."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine

from benchmarks.library import NIGHT
from gentle_nudge.delivery.maildir import MaildirOutlet
from gentle_nudge.delivery.message import Letterhead
from gentle_nudge.delivery.outlet import Item
from gentle_nudge.domain.outbox import Stored
from gentle_nudge.domain.report_row import ReportKind, UpdateRow
from gentle_nudge.reports.render import render
from gentle_nudge.store import report_files, runs
from gentle_nudge.store.runs import Claim
from tests.support.mariadb import Server

T = TypeVar("T")
FEW, MANY = 50_000, 200_000
NO_MORE, MESSAGE = 1.1, 3.0
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Streamed:
    """Peaks of memory: of a report of 200,000 rows against one of 50,000, and of its message against its size."""

    stored: float
    uploaded: float
    mailed: float


def measured(server: Server, name: str) -> Streamed:
    """Both reports made, stored in that database, and read back; the larger one put into a Maildir."""
    engine = server.engine(name)
    few, few_peak = _peak(lambda: _stored(engine, FEW))
    many, many_peak = _peak(lambda: _stored(engine, MANY))
    _, few_read = _peak(lambda: _read_back(engine, few))
    _, many_read = _peak(lambda: _read_back(engine, many))
    with tempfile.TemporaryDirectory(prefix="gn-bench-") as folder:
        _, mailed = _peak(lambda: _mailed(engine, many, Path(folder)))
    engine.dispose()
    return Streamed(stored=many_peak / few_peak, uploaded=many_read / few_read, mailed=mailed / many.size)


def _peak(work: Callable[[], T]) -> tuple[T, int]:
    tracemalloc.start()
    result = work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return result, peak


def _rows(count: int) -> Iterator[UpdateRow]:
    for number in range(count):
        yield UpdateRow(
            case=number,
            patron=number,
            number=number,
            surname=f"O'Brien{number % 5000}",
            firstname="Pat",
            card=f"2{number:09}",
            due=Decimal(number) / 100,
        )


def _stored(engine: Engine, rows: int) -> Stored:
    """A report of so many rows, on a day of its own."""
    day = NIGHT - timedelta(days=rows)
    with engine.begin() as conn:
        run = runs.claim(conn, Claim(section="global", report=ReportKind.SYNC, day=day), now=NOW)
        chunks = render(ReportKind.SYNC, _rows(rows), guard=True, empty="none")
        name = f"{rows}.csv"
        return report_files.save(conn, run=run or 0, file_name=name, subject="s", body="b", chunks=chunks, rows=rows)


def _read_back(engine: Engine, stored: Stored) -> None:
    """The bytes, part by part, as an upload takes them."""
    digest = sha256()
    with engine.connect() as conn:
        for part in report_files.content(conn, stored.id):
            digest.update(part)
    if digest.hexdigest() != stored.sha256:
        raise RuntimeError("the report did not come back as it was stored")


def _mailed(engine: Engine, stored: Stored, folder: Path) -> None:
    """The report as a message in a Maildir."""
    address = "reports@agency.example"
    outlet = MaildirOutlet(folder=folder, letterhead=Letterhead(sender=address, instance="x"))
    with engine.connect() as conn:
        content = partial(report_files.content, conn, stored.id)
        item = Item(id="1", recipient=address, subject="s", body="b", now=NOW, file_name="r.csv", content=content)
        outlet.deliver(item)
