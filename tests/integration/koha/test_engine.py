"""The session on a real server whose own settings are not what we want, and a sentence for each that cannot be had."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import trustme
from sqlalchemy import Engine, column, select, table, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from gentle_nudge.errors import GentleNudgeError, UserError
from gentle_nudge.koha.connect.conf import Tls
from gentle_nudge.koha.connect.engine import cannot_write, engine
from gentle_nudge.koha.connect.instance import Instance, instance
from gentle_nudge.koha.read.administration import preferences
from gentle_nudge.settings import load
from tests.support.koha import KohaDatabase
from tests.support.mariadb import Server
from tests.support.programs import free_port


def an_instance(url: str | URL, tls: Tls | None = None) -> Instance:
    return Instance(url=make_url(url), tls=tls, zone=ZoneInfo("UTC"), machine="here")


def by_conf(koha: KohaDatabase, folder: Path, **elements: str) -> Instance:
    """The instance as koha-conf.xml leads to it."""
    environ = {"KOHA_CONF": str(koha.conf_file(folder, **elements)), "MYSQL_UNIX_PORT": str(koha.server.socket)}
    environ["GENTLE_NUDGE_KOHA__CONF"] = environ["KOHA_CONF"]
    return instance(load(environ=environ, needs="koha"), environ=environ)


def scalar(found: Engine, sql: str) -> object:
    with found.connect() as connection:
        return connection.execute(text(sql)).scalar_one()


@pytest.mark.own_server
@pytest.mark.parametrize("driver", ["mysql+pymysql", "mariadb+pymysql"])
@pytest.mark.parametrize("mode", ["", "ANSI_QUOTES,NO_ZERO_DATE,STRICT_ALL_TABLES"])
def test_every_session_is_ours_whatever_the_server_s_own(
    koha: KohaDatabase, set_global: Callable[[str, str], None], mode: str, driver: str
) -> None:
    set_global("sql_mode", mode)
    set_global("time_zone", "+05:45")
    found = engine(an_instance(koha.server.url(koha.name, driver=driver)))
    for _ in range(2):
        assert scalar(found, "SELECT @@time_zone") == "+00:00"
        assert scalar(found, "SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW())") == 0
        assert (
            scalar(found, "SELECT @@sql_mode")
            == "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
        )
        assert scalar(found, "SELECT @@innodb_lock_wait_timeout") == 2
        assert scalar(found, "SELECT @@character_set_connection") == "utf8mb4"
        assert scalar(found, "SELECT @@collation_connection") == "utf8mb4_unicode_ci"
        assert scalar(found, "SELECT @@tx_isolation") == "READ-COMMITTED"


def test_what_does_not_fit_is_refused(koha: KohaDatabase) -> None:
    with engine(an_instance(koha.url)).connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("UPDATE systempreferences SET type = REPEAT('x', 100)"))
    assert caught.value.orig is not None
    assert caught.value.orig.args[0] == 1406


def test_an_error_does_not_repeat_what_was_to_be_written(koha: KohaDatabase) -> None:
    with engine(an_instance(koha.url)).connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("INSERT INTO nowhere VALUES (:name)"), {"name": "Zuleika"})
    assert "Zuleika" not in str(caught.value)


def test_zero_dates_are_read_as_none(koha: KohaDatabase) -> None:
    found = engine(an_instance(koha.url))
    born = table("borrowers", column("dateofbirth"), column("updated_on"), column("borrowernumber"))
    with found.begin() as connection:
        connection.execute(
            text(
                "CREATE TEMPORARY TABLE zero (a DATE, b DATETIME, c TIMESTAMP NULL, d DATE, e DATETIME(6)) "
                "SELECT '0000-00-00' a, '0000-00-00 00:00:00' b, '0000-00-00 00:00:00' c, '2020-00-00' d, "
                "'0000-00-00 00:00:00.000000' e"
            )
        )
        assert tuple(connection.execute(text("SELECT * FROM zero")).one()) == (None,) * 5
    number = koha.put("borrowers", branchcode="CPL", categorycode="PT")
    with koha.engine.begin() as raw:
        raw.execute(text("SET SESSION sql_mode = ''"))
        raw.execute(text("UPDATE borrowers SET dateofbirth = '0000-00-00', updated_on = '0000-00-00 00:00:00'"))
        raw.execute(text("SET SESSION sql_mode = DEFAULT"))
    with found.connect() as connection:
        row = connection.execute(select(born.c.dateofbirth, born.c.updated_on).where(born.c.borrowernumber == number))
        assert tuple(row.one()) == (None, None)


def test_a_dry_transaction_cannot_write_and_the_next_one_can(koha: KohaDatabase) -> None:
    with engine(an_instance(koha.url)).connect() as connection:
        cannot_write(connection)
        with pytest.raises(DBAPIError):
            connection.execute(text("UPDATE branches SET branchname = 'x'"))
        connection.rollback()
        connection.execute(text("UPDATE branches SET branchname = 'x'"))
        connection.commit()
    assert koha.value("SELECT COUNT(*) FROM branches WHERE branchname = 'x'") == 3


@pytest.mark.parametrize("driver", ["mysql+pymysql", "mariadb+pymysql"])
def test_either_name_opens_a_mariadb_and_a_mysql(koha: KohaDatabase, driver: str) -> None:
    found = engine(an_instance(koha.server.url(koha.name, driver=driver)))
    assert scalar(found, "SELECT COUNT(*) FROM branches") == 3


def test_a_dry_transaction_that_asked_for_nothing_leaves_its_connection_able_to_write(koha: KohaDatabase) -> None:
    found = engine(an_instance(koha.url))
    with found.connect() as connection:
        cannot_write(connection)
        mine = connection.connection.dbapi_connection
    with found.begin() as connection:
        assert connection.connection.dbapi_connection is mine
        connection.execute(text("UPDATE branches SET branchname = 'x'"))
        assert connection.get_isolation_level() == "READ COMMITTED"
    assert koha.value("SELECT COUNT(*) FROM branches WHERE branchname = 'x'") == 3


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(koha: KohaDatabase) -> None:
    found = engine(an_instance(koha.url))
    before = scalar(found, "SELECT CONNECTION_ID()")
    with koha.engine.begin() as raw:
        raw.execute(text(f"KILL {before}"))
    assert scalar(found, "SELECT CONNECTION_ID()") != before


def test_a_dry_transaction_sees_one_state(koha: KohaDatabase) -> None:
    with engine(an_instance(koha.url)).connect() as connection:
        cannot_write(connection)
        before = connection.execute(text("SELECT COUNT(*) FROM branches")).scalar_one()
        koha.put("branches", branchcode="NEW", branchname="New")
        assert connection.execute(text("SELECT COUNT(*) FROM branches")).scalar_one() == before


@pytest.mark.own_server
def test_koha_conf_leads_to_the_database_by_port_and_by_socket(koha: KohaDatabase, tmp_path: Path) -> None:
    for host in ("127.0.0.1", "localhost", ""):
        assert scalar(engine(by_conf(koha, tmp_path, hostname=host)), "SELECT DATABASE()") == koha.name


def test_a_password_of_any_letters_opens(server: Server, koha: KohaDatabase) -> None:
    password = "Ünïcödé 😀 '\"\\:/@%"
    with server.account(password, "SELECT ON *.*") as url:
        assert scalar(engine(an_instance(url.set(database=koha.name))), "SELECT 1") == 1


def connects(url: URL, tls: Tls | None = None) -> None:
    with engine(an_instance(url, tls)).connect():
        pass


def test_a_wrong_password_is_to_be_mended(koha: KohaDatabase) -> None:
    with pytest.raises(UserError) as caught:
        connects(koha.server.url(koha.name).set(password="wr0ng"))
    assert f"refuses user {koha.server.user}" in caught.value.sentence
    assert "wr0ng" not in caught.value.sentence + caught.value.hint
    assert caught.value.hint


def test_an_unknown_database_is_to_be_mended(koha: KohaDatabase) -> None:
    with pytest.raises(UserError, match="has no database koha_nowhere"):
        connects(koha.server.url("koha_nowhere"))


def test_a_server_that_is_away_is_the_world_s_trouble(koha: KohaDatabase) -> None:
    with pytest.raises(GentleNudgeError, match="cannot be reached") as caught:
        connects(koha.server.url(koha.name).set(port=free_port()))
    assert caught.value.exit_code == 1
    with pytest.raises(GentleNudgeError, match="cannot be reached"):
        connects(koha.server.url(koha.name).set(host="nowhere.invalid"))


def test_no_encryption_where_koha_wants_it_is_told(koha: KohaDatabase) -> None:
    with pytest.raises(GentleNudgeError, match="cannot be encrypted"):
        connects(koha.server.url(koha.name), Tls(ca="/nowhere/ca.pem", cert=None, key=None))


@pytest.mark.own_server
def test_the_connection_is_encrypted_and_the_authority_checked_where_koha_wants_it(tmp_path: Path) -> None:
    ours, other = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(tmp_path / "ca.pem")
    other.cert_pem.write_to_path(tmp_path / "other.pem")
    issued = ours.issue_cert("another.name.example")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    given = {f"ssl_{name}": str(tmp_path / f"{name}.pem") for name in ("ca", "cert", "key")}
    with Server.start_in_memory(**given) as encrypting:
        url = encrypting.url("mysql")
        for authority in (str(tmp_path / "ca.pem"), None):
            found = engine(an_instance(url, Tls(ca=authority, cert=None, key=None)))
            with found.connect() as connection:
                assert connection.execute(text("SHOW STATUS LIKE 'Ssl_cipher'")).one()[1]
        with pytest.raises(GentleNudgeError, match="cannot be encrypted"):
            connects(url, Tls(ca=str(tmp_path / "other.pem"), cert=None, key=None))


def test_a_missing_right_is_told(server: Server, koha: KohaDatabase) -> None:
    with server.account("r", f"SELECT ON `{koha.name}`.branches") as url:
        found = engine(an_instance(url.set(database=koha.name)))
        with found.connect() as connection, pytest.raises(UserError, match="has not all the rights"):
            connection.execute(text("SELECT * FROM borrowers"))


def test_preferences_are_read_as_koha_reads_them(koha: KohaDatabase) -> None:
    koha.prefer("OpacNothing", "")
    asked = ["libraryname", "FINESLOG", "OpacNothing", "Missing", "SendAllEmailsTo"]
    environ = {"OVERRIDE_SYSPREF_SendAllEmailsTo": "test@library.example"}
    with engine(an_instance(koha.url)).connect() as connection:
        assert preferences(connection, asked, environ=environ) == {
            "libraryname": "Springfield Public Library",
            "FINESLOG": "1",
            "OpacNothing": "",
            "Missing": "",
            "SendAllEmailsTo": "test@library.example",
        }


def a_sqlite_file(folder: Path) -> Instance:
    (folder / "koha.sqlite").touch()
    return an_instance(f"sqlite:///{folder}/koha.sqlite")


def test_sqlite_keeps_foreign_keys_and_a_dry_transaction_cannot_write(tmp_path: Path) -> None:
    with engine(a_sqlite_file(tmp_path)).connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
        cannot_write(connection)
        with pytest.raises(DBAPIError):
            connection.execute(text("CREATE TABLE a (b)"))
        connection.rollback()
        connection.execute(text("CREATE TABLE a (b)"))
        connection.rollback()
        assert connection.execute(text("SELECT COUNT(*) FROM sqlite_master")).scalar_one() == 0


def test_a_sqlite_file_that_is_missing_or_none_is_told(tmp_path: Path) -> None:
    here = a_sqlite_file(tmp_path)
    with pytest.raises(UserError, match="There is no database file"):
        connects(here.url.set(database=str(tmp_path / "gone.sqlite")))
    (tmp_path / "koha.sqlite").write_text("no database at all, but long enough to be looked at " * 20, encoding="utf-8")
    with pytest.raises(UserError, match="cannot be used"):
        connects(here.url)
    assert replace(here).shown == f"sqlite:///{tmp_path}/koha.sqlite"
