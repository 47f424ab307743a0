"""`make bench`: builds libraries, runs nights on each, prints the tables of docs/explanation/speed.md."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import measure, outcomes, passports, roads, starting, streaming
from benchmarks.library import (
    BRANCHES,
    NIGHT,
    SHAPES,
    USUAL_PATRONS,
    ZONE,
    Shape,
    build,
    drop,
    open_cases,
    roomy,
    written_out,
)
from benchmarks.measure import COMMAND, Measured
from tests.support.mariadb import Server

CONFIG = """
[koha]
url = "{url}"
timezone = "{zone}"
[policy]
submit_on = "{weekday}"
threshold = 25.00
processing_fee = 10.00
flag = "sort1"
minors = "exclude"
add_restriction = true
most_referrals = 0
send_to = ["reports@agency.example"]
[mail]
maildir = "{folder}/mail"
[libraries]
others = {others}
"""
SECTION = """
[[library]]
name = "{name}"
branches = ["{branch}"]
"""
# What is shown of each library.
COLUMNS: dict[str, Callable[[Measured], object]] = {
    "library": lambda it: it.shape.name,
    "patrons": lambda it: it.shape.patrons,
    "lines": lambda it: it.shape.lines,
    "referred": lambda it: it.referred,
    "update rows": lambda it: it.update_rows,
    "scan (s)": lambda it: f"{it.scan:.3g}",
    "grouped / scan": lambda it: f"{it.grouped / it.scan:.2f}",
    "selection / scan": lambda it: f"{it.selection / it.scan:.2f}",
    "dry run / scan": lambda it: f"{it.dry_run.seconds / it.scan:.1f}",
    "night / scan": lambda it: f"{it.night.seconds / it.scan:.1f}",
    "night / floor": lambda it: f"{it.night.seconds / it.floor:.2f}",
    "update only / scan": lambda it: f"{it.update.seconds / it.scan:.1f}",
    "lines read / lines, night": lambda it: f"{it.night.lines_read / it.shape.lines:.2f}",
    "lines read / lines, update only": lambda it: f"{it.update.lines_read / it.shape.lines:.2f}",
    "rows written a second": lambda it: f"{it.written / it.night.seconds:.0f}",
    "locks held (s)": lambda it: f"{it.night.locked:.2f}",
    "locks (s) for 5,000": lambda it: f"{it.locked_for_5000:.2f}",
    "memory (MB)": lambda it: f"{it.memory:.0f}",
    "statements": lambda it: it.night.statements,
}
LOCKS = 2.0  # seconds
A_SCAN_THEN = 0.45  # seconds, on the server for which the aims were set
# The most that each may be, on whatever library.
EVERYWHERE: dict[str, tuple[Callable[[Measured], float], float]] = {
    "grouped query / scan": (lambda it: it.grouped / it.scan, 1.7),
    "selection / scan": (lambda it: it.selection / it.scan, 2.5),
    "dry run / scan": (lambda it: it.dry_run.seconds / it.scan, 4.0),
    "whole night / scan": (lambda it: it.night.seconds / it.scan, 7.5),
    "whole night / floor": (lambda it: it.night.seconds / it.floor, 1.6),
    "update only / scan": (lambda it: it.update.seconds / it.scan, 2.5),
    "scans of the lines by an update alone": (lambda it: it.scans_in_update, 0),
    "locks held for 5,000 referrals (s)": (lambda it: it.locked_for_5000, LOCKS),
    "memory (MB)": (lambda it: it.memory, 150),
}
SECTIONS, NEW, GROWTH, HELP, START = 1.5, 2.0, 1.1, 3.0, 4.0
# Not of this run: docs/explanation/speed.md says how it was measured.
ELSEWHERE = "| night of the Perl plugin / of ours, measured elsewhere | 240,037 lines, real Koha | 20 to 27 | | |"


def configured(server: Server, name: str, folder: Path, sections: int = 1) -> Path:
    """The configuration of that database, whose tables of ours are there."""
    folder.mkdir()
    config = folder / "gentle-nudge.toml"
    url = server.url(name).render_as_string(hide_password=False)
    one = CONFIG.format(
        url=url, zone=ZONE, weekday=f"{NIGHT:%A}".lower(), folder=folder, others=str(sections == 1).lower()
    )
    named = (SECTION.format(name=branch.lower(), branch=branch) for branch in BRANCHES if sections > 1)
    config.write_text(one + "".join(named), encoding="utf-8")
    subprocess.run([COMMAND, "--config", config, "init", "--yes"], check=True, stdout=subprocess.DEVNULL)
    return config


def measured(server: Server, shape: Shape, folder: Path) -> Measured:
    """What a library of this shape takes; it is built before, and dropped afterwards."""
    _tell(f"{shape.name}: building {shape.patrons} patrons with {shape.lines} lines ...")
    build(server, shape)
    config = configured(server, shape.name, folder, shape.sections)
    open_cases(server, shape)
    written_out(server)
    _tell(f"{shape.name}: two nights ...")
    engine = server.engine(shape.name)
    found = measure.measured(engine, shape, config)
    engine.dispose()
    drop(server, shape)
    return found


def aims(
    found: Sequence[Measured],
    starts: starting.Starts,
    streamed: streaming.Streamed,
    *,
    became: outcomes.Outcomes | None,
    walked: roads.Roads | None,
    asked: passports.Asked | None,
) -> Iterator[str]:
    """What was aimed at, what came out where it is worst, and whether it holds, as a Markdown table."""
    yield "| measured | worst on | result | at most | holds |"
    yield "| --- | --- | --- | --- | --- |"
    for name, worst, result, most in (
        *_of_libraries(found, starts),
        *_of_the_rest(starts, streamed),
        *(_of_outcomes(became) if became else ()),
        *(_of_roads(walked) if walked else ()),
        *(_of_passports(asked) if asked else ()),
    ):
        yield f"| {name} | {worst} | {result:.2f} | {most:.3g} | {'yes' if result <= most else 'no'} |"
    yield ELSEWHERE


def _of_libraries(found: Sequence[Measured], starts: starting.Starts) -> Iterator[tuple[str, str, float, float]]:
    """The aims of all libraries in which a scan is a unit, and those of single ones."""
    large_enough = [it for it in found if not it.shape.is_new]
    for name, (value, most) in EVERYWHERE.items() if large_enough else ():
        worst = max(large_enough, key=value)
        yield name, worst.shape.name, value(worst), most
    by_name = {it.shape.name: it for it in found}
    usual = by_name.get("usual")
    if usual:
        locks = max(large_enough, key=lambda it: it.locked_for_5000)
        ratio = locks.locked_for_5000 / usual.scan
        yield "locks held for 5,000 referrals / usual scan", locks.shape.name, ratio, LOCKS / A_SCAN_THEN
    if usual and (large := by_name.get("large")):
        times = large.shape.times
        yield f"night with {times} x the lines", "large", large.night.seconds / usual.night.seconds, GROWTH * times
    if usual and (many := by_name.get("consortium")):
        ratio = (many.night.seconds / many.scan) / (usual.night.seconds / usual.scan)
        yield f"night of {many.shape.sections} sections / of one", many.shape.name, ratio, SECTIONS
    if new := by_name.get("new"):
        yield "night of a new library / of an empty one", "new", new.night.seconds / starts.night, NEW


def _of_the_rest(starts: starting.Starts, streamed: streaming.Streamed) -> Iterator[tuple[str, str, float, float]]:
    """The aims for starting, and for a large report."""
    yield "--help / import click", "", starts.help, HELP
    yield "nightly / import sqlalchemy, pymysql, pydantic", "empty", starts.nightly, START
    yield "memory of a report of 200,000 rows stored / of 50,000", "", streamed.stored, streaming.NO_MORE
    yield "memory of it read back for an upload / of 50,000", "", streamed.uploaded, streaming.NO_MORE
    yield "memory of its message / its size", "", streamed.mailed, streaming.MESSAGE


def _of_passports(asked: passports.Asked) -> Iterator[tuple[str, str, float, float]]:
    """The aim for asking other libraries."""
    yield "1,000 refreshes / the sum of the answer times", passports.NAME, asked.part, passports.AT_MOST


def _of_outcomes(became: outcomes.Outcomes) -> Iterator[tuple[str, str, float, float]]:
    """The aims for what became of the cases."""
    name = outcomes.NAME
    yield "nightly copy of outcomes / scan of the offsets", name, became.copy, outcomes.COPY
    yield "memory of the copy (MB)", name, became.copy_memory, outcomes.COPY_MEMORY
    yield "statements on the offsets with nothing watched", name, became.touched, 0
    yield f"outcomes over {outcomes.LISTED:,} cases (s)", name, became.seconds, outcomes.OUTCOMES
    yield "its memory (MB)", name, became.memory, outcomes.OUTCOMES_MEMORY


def _of_roads(walked: roads.Roads) -> Iterator[tuple[str, str, float, float]]:
    """The aims for the road of a loan."""
    yield "timeline of one loan (s)", roads.NAME, walked.road, roads.ROAD
    yield f"timeline check of {walked.combinations:,} combinations (s)", roads.NAME, walked.check, roads.CHECK


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def main() -> None:
    """Measure the libraries asked for."""
    names = [*(shape.name for shape in SHAPES), outcomes.NAME, roads.NAME, passports.NAME]
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    what = "; ".join(f"{shape.name}: {shape.what}" for shape in SHAPES).replace("%", "%%")
    what += "".join(f"; {each.NAME}: {each.WHAT}" for each in (outcomes, roads, passports))
    parser.add_argument("--shapes", nargs="+", choices=names, default=names, metavar="NAME", help=what)
    parser.add_argument("--patrons", type=int, default=USUAL_PATRONS, help="of the usual library")
    wanted = parser.parse_args()
    shapes = [shape.of(wanted.patrons) for shape in SHAPES if shape.name in wanted.shapes]
    began = time.monotonic()
    measure.as_installed()
    most = max(outcomes.LINES, *(shape.lines for shape in shapes)) if shapes else outcomes.LINES
    with Server.start(**roomy(most)) as server, tempfile.TemporaryDirectory(prefix="gn-bench-") as folder:
        print(f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}", sep="\n", flush=True)
        found = []
        for shape in shapes:
            found.append(measured(server, shape, Path(folder) / shape.name))
            print(f"| {' | '.join(str(cell(found[-1])) for cell in COLUMNS.values())} |", flush=True)
        _tell("starting, and a large report ...")
        starting.build(server)
        starts = starting.measured(configured(server, starting.NAME, Path(folder) / starting.NAME))
        streamed = streaming.measured(server, starting.NAME)
        became = None
        if outcomes.NAME in wanted.shapes:
            _tell(f"{outcomes.NAME}: {outcomes.WHAT} ...")
            outcomes.build(server)
            became = outcomes.measured(server, configured(server, outcomes.NAME, Path(folder) / outcomes.NAME))
        walked = None
        if roads.NAME in wanted.shapes:
            _tell(f"{roads.NAME}: {roads.WHAT} ...")
            roads.build(server)
            walked = roads.measured(configured(server, roads.NAME, Path(folder) / roads.NAME))
    asked = passports.measured() if passports.NAME in wanted.shapes else None
    print("", *aims(found, starts, streamed, became=became, walked=walked, asked=asked), sep="\n")
    _tell(f"took {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
