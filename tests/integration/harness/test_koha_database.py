"""The tests' own Koha: nothing of the facts is lost, and every test finds it as new."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from defusedxml import ElementTree
from sqlalchemy import create_engine, text

from gentle_nudge.store.tables import metadata
from tests.builders.days import SUNDAY
from tests.builders.koha import (
    a_guarantor,
    a_patron,
    an_item,
    balance,
    delete_patron,
    has_attribute,
    is_restricted,
    lift,
    merge,
    owes,
    pays,
)
from tests.koha_schema import facts, reported
from tests.support.koha import PREFERENCES, KohaDatabase


@pytest.mark.before_init
@pytest.mark.mariadb
@pytest.mark.every_koha
def test_mariadb_reports_every_column_index_and_foreign_key_of_the_facts(koha: KohaDatabase) -> None:
    with koha.engine.connect() as connection:
        found = reported(connection)
    known = facts(koha.version)
    assert found.columns == known.columns
    assert found.indexes == known.indexes
    assert found.foreign_keys == known.foreign_keys


@pytest.mark.before_init
@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_test_finds_nothing_of_the_one_before(koha: KohaDatabase, turn: str) -> None:
    assert koha.query("SELECT * FROM borrowers") == []
    assert koha.value("SELECT COUNT(*) FROM systempreferences") == len(PREFERENCES)
    assert koha.own_tables() == []
    owes(koha, a_patron(koha, surname=turn), "1.00")
    koha.prefer("LibraryName", turn)
    koha.execute("CREATE TABLE gentle_nudge_something (a INT)")
    koha.spoil("DROP TABLE action_logs")
    assert koha.own_tables() == ["gentle_nudge_something"]


@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_test_finds_our_tables_new_and_empty(koha: KohaDatabase, turn: str) -> None:
    assert koha.own_tables() == sorted(metadata.tables)
    assert [koha.value(f"SELECT COUNT(*) FROM {table}") for table in metadata.tables] == [0] * len(metadata.tables)
    assert koha.put("gentle_nudge_alert", kind=turn, day=SUNDAY, at=SUNDAY) == 1
    assert not any(column["Field"] == "more" for column in koha.query("SHOW COLUMNS FROM gentle_nudge_hold"))
    koha.execute("ALTER TABLE gentle_nudge_hold ADD COLUMN more INT")
    koha.execute("CREATE TABLE gentle_nudge_something (a INT)")


def test_the_url_and_the_configuration_file_lead_to_the_database(koha: KohaDatabase, tmp_path: Path) -> None:
    engine = create_engine(koha.url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT DATABASE()")) == koha.name
    engine.dispose()
    config = ElementTree.fromstring(koha.conf_file(tmp_path, timezone="Europe/Berlin").read_text())
    assert config.findtext("config/pass") == koha.server.password
    assert config.findtext("config/timezone") == "Europe/Berlin"


@pytest.mark.own_server
def test_the_server_neither_speaks_utc_nor_is_strict(koha: KohaDatabase) -> None:
    assert koha.value("SELECT @@GLOBAL.time_zone") == "-05:30"
    assert "STRICT" not in koha.value("SELECT @@GLOBAL.sql_mode")


@pytest.mark.every_koha
def test_a_payment_pays_the_oldest_debits_first(koha: KohaDatabase) -> None:
    patron = a_patron(koha)
    old = owes(koha, patron, "30.00", day=date(2026, 9, 1))
    new = owes(koha, patron, "20.00", day=date(2026, 9, 2))
    credit = pays(koha, patron, "35.00")
    left = koha.query("SELECT accountlines_id AS id, amountoutstanding AS owed FROM accountlines")
    assert {row["id"]: row["owed"] for row in left} == {old: 0, new: Decimal(15), credit: 0}
    applied = koha.value("SELECT SUM(amount) FROM account_offsets WHERE type = 'APPLY'")
    assert applied == Decimal(-35)


@pytest.mark.every_koha
def test_a_restriction_without_end_shows_as_year_9999(koha: KohaDatabase) -> None:
    patron = a_patron(koha)
    is_restricted(koha, patron, "late", expires=date(2000, 1, 1))
    restriction = is_restricted(koha, patron, "lost")
    shown = "SELECT debarred, debarredcomment FROM borrowers"
    assert koha.query(shown) == [{"debarred": date(9999, 12, 31), "debarredcomment": "lost"}]
    lift(koha, restriction)
    assert koha.query(shown) == [{"debarred": None, "debarredcomment": None}]


@pytest.mark.every_koha
def test_a_merge_moves_lines_restrictions_and_attributes(koha: KohaDatabase) -> None:
    keep, other = (a_patron(koha) for _ in range(2))
    owes(koha, other, "9.99")
    is_restricted(koha, other, "lost")
    has_attribute(koha, other, "COLL", "1")
    merge(koha, keep, [other])
    assert balance(koha, keep) == Decimal("9.99")
    assert koha.value("SELECT borrowernumber FROM borrower_attributes") == keep
    assert koha.value("SELECT debarredcomment FROM borrowers") == "lost"
    assert koha.value("SELECT borrowernumber FROM deletedborrowers") == other


@pytest.mark.every_koha
def test_a_deleted_patron_leaves_lines_that_belong_to_nobody(koha: KohaDatabase) -> None:
    patron = a_patron(koha)
    a_guarantor(koha, of=patron)
    owes(koha, patron, "5.00", item=an_item(koha))
    delete_patron(koha, patron)
    assert koha.query("SELECT borrowernumber FROM accountlines") == [{"borrowernumber": None}]
    assert koha.query("SELECT * FROM borrower_relationships") == []
