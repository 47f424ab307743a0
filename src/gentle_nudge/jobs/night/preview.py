"""What a dry run shows: the files that the night would queue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gentle_nudge.domain.collections.plan import Outcome, Plan, SubmissionRow
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.report_row import ReportKind, UpdateRow
from gentle_nudge.jobs.patrons.evidence import with_contacts
from gentle_nudge.jobs.sending.enqueue import contents
from gentle_nudge.reports.render import file_name

if TYPE_CHECKING:
    from sqlalchemy import Connection


def complete(conn: Connection, plan: Plan) -> Plan:
    """The plan with the addresses and telephone numbers that its submission shows."""
    referred = plan.of(Outcome.REFERRED)
    rows = with_contacts(conn, [decision.submission for decision in referred if decision.submission])
    shown = {row.patron.number: row for row in rows}
    return replace(
        plan, decisions=tuple(replace(d, submission=shown.get(d.patron, d.submission)) for d in plan.decisions)
    )


def files(section: Section, plan: Plan) -> Iterator[tuple[str, Iterable[bytes]]]:
    """The files a dry run shows: exactly those that the night would queue."""
    reports: list[tuple[ReportKind, Sequence[SubmissionRow | UpdateRow], bool]]
    reports = [
        (ReportKind.SUBMISSION, plan.submission(), plan.submits),
        (ReportKind.UPDATE, plan.update(), plan.update_due),
    ]
    for report, rows, is_made in reports:
        chunks = contents(section, report, rows) if is_made else None
        if chunks is not None:
            yield file_name(report, plan.day, section.name), chunks


def write_files(directory: Path, files: Iterable[tuple[str, Iterable[bytes]]]) -> list[Path]:
    """The files are in this directory, readable by their owner only; their paths."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = []
    for name, chunks in files:
        path = directory / name
        path.touch(mode=0o600)
        with path.open("wb") as file:
            file.writelines(chunks)
        paths.append(path)
    return paths
