"""What `grants` prints is enough for every command with this configuration, and no more than that."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from gentle_nudge.koha.koha_tables import koha as koha_tables
from gentle_nudge.store.tables import metadata
from tests.acceptance.libraries import Library, today
from tests.builders.koha import an_attribute_type, an_item, claims_returned, is_sent, pays
from tests.support.command import Command
from tests.support.grants import PASSWORD, apply_grants, execute, forget, printed, url_of_user, user_of
from tests.support.koha import KohaDatabase
from tests.support.nights import snapshot
from tests.support.own_tables import build
from tests.support.pages import ROOT
from tests.support.smtp import SmtpServer

pytestmark = pytest.mark.before_init
EVERYTHING = {"flag": '"attribute:COLLECT"', "exemption": '"sort2"', "minors": '"guardian"'}
EVERYTHING |= dict.fromkeys(("add_restriction", "clear_paid", "remove_restriction"), "true")
EVERYTHING |= {"staff_to": '["clerk@library.example.org"]'}
LITTLE = {"flag": '"sort1"', "minors": '"exclude"', "clear_paid": "true"}
OPTIONAL_TABLES = {"borrower_attributes", "borrower_relationships", "library_groups", "smtp_servers"}
OPTIONAL_TABLES |= {"message_queue", "return_claims", "user_permissions"}
FACTS = {
    "prior_notice": '["BILL"]',
    "claims_returned": '"leave_out"',
    "unreachable": '"exclude"',
    "defer_after_payment": "60",
}


@pytest.fixture
def library(koha: KohaDatabase, tmp_path: Path, command: Command) -> Iterator[Library]:
    """A library that is reached as a user of its own, who has no rights yet."""
    library = Library(koha=koha, folder=tmp_path, command=command)
    an_attribute_type(koha, "COLLECT")
    library.set("koha", url=f'"{url_of_user(koha)}"', timezone='"America/New_York"')
    library.env["GENTLE_NUDGE_KOHA__PASSWORD"] = PASSWORD
    yield library
    forget(koha)


def good(library: Library, *arguments: str) -> str:
    done = library.run(*arguments)
    assert (done.returncode, done.stderr) == (0, ""), f"{arguments}: {done.stderr}"
    return done.stdout


def every_command_works(library: Library) -> None:
    koha = library.koha
    staying, paying = library.owing(card="1001"), library.owing(card="1002")
    good(library, "init", "--yes")
    assert library.check() == []
    good(library, "nightly", "--dry-run")
    good(library, "nightly")
    patrons = [row["patron"] for row in koha.query("SELECT patron FROM gentle_nudge_case ORDER BY patron")]
    assert patrons == [staying, paying]
    pays(koha, paying)
    koha.execute("UPDATE gentle_nudge_run SET day = day - INTERVAL 1 DAY")
    good(library, "nightly")
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_case WHERE state = 'open'") == 1
    commands = ("sync", "deliver", "history", "history 1001", "explain 1001", "night", "status", "outbox", "cases")
    for words in (*commands, "grants"):
        good(library, *words.split())
    good(library, "regenerate", "--day", str(koha.value("SELECT MAX(day) FROM gentle_nudge_run")), "--report", "update")
    koha.put("circulation_rules", rule_name="issuelength", rule_value="14")
    combination = ("--branch", "CPL", "--category", "PT", "--itemtype", "BK")
    good(library, "timeline", *combination)
    good(library, "timeline", "--branch", "CPL", "--itemtype", "BK", "--patron", "1001", "--format", "html")
    for words in ("rules", "check"):
        good(library, "timeline", words, *combination)
    koha.execute("DELETE FROM circulation_rules")
    good(library, "init", "--adopt", "--yes")
    good(library, "release", "1001", "--reason", "a mistake", "--waive-fee")
    good(library, "forget", "1002")
    assert library.check() == []


@pytest.mark.every_koha
def test_the_rights_are_enough_for_every_command_of_a_library_that_uses_everything(library: Library) -> None:
    library.set("policy", **EVERYTHING)
    apply_grants(library)
    every_command_works(library)
    assert library.koha.value("SELECT COUNT(*) FROM borrower_attributes WHERE attribute = '0'") == 2


def test_the_rights_are_enough_for_every_command_of_a_library_that_uses_little(library: Library) -> None:
    library.set("policy", **LITTLE)
    apply_grants(library)
    every_command_works(library)


def test_the_rights_are_enough_for_sections_by_item_and_for_kohas_own_mail_server(
    library: Library, smtp: SmtpServer
) -> None:
    koha = library.koha
    group = koha.put("library_groups", title="North", ft_hide_patron_info=0)
    koha.put("library_groups", parent_id=group, branchcode="CPL")
    koha.put(
        "smtp_servers", name="here", host="localhost", port=smtp.port, timeout=5, ssl_mode="disabled", is_default=1
    )
    del library.tables["mail"]
    library.set("policy", **(LITTLE | {"flag": '"sort2"'}))
    library.set("libraries", charges_by='"item"')
    library.sections = '[[library]]\nname = "north"\ngroup = "North"\nflag = "attribute:COLLECT"\n'
    apply_grants(library)
    every_command_works(library)


@pytest.mark.every_koha
def test_the_rights_are_enough_for_letters_payments_and_claims(library: Library) -> None:
    koha = library.koha
    library.set("policy", **(LITTLE | FACTS))
    apply_grants(library)
    patron = library.owing(card="1001", email="p@example.org")
    claims_returned(koha, library.owing(), an_item(koha))
    is_sent(koha, patron, "BILL", day=today() - timedelta(days=14))
    koha.put("letter", module="circulation", code="BILL", message_transport_type="email")
    good(library, "init", "--yes")
    assert {finding["name"] for finding in library.check()} == {"notice-begins"}
    assert "PAID_LATELY" in good(library, "explain", "1001")
    good(library, "nightly")
    assert [row["patron"] for row in koha.query("SELECT patron FROM gentle_nudge_case")] == [patron]
    engine = create_engine(koha.engine.url.set(username=user_of(koha), password=PASSWORD))
    for text in ("SELECT content FROM message_queue", "SELECT notes FROM return_claims"):
        with engine.connect() as conn, pytest.raises(OperationalError, match="denied"):
            conn.exec_driver_sql(text)
    engine.dispose()


def test_a_restriction_of_earlier_settings_can_be_lifted(library: Library) -> None:
    library.set("policy", **EVERYTHING)
    apply_grants(library)
    library.owing(card="1001")
    good(library, "init", "--yes")
    good(library, "nightly")
    assert library.koha.value("SELECT COUNT(*) FROM borrower_debarments") == 1
    library.set("policy", add_restriction="false", remove_restriction="false")
    apply_grants(library)
    good(library, "release", "1001", "--reason", "a mistake", "--waive-fee")
    assert library.koha.value("SELECT COUNT(*) FROM borrower_debarments") == 0


def test_the_rights_are_enough_for_an_upgrade(library: Library) -> None:
    apply_grants(library)
    build(library.koha.engine, 1)
    library.koha.execute("DELETE FROM gentle_nudge_meta")
    good(library, "init", "--yes")
    good(library, "history")
    assert "grant-missing" not in {finding["name"] for finding in library.check()}


@pytest.mark.parametrize("policy", [EVERYTHING, LITTLE], ids=["everything", "little"])
def test_the_rights_to_read_are_enough_for_dry_runs_and_for_nothing_else(
    library: Library, policy: dict[str, str]
) -> None:
    library.set("policy", **policy)
    apply_grants(library, "--read-only")
    library.owing(card="1001")
    before = snapshot(library.koha)
    assert "1 referred" in good(library, "nightly", "--dry-run")
    good(library, "explain", "1001")
    assert {finding["name"] for finding in library.check()} == {"own-tables-missing", "grant-missing"}
    assert not [it for it in library.check() if it["name"] == "grant-missing" and "may not SELECT" in it["what"]]
    for arguments in (("init", "--yes"), ("nightly",), ("sync",)):
        done = library.run(*arguments)
        assert done.returncode == 2, done.stderr
    assert snapshot(library.koha) == before


def test_a_dry_run_by_a_user_that_may_only_read_knows_who_is_in_collections(library: Library) -> None:
    apply_grants(library)
    library.owing(card="1001")
    good(library, "init", "--yes")
    good(library, "nightly")
    apply_grants(library, "--read-only")
    before = snapshot(library.koha)
    tomorrow = str(today() + timedelta(days=1))
    assert "Update: 1 in the report" in good(library, "nightly", "--dry-run", "--day", tomorrow)
    for words in ("history", "status", "cases", "explain 1001"):
        good(library, *words.split())
    for words in ("sync", "release 1001 --reason x"):
        assert library.run(*words.split()).returncode == 2
    assert snapshot(library.koha) == before


def test_only_what_the_configuration_needs_is_granted(library: Library) -> None:
    library.set("policy", **LITTLE)
    little = printed(library)
    assert not [table for table in OPTIONAL_TABLES if f"`{table}`" in little]
    assert "sort2," in little.partition("UPDATE")[0]  # it is read with every patron
    assert "sort2" not in little.partition("-- 3.")[2]
    assert "GRANT DELETE\n" in little
    library.set("policy", **EVERYTHING)
    everything = printed(library)
    assert {table for table in OPTIONAL_TABLES if f"`{table}`" in everything} == {
        "borrower_attributes",
        "borrower_relationships",
    }
    assert "sort1" not in everything.partition("-- 3.")[2]


def test_everything_is_granted_while_the_policy_is_incomplete(library: Library) -> None:
    library.leave_out("policy", "flag")
    del library.tables["mail"]
    text = printed(library)
    assert all(f"`{table}`" in text for table in koha_tables.tables)


def test_every_table_of_ours_is_named(library: Library) -> None:
    assert all(f"`{table.name}`" in printed(library) for table in metadata.sorted_tables)


def test_the_page_has_the_rights_of_a_configuration_that_uses_everything() -> None:
    from gentle_nudge.jobs.setup.grants import sample  # noqa: PLC0415

    assert (ROOT / "docs/how-to/grants.sql").read_text(encoding="utf-8") == sample(), "make it anew: tools/pages"


def test_a_new_user_cannot_log_in_before_it_has_a_password(library: Library) -> None:
    koha = library.koha
    forget(koha)
    execute(koha, printed(library))
    engine = create_engine(koha.engine.url.set(username=user_of(koha), password=""))
    with pytest.raises(OperationalError, match="locked"):
        engine.connect()
    engine.dispose()


def test_the_statements_change_no_password_when_they_are_run_again(library: Library) -> None:
    apply_grants(library)
    execute(library.koha, printed(library))
    good(library, "nightly", "--dry-run")


def test_no_password_is_printed(library: Library) -> None:
    text = printed(library)
    assert PASSWORD not in text
    assert library.koha.server.password not in text


def test_the_user_is_named_after_the_instance(library: Library) -> None:
    library.folder /= "o'north"
    library.folder.mkdir()
    assert "'gentle_nudge_o''north'@'localhost'" in good(library, "grants")


def test_names_are_quoted(library: Library) -> None:
    koha = library.koha
    try:
        koha.execute("CREATE DATABASE `o'b``x-1`")
        for table in koha.columns:
            koha.execute(f"CREATE TABLE `o'b``x-1`.`{table}` LIKE `{koha.name}`.`{table}`")
        library.elements["database"] = "o'b`x-1"
        del library.tables["koha"], library.env["GENTLE_NUDGE_KOHA__PASSWORD"]
        sql = good(library, "grants", "--user", "o'neil of north@10.0.0.%")
        execute(koha, sql)
        shown = koha.query("SHOW GRANTS FOR 'o''neil of north'@'10.0.0.%'")
        place = re.compile(r"ON (`o'b``x-1`\.`\w+`) TO")
        assert set(place.findall(str(shown).replace("\\\\", ""))) == set(place.findall(sql.replace("\n", " ")))
    finally:
        koha.execute("DROP DATABASE `o'b``x-1`")
        koha.execute("DROP USER IF EXISTS 'o''neil of north'@'10.0.0.%'")


@pytest.mark.parametrize("user", ["@localhost", "north@", "a\\b@localhost", "a\nb@localhost"])
def test_what_is_no_user_is_refused(library: Library, user: str) -> None:
    done = library.run("grants", "--user", user)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Write NAME@HOST" in done.stderr


def test_columns_that_this_koha_lacks_are_not_granted(library: Library) -> None:
    library.koha.spoil("ALTER TABLE borrowers DROP COLUMN protected")
    apply_grants(library)
    good(library, "init", "--yes")
    good(library, "nightly")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password FROM borrowers",
        "SELECT borrowernotes FROM borrowers",
        "UPDATE borrowers SET surname = 'x'",
        "UPDATE borrowers SET sort2 = 'yes'",
        "UPDATE accountlines SET amount = 0",
        "UPDATE systempreferences SET value = ''",
        "DELETE FROM accountlines",
        "DELETE FROM action_logs",
        "SELECT attribute FROM borrower_attributes",
        "SELECT surname FROM deletedborrowers",
        "SELECT message_id FROM message_queue",
        "SELECT itemnumber FROM return_claims",
        "CREATE TABLE another (id INT)",
        "DROP TABLE gentle_nudge_alert",
    ],
)
def test_what_the_program_never_does_is_not_allowed(library: Library, statement: str) -> None:
    library.set("policy", **LITTLE)
    apply_grants(library)
    url = library.koha.engine.url.set(username=user_of(library.koha), password=PASSWORD)
    engine = create_engine(url)
    with engine.connect() as conn, pytest.raises(OperationalError, match="denied"):
        conn.exec_driver_sql(statement)
    engine.dispose()
