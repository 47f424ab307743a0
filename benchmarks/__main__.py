"""`make bench`: builds libraries, runs a night on each, prints the table of docs/explanation/speed.md."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks import measure
from benchmarks.library import ROOMY, Size, build, open_cases
from benchmarks.measure import COMMAND, Measured
from tests.support.mariadb import Server

NAME = "bench"
CONFIG = """
[koha]
url = "{url}"
timezone = "America/New_York"
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
    "night / floor", "rows written a second", "locks held (s)", "memory (MiB)", "statements",
)  # fmt: skip
STARTS = (("--help / import click", ["--help"], "import click"),)


def measured(server: Server, size: Size, folder: Path) -> Measured:
    """One night on a library of this size."""
    print(f"building {size.patrons} patrons with {size.lines} lines ...", file=sys.stderr, flush=True)
    build(server, NAME, size)
    engine = server.engine(NAME)
    config = folder / "gentle-nudge.toml"
    url = server.url(NAME).render_as_string(hide_password=False)
    config.write_text(CONFIG.format(url=url, folder=folder), encoding="utf-8")
    subprocess.run([COMMAND, "--config", config, "init", "--yes"], check=True, stdout=subprocess.DEVNULL)
    open_cases(server, NAME)
    scan = measure.scan(engine)
    grouped, selection = measure.selection(engine)
    night, locked, memory, statements = measure.night(config, engine)
    referred, rows = measure.counted(engine)
    floor, written = measure.floor(engine, scan)
    engine.dispose()
    return Measured(
        patrons=size.patrons, lines=size.lines, scan=scan, grouped=grouped, selection=selection, night=night,
        floor=floor, locked=locked, memory=memory, statements=statements, referred=referred, update_rows=rows,
        written=written,
    )  # fmt: skip


def table(found: Sequence[Measured]) -> str:
    """The results as a Markdown table."""
    lines = [f"| {' | '.join(HEADERS)} |", f"|{' --- |' * len(HEADERS)}"]
    for it in found:
        cells = (
            it.patrons, it.lines, it.referred, it.update_rows, f"{it.scan:.2f}", f"{it.grouped / it.scan:.2f}",
            f"{it.selection / it.scan:.2f}", f"{it.night / it.scan:.1f}", f"{it.night / it.floor:.2f}",
            f"{it.written / it.night:.0f}", f"{it.locked:.2f}", f"{it.memory:.0f}", it.statements,
        )  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def start_up() -> str:
    """How long the command takes to begin, against what cannot be avoided."""
    lines = []
    for name, command, imports in STARTS:
        ours = measure.best(partial(_run, [str(COMMAND), *command]))
        lines.append(f"{name}: {ours / measure.best(partial(_run, [sys.executable, '-c', imports])):.2f}")
    return "\n".join(lines)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Measure the sizes asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--patrons", type=int, nargs="+", default=[75_000, 150_000, 300_000])
    sizes = [Size(patrons=patrons) for patrons in parser.parse_args().patrons]
    began = time.monotonic()
    with Server.start(**ROOMY) as server, tempfile.TemporaryDirectory(prefix="gn-bench-") as folder:
        found = []
        for number, size in enumerate(sizes):
            place = Path(folder) / str(number)
            place.mkdir()
            found.append(measured(server, size, place))
    print(table(found))
    print()
    print(start_up())
    print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
