"""Figures for Prometheus: a file that its node_exporter reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gentle_nudge.delivery.outlet import DeliveryFailed, system_reason
from gentle_nudge.delivery.whole_files import write_whole

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
    """What the metrics file tells: counts and instants, no amounts.

    `well` is whether the last night ended without trouble, `night` when it ended; `deliveries` counts those not
    delivered yet by state.
    """

    night: datetime
    well: bool
    runs: tuple[RunFigures, ...] = ()
    sections: tuple[SectionFigures, ...] = ()
    deliveries: tuple[tuple[str, int], ...] = ()


def write_metrics(path: Path, figures: Figures) -> None:
    """The file holds the figures in Prometheus' text format, 0644, at every instant whole; else DeliveryFailed."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_whole(aside, [metrics(figures).encode()], READABLE)
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise DeliveryFailed(
            f"The metrics file {path} cannot be written: {system_reason(error)}.",
            "See that its folder is there and that this user may write in it.",
        ) from error


def metrics(figures: Figures) -> str:
    """The figures in Prometheus' text format."""
    return "".join(_lines(figures))


def _lines(figures: Figures) -> Iterator[str]:
    yield from _gauge("night_success", "Whether the last night ended well.", [({}, int(figures.well))])
    yield from _gauge("night_timestamp_seconds", "When it ended.", [({}, _seconds(figures.night))])
    runs = [({"section": run.section, "report": run.report}, run) for run in figures.runs]
    yield from _gauge(
        "run_timestamp_seconds", "When a report was last made.", [(of, _seconds(run.finished)) for of, run in runs]
    )
    yield from _gauge("run_rows", "How many patrons it held.", [(of, run.rows) for of, run in runs])
    sections = [({"section": section.section}, section) for section in figures.sections]
    yield from _gauge("open_cases", "Patrons in collections.", [(of, now.open_cases) for of, now in sections])
    yield from _gauge("submission_late", "Whether one is overdue.", [(of, int(now.late)) for of, now in sections])
    yield from _gauge(
        "deliveries", "Deliveries by state.", [({"state": state}, count) for state, count in figures.deliveries]
    )


def _gauge(name: str, truth: str, samples: Iterable[tuple[dict[str, str], int]]) -> Iterator[str]:
    yield f"# HELP gentle_nudge_{name} {truth}\n# TYPE gentle_nudge_{name} gauge\n"
    for labels, value in samples:
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"gentle_nudge_{name}{{{inside}}} {value}\n" if inside else f"gentle_nudge_{name} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())
