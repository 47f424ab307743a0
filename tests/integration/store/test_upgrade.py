"""Our tables of every released version become those of this program, in place and without loss."""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, StaticPool, Table, create_engine, event, text
from sqlalchemy.schema import DropTable

from gentle_nudge.domain.run import RunCounts
from gentle_nudge.errors import AnotherRunInProgress, UserError
from gentle_nudge.store import meta, runs, tables
from gentle_nudge.store.tables import SCHEMA_VERSION
from gentle_nudge.store.upgrade import COUNT_COLUMNS, STEPS, create_or_upgrade
from tests.support.crashes import killed
from tests.support.mariadb import Server, unique_name
from tests.support.own_tables import build, differences, load, mariadb_text, old_versions, sqlite_text

OLD_VERSIONS = old_versions()
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def mariadb(server: Server) -> Iterator[Engine]:
    """An empty MariaDB database."""
    name = unique_name("upgrade")
    server.create_database(name)
    engine = server.engine(name)
    yield engine
    with engine.begin() as conn:
        conn.exec_driver_sql(f"DROP DATABASE `{name}`")
    engine.dispose()


@pytest.fixture(params=["mariadb", "sqlite"])
def database(request: pytest.FixtureRequest) -> Engine:
    """An empty database of MariaDB, and one of SQLite."""
    if request.param == "sqlite":
        return create_engine("sqlite://", poolclass=StaticPool)
    engine: Engine = request.getfixturevalue("mariadb")
    return engine


def upgraded(engine: Engine) -> None:
    with engine.begin() as conn:
        create_or_upgrade(conn)


def rows_of(engine: Engine) -> Rows:
    """Everything in our tables."""
    with engine.connect() as conn:
        found = MetaData()
        found.reflect(conn)
        order = {name: ", ".join(column.name for column in table.primary_key) for name, table in found.tables.items()}
        return {
            name: [dict(row) for row in conn.execute(text(f"SELECT * FROM {name} ORDER BY {order[name]}")).mappings()]
            for name in sorted(found.tables)
        }


def test_the_first_version_is_among_the_old_ones() -> None:
    assert OLD_VERSIONS[0] == 1


def test_the_steps_lead_to_the_version_of_this_program_one_by_one() -> None:
    assert [step.version for step in STEPS] == list(range(2, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_an_old_database_gets_the_tables_that_are_declared(database: Engine, version: int) -> None:
    build(database, version)
    upgraded(database)
    with database.connect() as conn:
        assert differences(conn) == []
        assert meta.missing_or_old(conn) is None


def test_new_tables_are_those_that_are_declared(database: Engine) -> None:
    upgraded(database)
    with database.connect() as conn:
        assert differences(conn) == []


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_a_table_or_column_without_a_step_is_noticed(
    database: Engine, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = MetaData()
    for table in tables.metadata.tables.values():
        table.to_metadata(changed)
    changed.tables["gentle_nudge_run"].append_column(Column("forgotten_column", Integer))
    Table("gentle_nudge_forgotten", changed, Column("id", Integer, primary_key=True))
    for place in ("gentle_nudge.store.upgrade.metadata", "tests.support.own_tables.metadata"):
        monkeypatch.setattr(place, changed)
    build(database, version)
    upgraded(database)
    with database.connect() as conn:
        assert sorted(str(difference[0]) for difference in differences(conn)) == ["add_column", "add_table"]


def test_the_counts_of_version_1_become_rows_and_all_else_stays(database: Engine) -> None:
    build(database, 1)
    before = rows_of(database)
    upgraded(database)
    after = rows_of(database)
    counts = {(row["run"], row["what"]): row["number"] for row in after.pop("gentle_nudge_run_count")}
    assert counts == {
        (row["id"], what): row[what] for row in before["gentle_nudge_run"] for what in COUNT_COLUMNS if row[what]
    }
    assert {what for _, what in counts} == set(COUNT_COLUMNS)
    for row in before["gentle_nudge_run"]:
        for what in COUNT_COLUMNS:
            del row[what]
    before["gentle_nudge_meta"][0]["schema_version"] = SCHEMA_VERSION
    old_columns = {
        table: [{column: row[column] for column in known} for row, known in zip(after[table], rows, strict=True)]
        for table, rows in before.items()
    }
    assert old_columns == before
    assert {table for table in after.keys() - before.keys() if after[table]} == set()


def test_what_older_programs_did_not_record_is_not_known_but_who_was_told(database: Engine) -> None:
    build(database, 2)
    upgraded(database)
    rows = rows_of(database)
    assert {row["closed_owing"] for row in rows["gentle_nudge_case"]} == {None}
    assert {row["server_uid"] for row in rows["gentle_nudge_meta"]} == {None}
    told = ("channel", "strict", "tells", "named", "went_to")
    assert {tuple(row[column] for column in told) for row in rows["gentle_nudge_delivery"]} == {
        ("email", 1, 1, 0, None),
        ("file", 1, 0, 0, None),
    }


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_older_programs_find_every_column_of_meta_that_they_know(database: Engine, version: int) -> None:
    build(database, version)
    (before,) = rows_of(database)["gentle_nudge_meta"]
    upgraded(database)
    (after,) = rows_of(database)["gentle_nudge_meta"]
    assert before.keys() <= after.keys()


def test_the_runs_of_version_1_are_read_as_they_were(database: Engine) -> None:
    build(database, 1)
    rows = rows_of(database)["gentle_nudge_run"]
    upgraded(database)
    with database.connect() as conn:
        found = {run.id: run.counts for run in runs.runs(conn)}
        assert runs.submission_sizes(conn, ["global"]) == [4, 6]
    assert {number: [counts[what] for what in COUNT_COLUMNS] for number, counts in found.items()} == {
        row["id"]: [row[what] for what in COUNT_COLUMNS] for row in rows
    }
    assert all(isinstance(counts, RunCounts) for counts in found.values())


@pytest.mark.parametrize("text_of", [mariadb_text, sqlite_text])
def test_the_tables_of_this_version_can_be_frozen_and_built_again(
    mariadb: Engine, text_of: Callable[[Connection], str]
) -> None:
    build(mariadb, 1)
    upgraded(mariadb)
    before = rows_of(mariadb)
    with mariadb.begin() as conn:
        frozen = text_of(conn)
        for name in reversed(tables.metadata.sorted_tables):
            conn.execute(DropTable(name))
    engine = mariadb if text_of is mariadb_text else create_engine("sqlite://", poolclass=StaticPool)
    load(engine, frozen)
    with engine.connect() as conn:
        assert differences(conn) == []
    after = rows_of(engine)
    assert after == before or engine is not mariadb  # SQLite has other types
    assert {name: len(rows) for name, rows in after.items()} == {name: len(rows) for name, rows in before.items()}


def test_until_init_has_upgraded_them_old_tables_are_refused(database: Engine) -> None:
    build(database, 1)
    with database.begin() as conn:
        for use in (meta.ready, meta.lock):
            with pytest.raises(UserError) as refused:
                use(conn)
            assert refused.value.hint == "Run: gentle-nudge init"
        assert "version 1" in (meta.missing_or_old(conn) or "")


def test_tables_of_an_init_that_never_ended_are_upgraded_too(database: Engine) -> None:
    build(database, 1)
    with database.begin() as conn:
        conn.execute(text("DELETE FROM gentle_nudge_meta"))
    upgraded(database)
    with database.connect() as conn:
        assert differences(conn) == []


def test_an_upgrade_waits_for_a_night_of_the_older_program(mariadb: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meta, "OTHERS_SECONDS", 1)
    build(mariadb, 1)
    with mariadb.begin() as night, mariadb.connect() as init:
        meta.hold(night)
        with pytest.raises(AnotherRunInProgress):
            create_or_upgrade(init)
    assert [row["patrons"] for row in rows_of(mariadb)["gentle_nudge_run"]] == [6, 6, 4, 10, 8, 6]


# Killed at every statement


def before_each_statement(engine: Engine, heard: Callable[[], object]) -> None:
    """Commits are statements here."""
    event.listen(engine, "before_cursor_execute", lambda *_: heard())
    event.listen(engine, "commit", lambda _: heard())


def statements_of_an_upgrade(engine: Engine) -> tuple[int, int]:
    """How many, commits among them, and how many of them lead to the next version."""
    counted: list[int] = []
    steps: list[int] = []

    def notice(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE gentle_nudge_meta SET schema_version"):
            steps.append(len(counted))

    before_each_statement(engine, lambda: counted.append(1))
    event.listen(engine, "before_cursor_execute", notice)
    upgraded(engine)
    return len(counted), steps[0]


def definitions(engine: Engine) -> dict[str, list[str]]:
    """What the server says of our tables; an index that was made after a crash comes last."""
    with engine.connect() as conn:
        shown = (conn.exec_driver_sql(f"SHOW CREATE TABLE {name}").one() for name in tables.metadata.tables)
        return {name: sorted(line.strip(" ,") for line in described.splitlines()) for name, described in shown}


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_an_upgrade_killed_at_any_statement_and_repeated_loses_and_doubles_nothing(
    server: Server, version: int
) -> None:
    """At any statement of its first step, and at every seventeenth of those that a later version's upgrade has too."""
    name = unique_name("killed")

    def old_database() -> Engine:
        server.create_database(name)
        engine = server.engine(name)
        build(engine, version)
        return engine

    def upgrade_and_count(count: Callable[[], None]) -> None:
        engine = server.engine(name)
        before_each_statement(engine, count)
        upgraded(engine)

    engine = old_database()
    statements, first = statements_of_an_upgrade(engine)
    expected = rows_of(engine), definitions(engine)
    with engine.connect() as conn:
        assert differences(conn) == []
    for at in (*range(min(first + 1, statements)), *range(first + 1, statements, 17)):
        engine.dispose()
        engine = old_database()
        assert killed(at, upgrade_and_count) == -signal.SIGKILL
        with engine.connect() as conn:
            assert meta.missing_or_old(conn)
        upgraded(engine)
        assert (rows_of(engine), definitions(engine)) == expected
    engine.dispose()
    with server.engine().begin() as conn:
        conn.exec_driver_sql(f"DROP DATABASE `{name}`")
