"""Runs: one section's report of one day, claimed once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.run import RecordedRun, RunCounts
from gentle_nudge.store.tables import fitted, meta, run

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row

HISTORY_OF_THE_FUSE = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What a run claims; `number` counts the syncs of a day, `who` is a person's login name (cron: None)."""

    section: str
    report: ReportKind
    day: date
    number: int = 1
    late: bool = False
    who: str | None = None


def claim(conn: Connection, wanted: Claim, *, now: datetime) -> int | None:
    """The id of the new run; None when this run of this day has been claimed before."""
    values = asdict(wanted) | {"who": fitted(wanted.who, run.c.who), "started": now}
    try:
        return _id_of(conn.execute(insert(run).values(values)).inserted_primary_key)
    except IntegrityError:
        if next_number(conn, section=wanted.section, report=wanted.report, day=wanted.day) <= wanted.number:
            raise
        return None


def _id_of(key: Any) -> int:
    return int(key[0])


def next_number(conn: Connection, *, section: str, report: ReportKind, day: date) -> int:
    """The number of the next run of this report on this day; 1 for the first."""
    same = (run.c.section == section, run.c.report == report, run.c.day == day)
    return (conn.scalar(select(func.max(run.c.number)).where(*same)) or 0) + 1


def finish(conn: Connection, run_id: int, *, now: datetime, counts: RunCounts) -> None:
    """The run is finished with these counts, and the note of meta has grown by one."""
    conn.execute(update(run).where(run.c.id == run_id).values(finished=now, **asdict(counts)))
    conn.execute(update(meta).values(note=meta.c.note + 1))


def runs(conn: Connection, *, sections: Collection[str] | None = None, limit: int | None = None) -> list[RecordedRun]:
    """The runs, newest first; of all sections unless some are named."""
    chosen = () if sections is None else (run.c.section.in_(sections),)
    return [_run(row) for row in conn.execute(select(run).where(*chosen).order_by(run.c.id.desc()).limit(limit))]


def submission_sizes(conn: Connection, sections: Collection[str], last: int = HISTORY_OF_THE_FUSE) -> list[int]:
    """How many were referred in each of the last submissions, newest first."""
    newest = select(run.c.referred).where(*_done(sections, ReportKind.SUBMISSION)).order_by(run.c.id.desc())
    return list(conn.scalars(newest.limit(last)))


def last_day(conn: Connection, sections: Collection[str], report: ReportKind) -> date | None:
    """The latest day with a run of this report; None: there was none."""
    latest: date | None = conn.scalar(select(func.max(run.c.day)).where(*_done(sections, report)))
    return latest


def days(conn: Connection, sections: Collection[str], report: ReportKind) -> frozenset[date]:
    """The days with a run of this report."""
    return frozenset(conn.scalars(select(run.c.day).where(*_done(sections, report))))


def first_day(conn: Connection, sections: Collection[str]) -> date | None:
    """The earliest day with a run of any report; None: there was none."""
    earliest: date | None = conn.scalar(select(func.min(run.c.day)).where(run.c.section.in_(sections)))
    return earliest


def last_success(conn: Connection) -> list[RecordedRun]:
    """The latest finished run of every section and report, by section."""
    newest = select(func.max(run.c.id)).where(run.c.finished.is_not(None)).group_by(run.c.section, run.c.report)
    found = conn.execute(select(run).where(run.c.id.in_(newest)).order_by(run.c.section, run.c.id))
    return [_run(row) for row in found]


def _done(sections: Collection[str], report: ReportKind) -> tuple[ColumnElement[bool], ...]:
    return run.c.section.in_(sections), run.c.report == report


def _run(row: Row[Any]) -> RecordedRun:
    return RecordedRun(
        id=row.id,
        section=row.section,
        report=ReportKind(row.report),
        day=row.day,
        number=row.number,
        started=row.started,
        finished=row.finished,
        late=row.late,
        who=row.who,
        counts=RunCounts(**{field.name: getattr(row, field.name) for field in fields(RunCounts)}),
    )
