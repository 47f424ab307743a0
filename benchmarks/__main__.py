"""`make bench`: builds libraries, runs a night on each, prints the tables of docs/explanation/speed.md."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks import measure, starting, streaming
from benchmarks.library import ZONE, Size, build, open_cases, roomy, written_out
from benchmarks.measure import COMMAND, Measured
from tests.support.mariadb import Server

CONFIG = """
[koha]
url = "{url}"
timezone = "{zone}"
[policy]
threshold = 25.00
processing_fee = 10.00
flag = "sort1"
minors = "exclude"
add_restriction = true
most_referrals = 0
send_to = ["reports@agency.example"]
[mail]
maildir = "{folder}/mail"
"""
HEADERS = (
    "patrons", "lines", "referred", "update rows", "scan (s)", "grouped / scan", "selection / scan", "night / scan",
    "night / floor", "rows written a second", "locks held (s)", "locks (s) for 5,000", "memory (MB)", "statements",
)  # fmt: skip
FIVE_THOUSAND = 5000
USUAL = [300_000, 600_000, 1_200_000]
# The most that each may be.
GROUPED, SELECTION, NIGHT, FLOOR, LOCKS, MEMORY, GROWTH, HELP, START = 1.7, 2.5, 8.5, 2.0, 2.0, 150, 4.4, 3.0, 4.0
A_SCAN_THEN = 0.45  # seconds, on the server for which the aims were set


def configured(server: Server, name: str, folder: Path) -> Path:
    """The configuration of that database, whose tables of ours are there."""
    folder.mkdir()
    config = folder / "gentle-nudge.toml"
    url = server.url(name).render_as_string(hide_password=False)
    config.write_text(CONFIG.format(url=url, zone=ZONE, folder=folder), encoding="utf-8")
    subprocess.run([COMMAND, "--config", config, "init", "--yes"], check=True, stdout=subprocess.DEVNULL)
    return config


def built(server: Server, size: Size, folder: Path) -> Path:
    """The configuration of a library of this size, which is there."""
    print(f"building {size.patrons} patrons with {size.lines} lines ...", file=sys.stderr, flush=True)
    build(server, size)
    config = configured(server, size.name, folder)
    open_cases(server, size)
    return config


def measured(server: Server, size: Size, config: Path) -> Measured:
    """One night on the library of this size."""
    print(f"a night with {size.patrons} patrons ...", file=sys.stderr, flush=True)
    engine = server.engine(size.name)
    scans = measure.scans(engine)
    grouped, selection = measure.selection(engine)
    scans += measure.scans(engine)
    night = measure.night(config, engine)
    scan = median(scans + measure.scans(engine))
    referred, rows = measure.counted(engine)
    floor, written = measure.floor(engine, scan)
    engine.dispose()
    return Measured(
        patrons=size.patrons, lines=size.lines, scan=scan, grouped=grouped, selection=selection, night=night,
        floor=floor, referred=referred, update_rows=rows, written=written,
    )  # fmt: skip


def table(found: Sequence[Measured]) -> Iterator[str]:
    """The results as a Markdown table."""
    yield f"| {' | '.join(HEADERS)} |"
    yield f"|{' --- |' * len(HEADERS)}"
    for it in found:
        cells = (
            it.patrons, it.lines, it.referred, it.update_rows, f"{it.scan:.2f}", f"{it.grouped / it.scan:.2f}",
            f"{it.selection / it.scan:.2f}", f"{it.night.seconds / it.scan:.1f}",
            f"{it.night.seconds / it.floor:.2f}", f"{it.written / it.night.seconds:.0f}", f"{it.night.locked:.2f}",
            f"{it.night.locked / it.referred * FIVE_THOUSAND:.2f}", f"{it.night.memory:.0f}", it.night.statements,
        )  # fmt: skip
        yield f"| {' | '.join(map(str, cells))} |"


def aims(found: Sequence[Measured], starts: starting.Starts, streamed: streaming.Streamed) -> Iterator[str]:
    """What was aimed at, what came out, and whether it holds, as a Markdown table."""
    first, last = found[0], found[-1]
    locks = first.night.locked / first.referred * FIVE_THOUSAND
    rows = [
        ("grouped query / scan", first.grouped / first.scan, GROUPED),
        ("selection / scan", first.selection / first.scan, SELECTION),
        ("whole night / scan", first.night.seconds / first.scan, NIGHT),
        ("whole night / floor", first.night.seconds / first.floor, FLOOR),
        ("locks held for 5,000 referrals (s)", locks, LOCKS),
        ("locks held for 5,000 referrals / scan", locks / first.scan, LOCKS / A_SCAN_THEN),
        (f"memory at {first.patrons:,} patrons (MB)", first.night.memory, MEMORY),
        (f"memory at {last.patrons:,} patrons (MB)", last.night.memory, MEMORY),
        ("--help / import click", starts.help, HELP),
        ("nightly on an empty library / import sqlalchemy, pymysql, pydantic", starts.nightly, START),
        ("memory of a report of 200,000 rows stored / of 50,000", streamed.stored, streaming.NO_MORE),
        ("memory of it read back for an upload / of 50,000", streamed.uploaded, streaming.NO_MORE),
        ("memory of its message / its size", streamed.mailed, streaming.MESSAGE),
    ]
    if last.lines > first.lines:
        times = last.lines / first.lines
        rows.append((f"time for {times:.0f} x the lines", last.night.seconds / first.night.seconds, GROWTH * times / 4))
    yield "| measured | result | at most | holds |"
    yield "| --- | --- | --- | --- |"
    for name, result, most in rows:
        yield f"| {name} | {result:.2f} | {most:.3g} | {'yes' if result <= most else 'no'} |"


def main() -> None:
    """Measure the sizes asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--patrons", type=int, nargs="+", default=USUAL, help="the sizes")
    sizes = [Size(patrons=patrons) for patrons in sorted(set(parser.parse_args().patrons))]
    began = time.monotonic()
    measure.as_installed()
    with Server.start(**roomy(sizes)) as server, tempfile.TemporaryDirectory(prefix="gn-bench-") as folder:
        # Nights follow one another without a pause, or the machine may be another meanwhile; what is measured first
        # was built last, as memory that was idle for minutes may have been taken away.
        configs = {size: built(server, size, Path(folder) / size.name) for size in reversed(sizes)}
        print("writing all to the disk ...", file=sys.stderr, flush=True)
        written_out(server)
        found = [measured(server, size, configs[size]) for size in sizes]
        print("starting, and a large report ...", file=sys.stderr, flush=True)
        starting.build(server)
        starts = starting.measured(configured(server, starting.NAME, Path(folder) / "empty"))
        streamed = streaming.measured(server, starting.NAME)
    print("\n".join((*table(found), "", *aims(found, starts, streamed))))
    print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
