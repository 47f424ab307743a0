"""Ctrl-C and SIGTERM at any moment: one sentence, nothing further begins, and the next night makes up for it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from gentle_nudge.jobs.interruption import listening
from tests.acceptance.evenings import Evenings
from tests.support.command import COMMAND, Command, Finished
from tests.support.koha import KohaDatabase

Library = Callable[..., Evenings]
NAMES = ("north", "south", "global")
SECTIONS = """
[libraries]
charges_by = "patron"
[[library]]
name = "north"
branches = ["CPL"]
[[library]]
name = "south"
branches = ["MPL"]
"""
BRANCHES = {"north": "CPL", "south": "MPL", "global": "FPL"}
EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
SENTENCE = re.compile(r"Interrupted: .+\.\n")


@contextmanager
def struck(at: int, number: signal.Signals, *, lost: bool) -> Iterator[list[str]]:
    """The signal comes at that statement of the program; yield the statements after it.

    If `lost`, the interrupt that it raises is dropped, as Python does it in a finalizer.
    """
    statements: list[str] = []

    def strike(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)
        if len(statements) == at:
            with suppress(BaseException) if lost else nullcontext():
                os.kill(os.getpid(), number)

    with listening():
        event.listen(Engine, "before_cursor_execute", strike)
        try:
            yield statements
        finally:
            event.remove(Engine, "before_cursor_execute", strike)


def with_three_sections(library: Library) -> Evenings:
    evenings = library(tables=SECTIONS)
    for branch in BRANCHES.values():
        evenings.owing(branchcode=branch)
    return evenings


def with_cases(koha: KohaDatabase) -> set[str]:
    return {row["section"] for row in koha.query("SELECT DISTINCT section FROM gentle_nudge_case")}


def says_what_is_done(done: Finished, koha: KohaDatabase) -> None:
    """One sentence, and the sections it calls finished are those with cases."""
    assert SENTENCE.fullmatch(done.stderr), done.stderr
    finished, found, _ = done.stderr.partition(" finished; not done: ")
    if found:
        assert {name for name in NAMES if name in finished} == with_cases(koha)


def makes_up_for_it(evenings: Evenings, koha: KohaDatabase) -> None:
    """The next run refers everybody once."""
    evenings.run("nightly")
    assert sorted(case["section"] for case in evenings.cases()) == sorted(NAMES)
    assert koha.value("SELECT COUNT(*) FROM accountlines WHERE description LIKE 'UMS%'") == len(NAMES)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", [3, 20, 50, 90, 120, 160, 210, 285, 310, 360])
def test_an_interrupt_at_a_statement_ends_the_run(
    library: Library, koha: KohaDatabase, at: int, number: signal.Signals
) -> None:
    evenings = with_three_sections(library)
    with struck(at, number, lost=False) as statements:
        done = evenings.run("nightly")
        assert done.returncode == EXIT_CODES[number], done
        assert len(statements) == at
    says_what_is_done(done, koha)
    makes_up_for_it(evenings, koha)


@pytest.mark.parametrize("at", [20, 60, 120, 200])
def test_an_interrupt_that_is_lost_on_its_way_lets_no_further_transaction_begin(
    library: Library, koha: KohaDatabase, at: int
) -> None:
    evenings = with_three_sections(library)
    with struck(at, signal.SIGINT, lost=True):
        done = evenings.run("nightly")
    assert done.returncode == 130, done
    says_what_is_done(done, koha)
    assert with_cases(koha) != set(NAMES)
    makes_up_for_it(evenings, koha)


def test_the_statements_reach_into_the_deliveries(library: Library) -> None:
    evenings = with_three_sections(library)
    with struck(0, signal.SIGINT, lost=False) as statements:
        evenings.does("nightly")
    assert 500 < len(statements) < 600


def test_an_interrupted_delivery_says_how_many_arrived(library: Library, koha: KohaDatabase) -> None:
    evenings = with_three_sections(library)
    with struck(395, signal.SIGINT, lost=False):
        done = evenings.run("nightly")
    sent = koha.value("SELECT COUNT(*) FROM gentle_nudge_delivery WHERE state = 'sent'")
    assert f"{sent} of 6 reports were delivered; the others stay due" in done.stderr
    assert with_cases(koha) == set(NAMES)


def test_an_interrupted_night_tells_nobody(library: Library, tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.prom"
    evenings = library(tables=f'[monitoring]\nmetrics_file = "{metrics}"\n')
    evenings.owing()
    with struck(40, signal.SIGINT, lost=False):
        assert evenings.run("nightly").returncode == 130
    assert not metrics.exists()


def listens(process: subprocess.Popen[str]) -> bool:
    """Whether the process catches SIGTERM."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    caught = re.search(r"SigCgt:\s*([0-9a-f]+)", status)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.process
@pytest.mark.parametrize("milliseconds", [0, 50, 150, 300, 450, 600, 800])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_ends_at_any_moment(
    library: Library, koha: KohaDatabase, milliseconds: int, number: signal.Signals
) -> None:
    evenings = with_three_sections(library)
    environment = {"GENTLE_NUDGE_KOHA__PASSWORD": koha.server.password}
    with subprocess.Popen(
        [COMMAND, "--config", evenings.config, "nightly"],
        env=evenings.command.environment(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not listens(process):
            time.sleep(0.002)
        time.sleep(milliseconds / 1000)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert out == ""
    if process.returncode == EXIT_CODES[number]:
        assert SENTENCE.fullmatch(err), err
    else:  # it had ended before
        assert process.returncode in {0, 1}, err
        assert "Traceback" not in err


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_when_the_work_is_done_changes_nothing(command: Command, number: signal.Signals) -> None:
    script = f"""
import atexit, os, sys
from gentle_nudge.cli.entry import main

atexit.register(os.kill, os.getpid(), {int(number)})
sys.argv[1:] = ["--version"]
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=command.environment({}), capture_output=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("gentle-nudge, version")
