"""The files that a dry run shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from sqlalchemy import Engine

from gentle_nudge.delivery.whole_files import write_over
from gentle_nudge.domain.collections.plan import Plan, Referral
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.report_row import ReportKind, UpdateRow
from gentle_nudge.jobs.patrons.evidence import with_contacts
from gentle_nudge.jobs.sending.enqueue import contents
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.reports.render import file_name


def files(engine: Engine, section: Section, plan: Plan) -> Iterator[tuple[str, Iterable[bytes]]]:
    """The files a dry run shows: exactly those that the night would queue."""
    with read_only(engine) as conn:
        if plan.submits:
            yield from report_file(section, ReportKind.SUBMISSION, with_contacts(conn, plan.submission), plan.day)
        if plan.update_due:
            yield from report_file(section, ReportKind.UPDATE, plan.update, plan.day)


def report_file(
    section: Section, report: ReportKind, rows: Iterable[Referral | UpdateRow], day: date
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """The name and the bytes of a report, if there is one: exactly what the day's first run would queue."""
    chunks = contents(section, report, rows)
    if chunks is not None:
        yield file_name(report, day, section.name), chunks


def write_files(directory: Path, files: Iterable[tuple[str, Iterable[bytes]]]) -> list[Path]:
    """Write the files into this directory, readable by their owner only; their paths."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = []
    for name, chunks in files:
        write_over(directory / name, chunks)
        paths.append(directory / name)
    return paths
