"""The demo as a user runs it: what the screen says is what the database, the files and the messages hold."""

import csv
import os
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email import policy
from email.parser import BytesParser
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.support.command import COMMAND, Command
from tests.support.terminal import on_terminal, shows_progress

Run = Callable[..., CompletedProcess[str]]
DAY = "2026-11-25"
SUNDAY = "2026-11-22"
DEMO = "gentle-nudge-demo"
BOUNDARY = re.compile(rb"={15}\d+==")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A demo that was shown: what stood on the screen, its folder, and the command."""

    screen: str
    folder: Path
    command: Command


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Shown once for the tests that only look, by a command that the shell finds."""
    command = Command(tmp_path_factory.mktemp("demo"))
    screen = shown(command.run, env={"PATH": f"{COMMAND.parent}:{os.defpath}"})
    return Shown(screen=screen, folder=command.cwd / DEMO, command=command)


@pytest.fixture
def folder(command: Command) -> Path:
    """Where the demo goes unless told otherwise."""
    return command.cwd / DEMO


def shown(run: Run, *arguments: str, **how: dict[str, str]) -> str:
    """What is on the screen when all goes well."""
    done = run("demo", "--day", DAY, *arguments, **how)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def query(folder: Path, sql: str) -> list[Any]:
    with sqlite3.connect(folder / "koha.sqlite") as database:
        rows = database.execute(sql).fetchall()
    database.close()
    return rows


def number_in(screen: str, sentence: str) -> str:
    found = re.search(sentence, " ".join(screen.split()))
    assert found, sentence
    return found[1]


def report(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "archive" / f"ums-{name}-{SUNDAY}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file but the database, messages without the boundary that Python draws by lot."""
    reports = {path for part in ("archive", "mail/new") for path in (folder / part).glob("*")}
    found = {*reports, folder / "gentle-nudge.toml"}
    return {str(path.relative_to(folder)): BOUNDARY.sub(b"", path.read_bytes()) for path in found}


def test_the_figures_on_the_screen_are_those_of_the_database(demo: Shown) -> None:
    screen, folder = demo.screen, demo.folder
    ((amount,),) = query(
        folder, f"SELECT amount FROM gentle_nudge_run WHERE report = 'submission' AND day = '{SUNDAY}'"
    )
    counts = {
        (report, what): number
        for report, what, number in query(
            folder,
            "SELECT report, what, c.number FROM gentle_nudge_run_count c"
            f" JOIN gentle_nudge_run r ON r.id = c.run WHERE day = '{SUNDAY}'",
        )
    }
    referred = counts["submission", "referred"]
    listed, released, adopted = (counts["update", what] for what in ("patrons", "released", "adopted"))
    assert number_in(screen, rf"{SUNDAY}: (\d+) patrons are referred") == str(referred)
    assert number_in(screen, r"They owe ([\d.]+), with the fees") == f"{amount / 1_000_000:.2f}"
    assert number_in(screen, rf"ums-updates-{SUNDAY}.csv \((\d+) patrons\)") == str(listed)
    assert number_in(screen, r"Released \((\d+)\)") == str(released - 1)  # one was adopted and released at once
    assert number_in(screen, r"Adopted, flagged by hand \((\d+)\)") == str(adopted)
    ((new,),) = query(folder, f"SELECT COUNT(*) FROM gentle_nudge_case WHERE referred_on = '{SUNDAY}'")
    assert new == referred


def test_the_reports_hold_everybody_the_screen_names(demo: Shown) -> None:
    screen, folder = demo.screen, demo.folder
    submission, update = report(folder, "new-submissions"), report(folder, "updates")
    for row in submission:
        assert re.search(rf"^{row['cardnumber']}\b.*{row['Total_Plus_Fee']}", screen, re.MULTILINE)
    assert {row["borrowernumber"] for row in submission} <= {row["borrowernumber"] for row in update}
    assert "'=HYPERLINK(A1)" in {row["surname"] for row in submission}
    assert "c/o Hotel zur Post\nZimmer 12" in {row["address"] for row in submission}
    for row in submission:
        sum_ = f"SELECT SUM(amountoutstanding) FROM accountlines WHERE borrowernumber = {row['borrowernumber']}"
        ((outstanding,),) = query(folder, sum_)
        assert row["Total_Plus_Fee"] == f"{outstanding / 1_000_000:.2f}"


def test_every_message_is_in_the_maildir_with_the_archived_file(demo: Shown) -> None:
    screen, folder = demo.screen, demo.folder
    attached = []
    for path in (folder / "mail" / "new").iterdir():
        message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        (part,) = message.iter_attachments()
        content = part.get_content()
        attached.append(part.get_filename())
        archived = (folder / "archive" / str(part.get_filename())).read_bytes()
        assert archived == (content.encode() if isinstance(content, str) else content)
    tonight = sum(SUNDAY in str(name) for name in attached)
    assert number_in(screen, r"\((\d+) messages of tonight") == str(tonight)
    assert number_in(screen, r"tonight, (\d+) of earlier Sundays") == str(len(attached) - tonight)


def test_the_paths_on_the_screen_exist(demo: Shown) -> None:
    paths = re.findall(rf"^  ({DEMO}/\S+)", demo.screen, re.MULTILINE)
    assert len(paths) == 7
    assert all((demo.folder.parent / path).exists() for path in paths)


def test_the_last_lines_name_the_pages_to_open(demo: Shown) -> None:
    *_, last = demo.screen.split("\n\n")
    names = re.findall(rf"{DEMO}/staff/(\S+)", last)
    assert names == [
        f"night-{SUNDAY}-global.html",
        "review-2026-11-29-global.html",
        "statement-244-2026-11-22.html",
        "outcomes-2026-11.html",
    ]
    night, coming, statement, outcomes = ((demo.folder / "staff" / name).read_text() for name in names)
    assert "The night of Sunday 22 November 2026" in night
    assert "2 patrons will be referred on Sunday 29 November 2026" in coming
    assert "Turned 18 on 23 November 2026; the oldest charge was made as a minor." in coming
    assert "Card 24000141. You still owe <strong>30.00</strong>." in statement
    assert "Of every 100.00 referred" in outcomes


def test_the_coming_list_is_a_look_ahead_that_nobody_has_to_approve(demo: Shown) -> None:
    assert query(demo.folder, "SELECT COUNT(*) FROM gentle_nudge_list") == [(0,)]
    coming = (demo.folder / "staff/review-2026-11-29-global.html").read_text()
    assert "there is no list of this day" in coming
    assert "review approve" not in coming


def test_twice_gives_the_same_bytes_and_the_environment_of_a_real_library_leads_nowhere(
    demo: Shown, tmp_path: Path
) -> None:
    real = tmp_path / "real.sqlite"
    real.touch()
    environment = {
        "GENTLE_NUDGE_KOHA__URL": f"sqlite:///{real}",
        "GENTLE_NUDGE_CONFIG": str(tmp_path / "none.toml"),
        "KOHA_CONF": str(tmp_path / "koha-conf.xml"),
    }
    before = contents(demo.folder)
    again = shown(demo.command.run, env=environment)
    assert real.read_bytes() == b""
    assert contents(demo.folder) == before
    assert f"\n  {COMMAND} --config {DEMO}/gentle-nudge.toml history --since 2026-11-08\n" in again
    note = "KOHA_CONF is set here and leads to a real library: put env -u KOHA_CONF before each command."
    said = " ".join(again.replace(f"{COMMAND} --config", "gentle-nudge --config").split())
    replaced = f"The demo that was in {DEMO} has been replaced."
    assert said.replace(f" {note}", "") == " ".join([replaced, *demo.screen.split()])
    assert note in said


def test_any_other_folder_is_left_alone(run: Run, folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    done = run("demo")
    assert done.returncode == 2
    assert "nothing in it was touched" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


@pytest.mark.process
def test_the_commands_on_the_screen_can_be_played(demo: Shown, command: Command) -> None:
    path = {"PATH": f"{COMMAND.parent}:{os.defpath}"}
    words = ("demo", "--day", DAY, "here/there")
    done = on_terminal(*words, columns=80, cwd=command.cwd, env=command.environment(path), piped=True)
    shows_progress(done)
    screen = done.stdout
    assert (command.cwd / "here" / "there" / "koha.sqlite").stat().st_size > 0
    assert screen == demo.screen.replace(DEMO, "here/there")
    commands = re.findall(r"^  gentle-nudge (--config .*)$", screen, re.MULTILINE)
    assert len(commands) >= 5
    assert command.run_process(*commands[0].split(), env=path).returncode == 0
    for arguments in commands:
        done = command.run(*arguments.split(), env=path)
        assert done.returncode == 0, (arguments, done.stderr)


def test_a_command_that_the_shell_finds_is_called_by_its_name(demo: Shown) -> None:
    assert f"\n  gentle-nudge --config {DEMO}/gentle-nudge.toml history --since 2026-11-08\n" in demo.screen


@pytest.mark.parametrize("days", range(7))
def test_whatever_the_day_nothing_is_wrong_with_the_demo(demo: Shown, command: Command, days: int) -> None:
    at = datetime(2026, 11, 22 + days, 15, tzinfo=UTC)
    for question in ("check", "status"):
        done = command.run("--config", demo.folder / "gentle-nudge.toml", question, at=at)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_year_on_the_screen_is_that_of_the_database(demo: Shown) -> None:
    screen, folder = demo.screen, demo.folder
    ((cases, sundays, first, last),) = query(
        folder,
        "SELECT COUNT(*), COUNT(DISTINCT referred_on), MIN(referred_on), MAX(referred_on) FROM gentle_nudge_case"
        " WHERE referred_on < '2026-11-08' AND NOT adopted",
    )
    recorded = number_in(screen, rf"On {sundays} Sundays from {first} to {last} {cases} patrons .* owed ([0-9.]+)\. ")
    items = number_in(screen, r"(\d+) lost items have come back")
    in_lines = (
        "FROM gentle_nudge_case_line l JOIN gentle_nudge_case c ON c.id = l.case_id"
        " WHERE referred_on < '2026-11-08' AND NOT adopted"
    )
    assert query(folder, f"SELECT SUM(outstanding) {in_lines}") == [(Decimal(recorded) * 1_000_000,)]
    assert query(folder, "SELECT COUNT(*) FROM accountlines WHERE debit_type_code = 'LOST' AND status = 'FOUND'") == [
        (int(items),)
    ]


def test_the_reminders_on_the_screen_are_those_in_the_queue_and_nobody_of_them_is_in_collections(
    demo: Shown,
) -> None:
    sent = dict(
        query(
            demo.folder,
            f"SELECT letter, COUNT(*) FROM gentle_nudge_reminder r JOIN gentle_nudge_reminder_message m"
            f" ON m.reminder_id = r.id JOIN message_queue q ON q.message_id = m.message AND q.letter_code = r.letter"
            f" WHERE day = '{SUNDAY}' GROUP BY letter",
        )
    )
    assert set(sent) == {"DEBTREM1", "DEBTREM2", "DEBTBILL"}
    for letter, count in sent.items():
        assert number_in(demo.screen, rf"(\d+) patrons get [a-z0-9 ]+ \({letter}\)") == str(count)
    fees = "SELECT COUNT(*) FROM accountlines WHERE description = 'Debt reminder fee' AND amount = 3000000"
    assert query(demo.folder, fees) == [(sent["DEBTBILL"],)]
    both = "gentle_nudge_series s JOIN gentle_nudge_case c ON c.patron = s.patron WHERE s.state = 'open'"
    assert query(demo.folder, f"SELECT COUNT(*) FROM {both}") == [(0,)]


def test_of_the_year_no_message_and_no_file_is_left(demo: Shown) -> None:
    sundays = ["2026-11-08", "2026-11-15", "2026-11-22"]
    for names in ("archive/ums-new-submissions-*.csv", "archive/ums-updates-*.csv", "staff/night-*.html"):
        assert sorted(re.findall(r"\d{4}-\d\d-\d\d", " ".join(map(str, demo.folder.glob(names))))) == sundays
    assert len([*(demo.folder / "mail" / "new").iterdir()]) == 4 * len(sundays)
