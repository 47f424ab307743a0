"""Figures for Prometheus: a file that its node_exporter reads."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gentle_nudge.delivery.outlet import DeliveryFailed, system_reason
from gentle_nudge.delivery.whole_files import refuse_link, write_over
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.run import RecordedRun

READABLE = 0o644
NOT_WRITTEN = "The metrics file {} cannot be written: {}."
WAY_OUT = "See that its folder is there, that this user may write in it, and that neither is a symbolic link."


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The contents of the metrics file: counts and instants, no amounts.

    `night` is when the last night ended, `well` whether it ended without trouble; `runs` are the last runs of each
    report, `open_cases` count by section, `late` names sections, `deliveries` count undelivered reports by state,
    held ones apart.
    """

    night: datetime
    well: bool
    runs: tuple[RecordedRun, ...] = ()
    open_cases: Mapping[str, int] = field(default_factory=dict)
    late: frozenset[str] = frozenset()
    deliveries: Mapping[str, int] = field(default_factory=dict)


def write_metrics(path: Path, figures: Figures) -> None:
    """The file, readable by all, contains the figures in Prometheus' text format; else DeliveryFailed.

    A symbolic link is neither followed nor replaced, also in place of the folder.
    """
    try:
        refuse_link(path.parent)
        refuse_link(path)
        write_over(path, map(str.encode, metrics(figures)), READABLE)
    except OSError as error:
        raise DeliveryFailed(NOT_WRITTEN.format(path, system_reason(error)), WAY_OUT) from error


def metrics_findings(path: Path) -> Iterator[Finding]:
    """A finding if the file could not be written; nothing is written."""
    try:
        refuse_link(path.parent)
        refuse_link(path)
        folder = path.parent.stat()
        kept_by_others = folder.st_mode & stat.S_ISVTX and path.exists()
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not path.parent.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if kept_by_others and os.geteuid() not in {0, folder.st_uid, path.stat().st_uid}:
            raise PermissionError(errno.EPERM, "the file is another user's, and the folder is sticky")
    except OSError as error:
        yield Finding(
            name="metrics-not-writable",
            what=NOT_WRITTEN.format(path, system_reason(error)),
            why="The monitoring system sees no figures, or old ones.",
            way_out=WAY_OUT,
        )


def metrics(figures: Figures) -> Iterator[str]:
    """The figures in Prometheus' text format, line by line."""
    yield from _gauge("night_success", "Whether the last night ended well.", [({}, figures.well)])
    yield from _gauge("night_timestamp_seconds", "When it ended.", [({}, figures.night.timestamp())])
    runs = [({"section": run.section, "report": run.report}, run) for run in figures.runs]
    finished = [(labels, run.finished.timestamp()) for labels, run in runs if run.finished]
    yield from _gauge("run_timestamp_seconds", "When a report was last made.", finished)
    rows = [(labels, run.counts["patrons"]) for labels, run in runs]
    yield from _gauge("run_rows", "How many patrons it held.", rows)
    names = sorted({*figures.open_cases, *figures.late, *(run.section for run in figures.runs)})
    open_cases = [({"section": name}, figures.open_cases.get(name, 0)) for name in names]
    yield from _gauge("open_cases", "Patrons in collections.", open_cases)
    late = [({"section": name}, name in figures.late) for name in names]
    yield from _gauge("submission_late", "Whether one is overdue.", late)
    deliveries = [({"state": state}, count) for state, count in figures.deliveries.items()]
    yield from _gauge("deliveries", "Deliveries by state.", deliveries)


def _gauge(name: str, meaning: str, samples: Iterable[tuple[dict[str, str], float]]) -> Iterator[str]:
    yield f"# HELP gentle_nudge_{name} {meaning}\n# TYPE gentle_nudge_{name} gauge\n"
    for labels, value in samples:
        # Prometheus escapes texts as JSON does: backslash, quotation mark, line feed.
        pairs = ",".join(f"{label}={json.dumps(text, ensure_ascii=False)}" for label, text in labels.items())
        yield f"gentle_nudge_{name}{f'{{{pairs}}}' if pairs else ''} {int(value)}\n"
