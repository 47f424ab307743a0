"""What the program logs: each step with its figures and time, where an internal error happened, never a person."""

import os
import pty
import re
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.evenings import Library
from tests.builders.days import SUNDAY
from tests.support.command import COMMAND, Command
from tests.support.koha import KohaDatabase
from tests.support.programs import free_port
from tests.support.sample_library import cast_alone

CARD = "24000081"
COMMANDS = (
    "check",
    "status",
    "outbox",
    "history",
    f"history {CARD}",
    f"explain {CARD}",
    f"timeline --branch MAIN --itemtype BK --patron {CARD}",
    "cases",
    "nightly --dry-run",
    "sync --dry-run",
    f"release {CARD} --reason again --dry-run",
    f"release {CARD} --reason again",
    f"hold {CARD} --reason deceased",
    "hold",
    f"resume {CARD}",
    "nightly",
    "sync",
    "deliver",
    "regenerate --day 2026-11-22 --report submission --output past",
    f"forget {CARD}",
    "config show",
    "config validate",
)


def test_verbose_logs_each_step_of_a_night_with_its_figures_and_time(library: Library) -> None:
    evenings = library()
    evenings.owing()
    lines = evenings.run("--verbose", "nightly").stderr.splitlines()
    assert lines == [
        "global: decided about 1 patron (0.0 s)",
        "global: 1 decision carried out (0.0 s)",
        "what became of the cases copied (0.0 s)",
        "ums-new-submissions-2026-11-22.csv delivered by email (0.0 s)",
        "ums-updates-2026-11-22.csv delivered by email (0.0 s)",
        "Dropping the names of deleted patrons: done (0.0 s)",
        "Dropping old lists and notices, and the names of old closed cases: done (0.0 s)",
        "Deleting old reports: done (0.0 s)",
        "Deleting old pages: done (0.0 s)",
    ]


def test_without_verbose_nothing_is_logged(library: Library) -> None:
    evenings = library()
    evenings.owing()
    assert evenings.run("nightly").stderr == ""


def test_debug_logs_statements_without_their_values(library: Library) -> None:
    evenings = library()
    evenings.koha.execute("ALTER TABLE borrowers AUTO_INCREMENT = 7654321")
    patron = evenings.owing()
    logged = evenings.run("--debug", "nightly").stderr
    assert "UPDATE borrowers FORCE INDEX (PRIMARY) SET" in logged
    assert "FROM accountlines" in logged
    assert str(patron) not in logged


@pytest.fixture
def without_parts(koha: KohaDatabase) -> Iterator[Callable[[], None]]:
    """Takes the table away that holds the bytes of reports; afterwards it is there again."""
    renamed = "RENAME TABLE gentle_nudge_report_part TO parts_elsewhere"
    taken: list[bool] = []

    def take_away() -> None:
        koha.execute(renamed)
        taken.append(True)

    yield take_away
    if taken:
        koha.execute("RENAME TABLE parts_elsewhere TO gentle_nudge_report_part")


@pytest.mark.parametrize("option", ["--debug", "--verbose"])
def test_debug_shows_where_an_error_of_a_delivery_happened(
    library: Library, without_parts: Callable[[], None], option: str
) -> None:
    evenings = library(port=free_port())
    evenings.owing()
    assert evenings.run("nightly").returncode == 1
    evenings.configure()
    without_parts()
    done = evenings.run(option, "deliver", on=SUNDAY.replace(day=23))
    assert done.returncode == 1
    assert "The database refused a statement (error 1146)." in done.stderr
    assert ("jobs/sending/deliver.py" in done.stderr) is (option == "--debug")


def test_debug_shows_where_tidying_up_failed(library: Library, without_parts: Callable[[], None]) -> None:
    evenings = library()
    evenings.owing()
    evenings.does("nightly")
    without_parts()
    done = evenings.run("--debug", "nightly", on=SUNDAY.replace(year=2027))
    assert "Deleting old reports failed: The database refused a statement (error 1146)." in done.stderr
    assert "jobs/monitor/retention.py" in done.stderr


def test_no_command_on_the_demo_logs_a_person(command: Command) -> None:
    from sqlalchemy import create_engine, text  # noqa: PLC0415 - the demo's own database

    config = cast_alone(command)
    (file,) = config.parent.glob("*.sqlite")
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as conn:
        columns = "surname, firstname, cardnumber, address, phone, email"
        rows = conn.execute(text(f"SELECT {columns} FROM borrowers")).all()
    engine.dispose()
    personal = {value for row in rows for value in row if value and len(value) > 4}
    assert len(personal) > 500
    leak = re.compile(rf"\b({'|'.join(map(re.escape, personal))})\b")
    for words in COMMANDS:
        done = command.run("--config", config, "--debug", *words.split())
        named = r"patron number \d+"  # a sentence to the administrator, no line of a log
        assert leak.findall(re.sub(named, "", done.stderr)) == [], f"{words}: {done.stderr}"


@pytest.mark.process
def test_a_terminal_shows_the_steps_while_they_are_done(library: Library) -> None:
    evenings = library()
    evenings.owing()
    there, here = pty.openpty()
    done = subprocess.run(
        [COMMAND, "--config", evenings.config, "nightly", "--dry-run"],
        env=evenings.command.environment(
            {"GENTLE_NUDGE_KOHA__PASSWORD": evenings.koha.server.password, "TERM": "xterm", "COLUMNS": "100"}
        ),
        stdout=subprocess.PIPE,
        stderr=here,
        check=False,
    )
    os.close(here)
    shown = os.read(there, 100_000).decode()
    os.close(there)
    assert done.returncode == 0
    assert "decided about" in shown
    assert b"decided about" not in done.stdout
