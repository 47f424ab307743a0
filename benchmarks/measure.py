"""What is measured on one library, each as a ratio within the same run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from compileall import compile_dir
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, Engine, text

import gentle_nudge
from benchmarks.library import NIGHT, NIGHT_BEFORE, ZONE, Shape
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.patron import Flag
from gentle_nudge.jobs.patrons.accounts import line_rules, ownership_of, read_candidates
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.koha.read.candidates import CandidateScan, owing_patrons, unpaid_lines

COMMAND = Path(sys.executable).with_name("gentle-nudge")
SCAN = "SELECT COUNT(*) FROM accountlines WHERE amountoutstanding <> 0"
TIMES = 3
ROWS_AT_A_TIME, FIVE_THOUSAND = 500, 5000
KIBIBYTE, MEGABYTE = 1024, 1_000_000
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
A_MOMENT = 0.01
OUR_OWN_ROWS = 100  # of the run and the queue, nobody else waits for these
A_TICK = 0.1  # information_schema.innodb_trx is no fresher than that
OF_THE_NIGHT = f"""report_id IN (SELECT p.id FROM gentle_nudge_report p JOIN gentle_nudge_run r ON r.id = p.run_id
    WHERE r.day = '{NIGHT}')"""
# What a night writes, and how to find its rows: the floor writes the same rows by plain statements.
WRITTEN = (
    ("accountlines", "interface = 'cron'"),
    ("account_offsets", "TRUE"),
    ("borrower_debarments", "TRUE"),
    ("action_logs", "TRUE"),
    ("gentle_nudge_case", f"referred_on = '{NIGHT}'"),
    ("gentle_nudge_case_line", "TRUE"),
    ("gentle_nudge_report_row", OF_THE_NIGHT),
    ("gentle_nudge_report_part", OF_THE_NIGHT),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One whole process: seconds, seconds with row locks of ours, peak memory in MB, statements, account lines read."""

    seconds: float
    locked: float
    memory: float
    statements: int
    lines_read: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What was measured on a library of one shape; times in seconds.

    `update` is the night before, without a submission; `grouped` and `selection` are of one section.
    """

    shape: Shape
    scan: float
    grouped: float
    selection: float
    update: Run
    dry_run: Run
    night: Run
    floor: float
    referred: int
    update_rows: int
    written: int

    @property
    def locked_for_5000(self) -> float:
        """For how long rows would be locked for 5,000 referrals."""
        return self.night.locked / self.referred * FIVE_THOUSAND if self.referred else 0.0

    @property
    def memory(self) -> float:
        """The most that any of the processes took."""
        return max(run.memory for run in (self.update, self.dry_run, self.night))

    @property
    def scans_in_update(self) -> int:
        """How often the update alone read as many account lines as there are."""
        return self.update.lines_read // self.shape.lines


def measured(engine: Engine, shape: Shape, config: Path) -> Measured:
    """Both nights of a library, one after the other, and what they are compared with."""
    times = scans(engine)
    grouped, whole = selection(engine)
    update = run(config, engine, "--day", NIGHT_BEFORE.isoformat())
    times += scans(engine)
    dry_run = run(config, engine, "--day", NIGHT.isoformat(), "--dry-run")
    night = run(config, engine, "--day", NIGHT.isoformat())
    scan = median(times + scans(engine))
    referred, rows = counted(engine)
    least, written = floor(engine, scan)
    return Measured(
        shape=shape, scan=scan, grouped=grouped, selection=whole, update=update, dry_run=dry_run, night=night,
        floor=least, referred=referred, update_rows=rows, written=written,
    )  # fmt: skip


def as_installed() -> None:
    """The program is compiled to bytecode, as pip does it when it installs, whatever this environment asks for."""
    compile_dir(Path(gentle_nudge.__file__).parent, quiet=1)


def best(work: Callable[[], object]) -> float:
    """The shortest of a few times."""
    return min(timed(work) for _ in range(TIMES))


def timed(work: Callable[[], object]) -> float:
    """How many seconds it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def selection(engine: Engine) -> tuple[float, float]:
    """The grouped query alone; and with the facts and columns of the chosen patrons."""
    policy = Policy(
        threshold=Decimal(25), processing_fee=Decimal(10), flag=Flag.parse("sort1"), minors="exclude", most_referrals=0
    )
    section = Section(policy=policy)
    moment = Moment(day=NIGHT, now=datetime.now(UTC), zone=ZONE)
    with engine.connect() as conn:
        memory = read_records(conn, section)
        rules, in_collections = line_rules(section, moment, memory), memory.open_cases.keys()
        ownership = ownership_of(conn, section, memory, in_collections)

        def scan() -> CandidateScan:
            unpaid = unpaid_lines(conn, rules.window, rules.zone)
            owing = owing_patrons(conn, unpaid, rules=rules, ownership=ownership, threshold=policy.threshold)
            return owing.scan(section.scope.holds, in_collections)

        grouped = best(scan)
        whole = best(lambda: list(read_candidates(conn, section, memory, scan().numbers, rules=rules)))
    return grouped, whole


def run(config: Path, engine: Engine, *options: str) -> Run:
    """One `nightly`, as cron starts it."""
    _lines_read(engine)
    before = _questions(engine)
    with _watching_locks(engine) as locked:
        began = time.perf_counter()
        command = [str(COMMAND), "--config", str(config), "nightly", *options]
        env = {"PATH": os.defpath, "LANG": "C.UTF-8", "LOGNAME": "bench"}
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
        memory = most_memory(process)
        seconds = time.perf_counter() - began
    if process.returncode != 0:
        raise RuntimeError("the night went wrong")
    statements = _questions(engine) - before - len(locked)
    return Run(
        seconds=seconds, locked=sum(locked), memory=memory, statements=statements, lines_read=_lines_read(engine)
    )


def most_memory(process: subprocess.Popen[bytes]) -> float:
    """The most that the process had in memory until it ended, in MB.

    Not what `wait4` tells: that counts the moment in which a new process is still a copy of ours.
    """
    most, status = 0, Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        with suppress(OSError):
            found = PEAK.search(status.read_text(encoding="ascii"))
            most = max(most, int(found[1]) if found else 0)
        time.sleep(A_MOMENT)
    return most * KIBIBYTE / MEGABYTE


def _questions(engine: Engine) -> int:
    with engine.connect() as conn:
        return int(conn.execute(text("SHOW GLOBAL STATUS LIKE 'Questions'")).one()[1])


def _lines_read(engine: Engine) -> int:
    """How many rows of `accountlines` the server has read since this was asked last, whatever the way."""
    count = "SELECT SUM(rows_read) FROM information_schema.table_statistics WHERE table_schema = DATABASE()"
    with engine.connect() as conn:
        found = conn.execute(text(f"{count} AND table_name = 'accountlines'")).scalar()
        conn.execute(text("FLUSH TABLE_STATISTICS"))
    return int(found or 0)


@contextmanager
def _watching_locks(engine: Engine) -> Iterator[list[float]]:
    """How long, tick by tick, some transaction held more row locks than that of our own row."""
    stop, held = threading.Event(), list[float]()

    def watch() -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            last = time.perf_counter()
            while not stop.wait(A_TICK):
                most = conn.execute(text("SELECT MAX(trx_rows_locked) FROM information_schema.innodb_trx")).scalar()
                now = time.perf_counter()
                held.append(now - last if (most or 0) > OUR_OWN_ROWS else 0.0)
                last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield held
    finally:
        stop.set()
        watcher.join()


def floor(engine: Engine, scan: float) -> tuple[float, int]:
    """Two scans and the rows the night wrote, written again by plain statements; and how many rows these are."""
    with engine.connect() as conn:
        conn.execute(text("SET foreign_key_checks = 0"))
        taken = {table: _take(conn, table, which) for table, which in WRITTEN}
        numbers = [row["borrowernumber"] for row in taken["borrower_debarments"]]
        conn.commit()
        conn.execute(text("SET foreign_key_checks = 1"))
        began = time.perf_counter()
        for table, rows in taken.items():
            _put(conn, table, rows)
        for start in range(0, len(numbers), ROWS_AT_A_TIME):
            some = ", ".join(map(str, numbers[start : start + ROWS_AT_A_TIME]))
            for change in ("sort1 = 'yes '", "debarred = '9999-12-30', debarredcomment = 'x'"):
                conn.exec_driver_sql(f"UPDATE borrowers SET {change} WHERE borrowernumber IN ({some})")
        conn.commit()
        return time.perf_counter() - began + 2 * scan, sum(map(len, taken.values())) + 2 * len(numbers)


def _take(conn: Connection, table: str, which: str) -> list[dict[str, object]]:
    rows = [dict(row) for row in conn.execute(text(f"SELECT * FROM {table} WHERE {which}")).mappings()]
    conn.execute(text(f"DELETE FROM {table} WHERE {which}"))
    return rows


def _put(conn: Connection, table: str, rows: list[dict[str, object]]) -> None:
    if not rows:
        return
    names = ", ".join(f"`{name}`" for name in rows[0])
    marks = ", ".join(["%s"] * len(rows[0]))
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        conn.exec_driver_sql(statement, [tuple(row.values()) for row in rows[start : start + ROWS_AT_A_TIME]])


def scans(engine: Engine) -> list[float]:
    """What a plain scan of the account lines takes now, a few times."""
    with engine.connect() as conn:
        return [timed(lambda: conn.execute(text(SCAN)).scalar()) for _ in range(TIMES)]


def counted(engine: Engine) -> tuple[int, int]:
    """How many were referred, and the rows of the update."""
    with engine.connect() as conn:
        query = text(
            "SELECT COALESCE(SUM(c.number), 0) FROM gentle_nudge_run_count c JOIN gentle_nudge_run r ON r.id = c.run"
            " WHERE r.report = :report AND r.day = :day AND c.what = 'patrons'"
        )
        referred, rows = (
            int(conn.execute(query, {"report": it, "day": NIGHT}).scalar_one()) for it in ("submission", "update")
        )
    return referred, rows
