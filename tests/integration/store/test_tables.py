"""Our tables made, upgraded, read by those who may, and locked."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from gentle_nudge.errors import AnotherRunInProgress, UserError
from gentle_nudge.store import meta, upgrade
from gentle_nudge.store.tables import SCHEMA_VERSION, metadata
from tests.builders.ours import META
from tests.support.koha import KohaDatabase

WAIT = "SELECT @@innodb_lock_wait_timeout"


@pytest.mark.before_init
def test_without_our_tables_there_is_no_meta_and_a_sentence_says_so(koha: KohaDatabase) -> None:
    with koha.engine.connect() as conn:
        assert meta.read_meta(conn) is None
        assert "not in this database" in (meta.missing_or_old(conn) or "")
        with pytest.raises(UserError, match="not in this database"):
            meta.lock(conn)


@pytest.mark.before_init
def test_tables_that_were_never_initialised_count_as_missing(koha: KohaDatabase) -> None:
    with koha.engine.begin() as conn:
        upgrade.create_or_upgrade(conn)
    with koha.engine.connect() as conn:
        assert meta.read_meta(conn) is None
        with pytest.raises(UserError):
            meta.lock(conn)


@pytest.mark.before_init
def test_a_user_who_may_read_only_two_of_kohas_tables_finds_ours_missing(koha: KohaDatabase) -> None:
    with koha.engine.begin() as conn:
        upgrade.create_or_upgrade(conn)
        meta.write_meta(conn, META)
    rights = (f"SELECT ON `{koha.name}`.`{table}`" for table in ("borrowers", "accountlines"))
    with koha.server.account("x", *rights) as url:
        engine = create_engine(url.set(database=koha.name))
        with engine.connect() as conn:
            assert meta.read_meta(conn) is None
        engine.dispose()


def test_what_is_written_is_read_back(both: Connection) -> None:
    said = replace(META, machine="m-2", revision=7, is_copy=True)
    meta.write_meta(both, said)
    assert meta.read_meta(both) == said
    assert meta.ready(both) == said
    assert meta.lock(both) == said
    assert meta.missing_or_old(both) is None


def test_everything_may_be_repeated(engine: Engine) -> None:
    with engine.begin() as conn:
        upgrade.create_or_upgrade(conn)
        upgrade.create_or_upgrade(conn)
        assert meta.read_meta(conn) == META


@pytest.mark.before_init
def test_after_a_crash_half_way_the_missing_tables_are_made(koha: KohaDatabase) -> None:
    halfway = metadata.sorted_tables[:4]
    with koha.engine.begin() as conn:
        metadata.create_all(conn, tables=halfway)
    assert len(koha.own_tables()) == len(halfway)
    with koha.engine.begin() as conn:
        upgrade.create_or_upgrade(conn)
    assert koha.own_tables() == sorted(metadata.tables)


def test_our_tables_are_innodb_in_utf8mb4_without_a_key_to_kohas(engine: Engine, koha: KohaDatabase) -> None:
    assert engine.url.database == koha.name
    with koha.engine.begin() as conn:
        upgrade.create_or_upgrade(conn)
    ours = "table_schema = DATABASE() AND table_name LIKE 'gentle\\_nudge\\_%'"
    options = koha.query(f"SELECT DISTINCT engine, table_collation FROM information_schema.tables WHERE {ours}")
    assert [tuple(row.values()) for row in options] == [("InnoDB", "utf8mb4_unicode_ci")]
    keys = koha.query(
        f"SELECT DISTINCT referenced_table_name AS name FROM information_schema.key_column_usage"
        f" WHERE {ours} AND referenced_table_name IS NOT NULL"
    )
    assert keys
    assert all(row["name"].startswith("gentle_nudge_") for row in keys)


def test_an_instant_keeps_its_microseconds_and_comes_back_in_utc(both: Connection) -> None:
    instant = datetime(2026, 11, 22, 7, 0, 0, 999999, tzinfo=UTC)
    meta.write_meta(both, replace(META, initialised=instant))
    found = meta.ready(both)
    assert found.initialised == instant
    assert found.initialised.tzinfo is UTC


def test_tables_of_an_older_program_ask_for_init(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meta, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    with engine.connect() as conn:
        assert f"version {SCHEMA_VERSION}" in (meta.missing_or_old(conn) or "")
        with pytest.raises(UserError) as refused:
            meta.lock(conn)
    assert "init" in refused.value.hint


def test_tables_of_a_newer_program_are_left_alone(both: Connection) -> None:
    meta.write_meta(both, replace(META, schema_version=SCHEMA_VERSION + 1))
    for use in (meta.lock, meta.ready, upgrade.create_or_upgrade):
        with pytest.raises(UserError) as refused:
            use(both)
        assert "init" not in refused.value.hint


def test_only_the_steps_above_the_known_version_are_made(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meta, "SCHEMA_VERSION", SCHEMA_VERSION + 2)
    made: list[int] = []

    def step(version: int) -> upgrade.Step:
        return upgrade.Step(version=version, change=lambda _conn: made.append(version))

    with engine.begin() as conn:
        upgrade.create_or_upgrade(conn, [step(SCHEMA_VERSION + more) for more in range(3)])
        assert meta.missing_or_old(conn) is None
    assert made == [SCHEMA_VERSION + 1, SCHEMA_VERSION + 2]


def test_a_crash_within_a_step_leaves_the_version_before_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (meta, upgrade):
        monkeypatch.setattr(module, "SCHEMA_VERSION", SCHEMA_VERSION + 2)

    def crash(conn: Connection) -> None:
        conn.execute(text("ALTER TABLE gentle_nudge_alert ADD COLUMN more INT"))
        raise KeyboardInterrupt

    def repeat(conn: Connection) -> None:
        conn.execute(text("ALTER TABLE gentle_nudge_alert MODIFY COLUMN more BIGINT"))

    with pytest.raises(KeyboardInterrupt), engine.begin() as conn:
        upgrade.create_or_upgrade(
            conn,
            [
                upgrade.Step(version=SCHEMA_VERSION + 1, change=lambda _conn: None),
                upgrade.Step(version=SCHEMA_VERSION + 2, change=crash),
            ],
        )
    with engine.begin() as conn:
        found = meta.read_meta(conn)
        assert found is not None
        assert found.schema_version == SCHEMA_VERSION + 1
        upgrade.create_or_upgrade(conn, [upgrade.Step(version=SCHEMA_VERSION + 2, change=repeat)])
        assert meta.missing_or_old(conn) is None


def test_the_second_to_lock_gives_up_when_the_first_keeps_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meta, "OTHERS_SECONDS", 1)
    with engine.begin() as first, engine.connect() as second:
        meta.lock(first)
        before = second.scalar(text(WAIT))
        with pytest.raises(AnotherRunInProgress):
            meta.lock(second)
        assert second.scalar(text(WAIT)) == before > 1


def test_the_lock_ends_with_the_transaction(engine: Engine) -> None:
    with engine.connect() as first, engine.connect() as second:
        meta.lock(first)
        first.commit()
        assert meta.lock(second) == replace(META, revision=META.revision + 1)


def test_our_row_is_waited_for_ten_seconds_and_the_session_waits_as_before_afterwards(engine: Engine) -> None:
    assert meta.OTHERS_SECONDS == 10
    with engine.connect() as first, engine.connect() as second:
        second.execute(text("SET innodb_lock_wait_timeout = 1"))
        meta.lock(first)
        letting_go = threading.Timer(1.5, first.commit)
        letting_go.start()
        meta.lock(second)
        letting_go.join()
        assert second.scalar(text(WAIT)) == 1


def test_whoever_locks_for_changes_leaves_a_higher_revision(engine: Engine) -> None:
    with engine.begin() as conn:
        before = meta.lock(conn).revision
    with engine.begin() as conn:
        assert meta.lock(conn).revision == before + 1
