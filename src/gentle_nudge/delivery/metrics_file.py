"""Figures for Prometheus: a file that its node_exporter reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gentle_nudge.delivery.outlet import DeliveryFailed, system_reason
from gentle_nudge.delivery.whole_files import write_over

READABLE = 0o644


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFigures:
    """The last successful run of one report of one section: when, and how many patrons it held."""

    section: str
    report: str
    finished: datetime
    rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SectionFigures:
    """One section: its open cases, and whether a submission is late."""

    section: str
    open_cases: int
    late: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The contents of the metrics file: counts and instants, no amounts.

    `night` is when the last night ended, `well` whether it ended without trouble; `deliveries` counts undelivered
    reports by state.
    """

    night: datetime
    well: bool
    runs: tuple[RunFigures, ...] = ()
    sections: tuple[SectionFigures, ...] = ()
    deliveries: tuple[tuple[str, int], ...] = ()


def write_metrics(path: Path, figures: Figures) -> None:
    """The file, readable by all, holds the figures in Prometheus' text format; else DeliveryFailed."""
    try:
        write_over(path, [metrics(figures).encode()], READABLE)
    except OSError as error:
        raise DeliveryFailed(
            f"The metrics file {path} cannot be written: {system_reason(error)}.",
            "See that its folder is there and that this user may write in it.",
        ) from error


def metrics(figures: Figures) -> str:
    """The figures in Prometheus' text format."""
    return "".join(_lines(figures))


def _lines(figures: Figures) -> Iterator[str]:
    yield from _gauge("night_success", "Whether the last night ended well.", [({}, figures.well)])
    yield from _gauge("night_timestamp_seconds", "When it ended.", [({}, figures.night.timestamp())])
    runs = [({"section": run.section, "report": run.report}, run) for run in figures.runs]
    yield from _gauge(
        "run_timestamp_seconds", "When a report was last made.", [(of, run.finished.timestamp()) for of, run in runs]
    )
    yield from _gauge("run_rows", "How many patrons it held.", [(of, run.rows) for of, run in runs])
    sections = [({"section": section.section}, section) for section in figures.sections]
    yield from _gauge("open_cases", "Patrons in collections.", [(of, section.open_cases) for of, section in sections])
    yield from _gauge("submission_late", "Whether one is overdue.", [(of, section.late) for of, section in sections])
    deliveries = [({"state": state}, count) for state, count in figures.deliveries]
    yield from _gauge("deliveries", "Deliveries by state.", deliveries)


def _gauge(name: str, meaning: str, samples: Iterable[tuple[dict[str, str], float]]) -> Iterator[str]:
    yield f"# HELP gentle_nudge_{name} {meaning}\n# TYPE gentle_nudge_{name} gauge\n"
    for labels, value in samples:
        # Prometheus escapes in a text what JSON escapes: backslash, quotation mark, line feed.
        pairs = ",".join(f"{label}={json.dumps(text, ensure_ascii=False)}" for label, text in labels.items())
        yield f"gentle_nudge_{name}{f'{{{pairs}}}' if pairs else ''} {int(value)}\n"
