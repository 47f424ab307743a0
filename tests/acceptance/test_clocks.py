"""While our clock and the database server's are too far apart nothing is written, and everything may be looked at."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import MONDAY, SUNDAY, ZONE
from tests.support.koha import KohaDatabase
from tests.support.monitor import Monitor
from tests.support.nights import snapshot

TEN_MINUTES = 600
LATE = TEN_MINUTES + 1
WRITING = (
    "nightly",
    "sync",
    "deliver",
    "release 1001 --reason mistake",
    "outbox retry 1",
    "outbox cancel 1 --reason mistake",
    "regenerate --report update --day 2026-11-22 --send --reason lost",
    "cases move global north",
    "forget 1001",
    "init --yes",
    "init --adopt --yes",
    "init --moved --yes",
    "init --copy --yes",
    "init --restored --yes",
    "init --clock-mended --yes",
)
LOOKING = (
    "nightly --dry-run",
    "sync --dry-run",
    "release 1001 --reason mistake --dry-run",
    "explain 1001",
    "history",
    "history 1001",
    "cases",
    "outbox",
    "status",
    "regenerate --report update --day 2026-11-22",
)


def server_differs(evenings: Evenings, seconds: int) -> None:
    """From now on the server's clock is so much ahead of ours (below zero: behind) on the Monday's evening."""
    evening = datetime(MONDAY.year, MONDAY.month, MONDAY.day, 23, tzinfo=ZONE)
    evenings.session["timestamp"] = evening.timestamp() + seconds


@pytest.fixture
def evenings(library: Library, tmp_path: Path) -> Evenings:
    """A library with a patron in collections."""
    evenings: Evenings = library(tables=f'\n[archive]\ndirectory = "{tmp_path}/archive"\n')
    evenings.referred(card="1001")
    return evenings


@pytest.mark.parametrize("ahead", [LATE, -LATE])
def test_nothing_is_written_while_the_clocks_differ_by_more_than_ten_minutes(
    evenings: Evenings, koha: KohaDatabase, ahead: int
) -> None:
    server_differs(evenings, ahead)
    before = snapshot(koha)
    for command in WRITING:
        refused = evenings.run(*command.split(), on=MONDAY)
        assert (refused.returncode, refused.stdout) == (1, ""), command
        sentence, hint = refused.stderr.splitlines()
        assert "nothing is written while they are more than ten minutes apart" in sentence, command
        assert "NTP" in hint, command
    assert snapshot(koha) == before


@pytest.mark.parametrize("ahead", [TEN_MINUTES, -TEN_MINUTES])
def test_ten_minutes_are_no_trouble(evenings: Evenings, ahead: int) -> None:
    server_differs(evenings, ahead)
    for command in ("nightly", "sync", "deliver", "release 1001 --reason mistake", "init --yes"):
        evenings.does(*command.split(), on=MONDAY)


def test_dry_runs_and_questions_go_on_whatever_the_clocks_say(evenings: Evenings) -> None:
    server_differs(evenings, LATE)
    for command in LOOKING:
        evenings.does(*command.split(), on=MONDAY)


def test_a_night_that_was_refused_for_the_clocks_is_made_up_for(evenings: Evenings) -> None:
    server_differs(evenings, LATE)
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    evenings.session.clear()
    evenings.does("nightly", on=MONDAY)
    assert evenings.stored(f"ums-updates-{MONDAY}.csv")


def test_the_monitor_hears_that_the_clocks_differ(library: Library) -> None:
    with Monitor() as monitor:
        evenings: Evenings = library(tables=f'\n[monitoring]\nping_url = "{monitor.url}"\n')
        evenings.does("nightly", on=SUNDAY)
        server_differs(evenings, LATE)
        evenings.run("nightly", on=MONDAY)
        assert monitor.heard == ["start", "", "start", "fail"]
