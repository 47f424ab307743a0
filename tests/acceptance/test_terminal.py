"""What a person sees on a real terminal: it fits, says what is being done, and has colours where staff should look."""

import csv
import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.command import Command, Finished
from tests.support.sample_library import cast_alone
from tests.support.terminal import COLOUR, on_terminal, plain_lines, shows_progress, widest

pytestmark = pytest.mark.process

CONFIG = Path("gentle-nudge-demo") / "gentle-nudge.toml"
NAMES = {34: "王歐陽司馬諸葛上官 小明大明中明", 50: "Wolfeschlegelsteinhausenbergerdorff", 65: "a\x1b[31mb\x07"}
LISTINGS = (
    ("history",),
    ("history", "number:2"),
    ("cases",),
    ("outbox", "--state", "sent"),
    ("explain", "24000037"),
    ("status",),
    ("check",),
    ("nightly", "--dry-run", "--day", "2026-11-29"),
)


class Desk:
    """The sample library, and a terminal to look at it."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.folder = cast_alone(command).parent

    def sees(self, *args: str, columns: int = 80, piped: bool = False, **env: str) -> Finished:
        """The finished command on a terminal of this width."""
        words: tuple[str | Path, ...] = ("--config", CONFIG, *args)
        environ = self.command.environment(env)
        return on_terminal(*words, columns=columns, cwd=self.command.cwd, env=environ, piped=piped)

    def reads(self, *args: str) -> str:
        """What the command writes into a pipe."""
        done = self.command.run("--config", CONFIG, *args)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk where some names are long, wide, or would command the terminal."""
    desk = Desk(Command(tmp_path_factory.mktemp("desk")))
    (database,) = (path for path in desk.folder.iterdir() if path.suffix in {".db", ".sqlite"})
    with closing(sqlite3.connect(database)) as conn, conn:
        for number, surname in NAMES.items():
            conn.execute("UPDATE gentle_nudge_case SET surname = ? WHERE number = ?", (surname, number))
    return desk


@pytest.mark.parametrize("columns", [80, 60])
@pytest.mark.parametrize("listing", LISTINGS, ids=" ".join)
def test_no_line_is_wider_than_the_terminal(desk: Desk, listing: tuple[str, ...], columns: int) -> None:
    screen = desk.sees(*listing, columns=columns).stdout
    assert widest(screen) <= columns


def test_in_80_columns_days_amounts_cards_and_headings_are_whole(desk: Desk) -> None:
    lines = plain_lines(desk.sees("cases").stdout)
    assert lines[0].split() == ["case", "card", "name", "referred", "then", "now", "told", "state"]
    (threshold,) = (line.split() for line in lines if "Threshold" in line)
    assert {"24", "24000020", "2026-11-22", "25.00", "35.00", "open"} <= set(threshold)
    heading, newest, *_ = plain_lines(desk.sees("history").stdout)
    assert heading.split() == ["day", "report", "rows", "what", "was", "done", "amount", "fees"]
    assert newest.split()[:4] == ["2026-11-22", "update", "32", "2"]


def test_control_characters_never_reach_the_terminal(desk: Desk) -> None:
    screen = desk.sees("cases", columns=120).stdout
    assert "\x1b[31m" not in screen
    assert "\x07" not in screen
    assert r"a\x1b[31mb\x07" in screen


def test_in_a_narrow_terminal_every_value_is_there_whole(desk: Desk) -> None:
    screen = "\n".join(plain_lines(desk.sees("cases", columns=40).stdout))
    assert widest(screen) <= 40
    for case in json.loads(desk.reads("cases", "--format", "json"))["cases"]:
        assert case["card"] is None or case["card"] in screen
        assert case["closed_on"] is None or case["closed_on"] in screen
        assert case["last_due"] in screen


def test_long_work_shows_what_it_does_and_leaves_nothing_behind(desk: Desk) -> None:
    for work in (
        ("nightly", "--dry-run"),
        ("sync", "--dry-run"),
        ("deliver",),
        ("check",),
        ("regenerate", "--day", "2026-11-22", "--report", "update"),
        ("init", "--adopt", "--yes"),
        ("history",),
        ("cases", "--format", "json"),
        ("outbox",),
        ("explain", "24000037"),
        ("release", "--submission", "2026-11-22", "--reason", "x", "--dry-run"),
    ):
        shows_progress(desk.sees(*work, piped=True))


def test_problems_have_colours_on_a_terminal_only(desk: Desk) -> None:
    assert COLOUR.search(desk.sees("explain", "nobody").stdout)
    assert COLOUR.search(desk.sees("nightly", "--dry-run", "--day", "2026-11-29", piped=False).stdout)
    for work in (("explain", "nobody"), ("check",), ("nightly", "--dry-run", "--day", "2026-11-29")):
        assert not COLOUR.search(desk.sees(*work, NO_COLOR="1").stdout)
        piped = desk.command.run("--config", CONFIG, *work, env={"FORCE_COLOR": "1"})
        assert "\x1b" not in piped.stdout + piped.stderr


def test_a_long_sentence_is_wrapped_between_words(desk: Desk) -> None:
    done = desk.sees("cases", "move", "no-such-section", "another-section", columns=30)
    assert plain_lines(done.stdout) == ["There is no section", "another-section.", "The sections are: global."]


def test_every_listing_can_be_had_as_json_and_as_csv_with_the_same_keys(desk: Desk) -> None:
    listings = ((("history",), "runs"), (("cases",), "cases"), (("outbox", "--state", "sent"), "deliveries"))
    for listing, key in listings:
        records = json.loads(desk.reads(*listing, "--format", "json"))[key]
        rows = list(csv.DictReader(desk.reads(*listing, "--format", "csv").splitlines()))
        assert len(rows) == len(records) > 3
        assert list(rows[0]) == [name for name in records[0] if name != "tries"]


def test_runs_are_given_with_each_count(desk: Desk) -> None:
    update, submission, *_ = json.loads(desk.reads("history", "--format", "json"))["runs"]
    assert (update["report"], update["released"], update["ended"], update["referred"]) == ("update", 5, 4, 0)
    assert (submission["report"], submission["referred"], submission["fees"]) == ("submission", 12, "120.00")


def test_what_happened_to_one_patron_can_be_had_as_json_and_csv(desk: Desk) -> None:
    (case,) = json.loads(desk.reads("history", "number:48", "--format", "json"))
    assert (case["case"], case["state"], case["closed_on"]) == (3, "released", "2026-11-22")
    assert [line["outstanding"] for line in case["lines"]] == ["26.75"]
    told = [(each["report"], each["due"], each["channel"], each["state"]) for each in case["told"]]
    assert told[0] == ("submission", "36.75", "email", "sent")
    rows = list(csv.DictReader(desk.reads("history", "number:48", "--format", "csv").splitlines()))
    assert [(row["report"], row["due"], row["channel"]) for row in rows] == [each[:3] for each in told]


def test_without_a_row_csv_has_the_same_header(desk: Desk) -> None:
    for listing, nothing in ((("outbox", "--state", "sent"), "failed"), (("cases", "--state", "open"), "merged")):
        full, empty = (
            desk.reads(*listing, "--format", "csv"),
            desk.reads(listing[0], "--state", nothing, "--format", "csv"),
        )
        assert empty.splitlines()[0] == full.splitlines()[0]
    assert len(desk.reads("outbox", "--format", "csv").splitlines()) == 1


def test_csv_is_utf_8_whatever_the_terminal_speaks(desk: Desk) -> None:
    done = desk.command.run_process("--config", CONFIG, "cases", "--format", "csv", env={"PYTHONIOENCODING": "ascii"})
    assert NAMES[34] in done.stdout, done.stderr
    assert done.stdout.startswith("case,section,number,patron,card,surname,")


def test_long_lists_end_with_their_totals(desk: Desk) -> None:
    last = desk.reads("cases").splitlines()[-1]
    answer = json.loads(desk.reads("cases", "--format", "json"))
    cases, totals = answer["cases"], answer["totals"]
    still = sum(case["state"] == "open" for case in cases)
    assert last.startswith(f"{len(cases)} cases ({still} open, ")
    for key in ("balance", "balance_now", "last_due", "fee"):
        assert Decimal(totals[key]) == sum(Decimal(case[key] or 0) for case in cases) != 0
    then, now, told, fees = (totals[key] for key in ("balance", "balance_now", "last_due", "fee"))
    assert last.endswith(f"): then {then}, now {now}, told {told}, fees {fees}")
    assert totals["cases"] == len(cases)
    said = desk.reads("history").splitlines()[-1]
    assert said == "6 runs: 31 referred, 6 adopted, 8 released, 6 ended; submissions 2490.77, fees 310.00"
    assert desk.reads("outbox", "--state", "sent").splitlines()[-1] == "23 deliveries"
    assert any(line.split()[:1] == ["total"] for line in desk.reads(*LISTINGS[-1]).splitlines())
