"""Runs: one section's report of one day, claimed once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from gentle_nudge.domain.report_row import TO_AGENCY, ReportKind
from gentle_nudge.domain.run import RecordedRun, RunCounts
from gentle_nudge.sqltypes import among
from gentle_nudge.store.tables import fitted, meta, run, run_count

HISTORY_OF_THE_FUSE = 8
TOLD_THE_AGENCY = run.c.report.in_(TO_AGENCY)
TOLD_SOMEBODY = or_(TOLD_THE_AGENCY, run.c.report == ReportKind.REMIND)  # the others made pages


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
        (new,) = conn.execute(insert(run).values(values)).inserted_primary_key or (None,)
    except IntegrityError:
        if next_number(conn, section=wanted.section, report=wanted.report, day=wanted.day) <= wanted.number:
            raise
        return None
    return new


def next_number(conn: Connection, *, section: str, report: ReportKind, day: date) -> int:
    """The number of the next run of this report on this day; 1 for the first."""
    same = (run.c.section == section, run.c.report == report, run.c.day == day)
    return (conn.scalar(select(func.max(run.c.number)).where(*same)) or 0) + 1


def finish(conn: Connection, run_id: int, *, now: datetime, counts: RunCounts) -> None:
    """The run is finished with these counts, and the revision of meta has grown by one."""
    finished = {"finished": now, "amount": counts.amount, "fees": counts.fees}
    conn.execute(update(run).where(run.c.id == run_id).values(finished))
    rows = [{"run": run_id, "what": what, "number": number} for what, number in counts.numbers.items() if number]
    if rows:
        conn.execute(insert(run_count), rows)
    conn.execute(update(meta).values(revision=meta.c.revision + 1))


def runs(
    conn: Connection,
    *,
    first: date | None = None,
    last: date | None = None,
    sections: Collection[str] | None = None,
    limit: int | None = None,
) -> list[RecordedRun]:
    """The runs that made reports to the agency, newest first.

    From the first day to the last, both included, of these sections (None: all).
    """
    asked: list[ColumnElement[bool]] = [TOLD_THE_AGENCY]
    if first is not None:
        asked.append(run.c.day >= first)
    if last is not None:
        asked.append(run.c.day <= last)
    if sections is not None:
        asked.append(run.c.section.in_(sections))
    return _runs(conn, select(run).where(*asked).order_by(run.c.id.desc()).limit(limit))


def after(conn: Connection, day: date) -> list[RecordedRun]:
    """The runs of later days that made reports to the agency or sent reminders, in the order they were made."""
    return _runs(conn, select(run).where(run.c.day > day, TOLD_SOMEBODY).order_by(run.c.id))


def redate(conn: Connection, made: RecordedRun, day: date) -> None:
    """The run is of this day, with the next number there."""
    number = next_number(conn, section=made.section, report=made.report, day=day)
    conn.execute(update(run).where(run.c.id == made.id).values(day=day, number=number))


def submission_sizes(conn: Connection, sections: Collection[str]) -> list[int]:
    """How many were referred in each of the last eight submissions, newest first."""
    referred = and_(run_count.c.run == run.c.id, run_count.c.what == "referred")
    sizes = select(func.coalesce(run_count.c.number, 0)).select_from(run).outerjoin(run_count, referred)
    submissions = sizes.where(*_made_by(sections, ReportKind.SUBMISSION))
    return list(conn.scalars(submissions.order_by(run.c.id.desc()).limit(HISTORY_OF_THE_FUSE)))


def last_day(conn: Connection, sections: Collection[str], report: ReportKind) -> date | None:
    """The latest day with a run of this report; None: there was none."""
    latest: date | None = conn.scalar(select(func.max(run.c.day)).where(*_made_by(sections, report)))
    return latest


def days(conn: Connection, sections: Collection[str], report: ReportKind) -> frozenset[date]:
    """The days with a run of this report."""
    return frozenset(conn.scalars(select(run.c.day).where(*_made_by(sections, report))))


def first_day(conn: Connection, sections: Collection[str]) -> date | None:
    """The earliest day with a run of any report to the agency; None: there was none."""
    of_sections = (run.c.section.in_(sections), TOLD_THE_AGENCY)
    earliest: date | None = conn.scalar(select(func.min(run.c.day)).where(*of_sections))
    return earliest


def last_success(conn: Connection) -> list[RecordedRun]:
    """The latest finished run of every section and report to the agency, and of reminders, by section."""
    finished = (run.c.finished.is_not(None), TOLD_SOMEBODY)
    newest = select(func.max(run.c.id)).where(*finished).group_by(run.c.section, run.c.report)
    return _runs(conn, select(run).where(run.c.id.in_(newest)).order_by(run.c.section, run.c.id))


def _made_by(sections: Collection[str], report: ReportKind) -> tuple[ColumnElement[bool], ...]:
    return run.c.section.in_(sections), run.c.report == report


def _runs(conn: Connection, query: Select[Any]) -> list[RecordedRun]:
    """The runs that the query finds, with what they counted."""
    rows = conn.execute(query).mappings().all()
    numbers: dict[int, dict[str, int]] = {row["id"]: {} for row in rows}
    for run_id, what, number in conn.execute(select(run_count).where(among(run_count.c.run, numbers))):
        numbers[run_id][what] = number
    return [_recorded(numbers[row["id"]], **row) for row in rows]


def _recorded(numbers: Mapping[str, int], *, report: str, amount: Decimal, fees: Decimal, **same: Any) -> RecordedRun:
    counts = RunCounts(numbers=numbers, amount=amount, fees=fees)
    return RecordedRun(report=ReportKind(report), counts=counts, **same)
