"""After an upgrade of the program: `init` upgrades the tables, and the library goes on where it was."""

import csv
import json
from collections.abc import Callable

import pytest
from sqlalchemy import text

from gentle_nudge.store.tables import SCHEMA_VERSION, metadata
from tests.acceptance.evenings import Evenings
from tests.builders.days import TUESDAY
from tests.support.koha import KohaDatabase
from tests.support.own_tables import build

pytestmark = pytest.mark.before_init
COLUMNS = [
    "day",
    "section",
    "report",
    "rows",
    "referred",
    "adopted",
    "reopened",
    "released",
    "ended",
    "amount",
    "fees",
    "who",
]
HISTORY = """\
2026-11-23 global sync 6 0 0 0 0 0 1434.56 0.00 ann
2026-11-23 global update 8 0 1 0 0 2 1434.56 0.00
2026-11-22 global update 10 0 0 0 1 2 320.00 0.00
2026-11-22 global submission 4 4 0 0 0 0 120.00 40.00
2026-11-15 global update 6 0 0 0 0 0 240.00 0.00
2026-11-15 global submission 6 6 0 0 0 0 180.00 60.00"""


def with_tables_of(version: int, koha: KohaDatabase) -> None:
    """The tables are those of that version, and say that they belong here."""
    (here,) = koha.query("SELECT machine, host, port, database_name FROM gentle_nudge_meta")
    with koha.engine.begin() as conn:
        conn.execute(text("SET foreign_key_checks = 0"))
        for name in metadata.tables:
            conn.execute(text(f"DROP TABLE {name}"))
        conn.execute(text("SET foreign_key_checks = 1"))
    build(koha.engine, version)
    said = ", ".join(f"{column} = :{column}" for column in here)
    koha.execute(f"UPDATE gentle_nudge_meta SET {said}", **here)


def test_init_upgrades_the_tables_of_version_1_in_place(library: Callable[..., Evenings], koha: KohaDatabase) -> None:
    evenings = library()
    with_tables_of(1, koha)
    for command in ("nightly", "sync", "deliver", "history", "outbox", "cases"):
        refused = evenings.run(command, on=TUESDAY)
        assert (refused.returncode, "gentle-nudge init" in refused.stderr) == (2, True), refused
    assert "up to date" in evenings.does("init", "--yes")
    runs = csv.DictReader(evenings.does("history", "--format", "csv").splitlines())
    assert [" ".join(row[column] for column in COLUMNS).strip() for row in runs][-6:] == HISTORY.splitlines()
    assert "up to date" in evenings.does("init", "--yes")
    evenings.does("history", "number:1")
    assert koha.value("SELECT schema_version FROM gentle_nudge_meta") == SCHEMA_VERSION


@pytest.mark.parametrize("version", [1, 2])
def test_until_then_check_names_them_and_no_question_about_patrons_is_answered(
    library: Callable[..., Evenings], koha: KohaDatabase, version: int
) -> None:
    evenings = library()
    with_tables_of(version, koha)
    findings = json.loads(evenings.run("check", "--format", "json", on=TUESDAY).stdout)
    assert "own-tables-missing" in {finding["name"] for finding in findings}
    for command in (["nightly", "--dry-run"], ["explain", "number:1"], ["status"]):
        refused = evenings.run(*command, on=TUESDAY)
        assert (refused.returncode, "gentle-nudge init" in refused.stderr) == (2, True), refused
