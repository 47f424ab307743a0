"""The GRANT file of the documentation is enough for everything, and no more than that."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from gentle_nudge.store.tables import metadata
from tests.acceptance.libraries import Library
from tests.builders.koha import an_attribute_type, pays
from tests.support.command import Command
from tests.support.grants import ALL_PARTS, PASSWORD, READING, apply_grants, forget, parts, url_of_user
from tests.support.koha import KohaDatabase
from tests.support.nights import snapshot
from tests.support.own_tables import build


@pytest.fixture
def library(koha: KohaDatabase, tmp_path: Path, command: Command) -> Iterator[Library]:
    """A library that uses everything, reached as a user who has only the rights of the file."""
    library = Library(koha=koha, folder=tmp_path, command=command)
    an_attribute_type(koha, "COLLECT")
    library.set("koha", url=f'"{url_of_user(koha)}"', timezone='"America/New_York"')
    library.set("policy", flag='"attribute:COLLECT"', add_restriction="true", clear_paid="true")
    library.set("policy", remove_restriction="true", minors='"guardian"')
    library.env["GENTLE_NUDGE_KOHA__PASSWORD"] = PASSWORD
    yield library
    forget(koha)


def good(library: Library, *arguments: str) -> str:
    done = library.run(*arguments)
    assert (done.returncode, done.stderr) == (0, ""), f"{arguments}: {done.stderr}"
    return done.stdout


@pytest.mark.every_koha
def test_the_rights_of_the_file_are_enough_for_every_command(library: Library) -> None:
    apply_grants(library.koha, *ALL_PARTS)
    staying, paying = library.owing(card="1001"), library.owing(card="1002")
    good(library, "init", "--yes")
    assert library.check() == []
    good(library, "nightly", "--dry-run")
    good(library, "nightly")
    attributes = library.koha.query("SELECT borrowernumber AS n FROM borrower_attributes WHERE attribute = '1'")
    assert {row["n"] for row in attributes} == {staying, paying}
    pays(library.koha, paying)
    library.koha.execute("UPDATE gentle_nudge_run SET day = day - INTERVAL 1 DAY")
    good(library, "nightly")
    assert library.koha.value("SELECT COUNT(*) FROM borrower_debarments") == 1
    for arguments in (("sync",), ("deliver",), ("history",), ("explain", "1001")):
        good(library, *arguments)
    good(library, "release", "1001", "--reason", "a mistake", "--waive-fee")
    assert library.check() == []


def test_the_rights_of_the_file_are_enough_for_an_upgrade(library: Library) -> None:
    apply_grants(library.koha, *ALL_PARTS)
    build(library.koha.engine, 1)
    library.koha.execute("DELETE FROM gentle_nudge_meta")
    good(library, "init", "--yes")
    good(library, "history")
    assert "grant-missing" not in {finding["name"] for finding in library.check()}


def test_the_rights_to_read_are_enough_for_dry_runs_and_for_nothing_else(library: Library) -> None:
    apply_grants(library.koha, *READING)
    library.owing(card="1001")
    before = snapshot(library.koha)
    assert "1 referred" in good(library, "nightly", "--dry-run")
    good(library, "explain", "1001")
    found = {finding["name"] for finding in library.check()}
    assert found == {"own-tables-missing", "grant-missing"}
    assert not [it for it in library.check() if it["name"] == "grant-missing" and "may not SELECT" in it["what"]]
    for arguments in (("init", "--yes"), ("nightly",), ("sync",)):
        done = library.run(*arguments)
        assert done.returncode == 2, done.stderr
    assert snapshot(library.koha) == before


def test_the_file_names_every_table_of_ours() -> None:
    text = " ".join(parts()[4])
    assert all(f"koha_LIB.{table.name} " in text for table in metadata.sorted_tables)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password FROM borrowers",
        "SELECT borrowernotes FROM borrowers",
        "UPDATE borrowers SET surname = 'x'",
        "UPDATE accountlines SET amount = 0",
        "UPDATE systempreferences SET value = ''",
        "DELETE FROM accountlines",
        "DELETE FROM action_logs",
        "DELETE FROM borrower_attributes",
        "SELECT * FROM message_queue",
        "CREATE TABLE another (id INT)",
    ],
)
def test_what_the_program_never_does_is_not_allowed(library: Library, statement: str) -> None:
    apply_grants(library.koha, *ALL_PARTS)
    url = library.koha.engine.url.set(username=f"u_{library.koha.name}", password=PASSWORD)
    engine = create_engine(url)
    with engine.connect() as conn, pytest.raises(OperationalError, match="denied"):
        conn.exec_driver_sql(statement)
    engine.dispose()
