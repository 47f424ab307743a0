"""Every error of the database is a sentence of ours with the server's number, never the server's text."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from sqlalchemy import text

from tests.acceptance.evenings import Evenings
from tests.acceptance.evenings import Library as Begin
from tests.builders.days import SUNDAY
from tests.support.command import Command
from tests.support.koha import KohaDatabase
from tests.support.mariadb import PASSWORD, Server

pytestmark = pytest.mark.before_init
TRIGGER = "gn_refuses"


@pytest.fixture
def refusing(koha: KohaDatabase) -> Iterator[Callable[[int], None]]:
    """The server refuses to insert a case, with this number and with words about a person."""

    def refuse(number: int) -> None:
        koha.execute(f"DROP TRIGGER IF EXISTS {TRIGGER}")
        koha.execute(
            f"CREATE TRIGGER {TRIGGER} BEFORE INSERT ON gentle_nudge_case FOR EACH ROW SIGNAL SQLSTATE '45000' "
            f"SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'refused for Zuleika Quux'"
        )

    yield refuse
    koha.execute(f"DROP TRIGGER IF EXISTS {TRIGGER}")


@pytest.mark.parametrize(
    ("number", "code", "says"),
    [
        (1044, 2, "has not all the rights"),
        (1142, 2, "has not all the rights"),
        (1047, 1, "does not take part in its cluster"),
        (1267, 2, "cannot hold"),
        (1366, 2, "cannot hold"),
        (1290, 1, "is read-only"),
        (1836, 1, "is read-only"),
        (1665, 2, "binlog_format = STATEMENT"),
        (1969, 1, "took longer than it allows"),
        (3024, 1, "took longer than it allows"),
        (1053, 1, "closed the connection"),
        (1406, 1, "refused a statement"),
        (4711, 1, "refused a statement"),
    ],
)
def test_a_night_names_the_number_and_the_way_out(
    library: Begin, refusing: Callable[[int], None], *, number: int, code: int, says: str
) -> None:
    evenings = library()
    evenings.owing()
    refusing(number)
    done = evenings.run("nightly")
    assert done.returncode == code, done.stderr
    sentence, hint, *_ = done.stderr.splitlines()
    assert sentence.startswith("global: ")
    assert says in sentence
    assert sentence.endswith(f"(error {number}).")
    assert hint.strip()
    assert "Zuleika" not in done.stderr
    assert evenings.cases() == []


@pytest.mark.parametrize("number", [1205, 1213])
def test_locks_of_others_that_do_not_end_are_told_with_their_number(
    library: Begin, refusing: Callable[[int], None], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gentle_nudge.jobs.transaction.PAUSES", (0, 0))
    monkeypatch.setattr("gentle_nudge.koha.connect.locks.PAUSE", 1)
    evenings = library()
    evenings.owing()
    refusing(number)
    done = evenings.run("nightly")
    assert done.returncode == 1
    assert f"locks held by others (error {number})" in done.stderr


def test_with_debug_an_error_without_words_of_ours_still_shows_where(
    library: Begin, refusing: Callable[[int], None]
) -> None:
    evenings = library()
    evenings.owing()
    refusing(4711)
    done = evenings.run("--debug", "nightly")
    assert "jobs/night/record.py" in done.stderr
    assert "Zuleika" not in done.stderr


# Real errors, each on a server or in a Koha of its own


@pytest.fixture
def other(tmp_path: Path, command: Command) -> Iterator[Callable[..., Evenings]]:
    """`other(read_only="1")` is a library where `init` was run, on a server with these options."""
    servers: list[Server] = []

    def begin(**options: str) -> Evenings:
        servers.append(server := Server.start_in_memory(**options))
        evenings = Evenings(KohaDatabase.build(server, "26.06"), command, tmp_path)
        evenings.configure()
        return evenings

    yield begin
    for server in servers:
        server.stop()


def found(evenings: Evenings) -> str:
    """What `check` says."""
    done = evenings.run("check")
    assert done.returncode == 1, done.stderr
    return done.stdout


def a_library_user(koha: KohaDatabase) -> str:
    """A user with all rights in the database, and none over the server; the URL without the password."""
    with koha.engine.begin() as conn:
        conn.execute(text("CREATE OR REPLACE USER gn_koha IDENTIFIED BY :word"), {"word": PASSWORD})
        conn.execute(text(f"GRANT ALL ON `{koha.name}`.* TO gn_koha"))
    return koha.url_without_password.replace(f"{koha.server.user}@", "gn_koha@")


@pytest.mark.own_server
def test_a_server_that_logs_statements_is_told_and_found_beforehand(other: Callable[..., Evenings]) -> None:
    evenings = other(log_bin="gn", binlog_format="STATEMENT", server_id="7")
    done = evenings.run("init", "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "(error 1665)" in done.stderr
    assert "MIXED or ROW" in done.stderr
    assert "binlog_format = STATEMENT" in found(evenings)
    evenings.koha.execute("SET GLOBAL binlog_format = MIXED")
    evenings.does("init", "--yes")
    assert "binlog_format" not in evenings.run("check").stdout


@pytest.mark.own_server
def test_a_read_only_server_is_told_and_found_beforehand(other: Callable[..., Evenings]) -> None:
    evenings = other()
    config = evenings.config.read_text(encoding="utf-8")
    url = a_library_user(evenings.koha)
    evenings.config.write_text(config.replace(evenings.koha.url_without_password, url), encoding="utf-8")
    evenings.does("init", "--yes")
    assert "read-only" not in evenings.run("check").stdout
    evenings.koha.execute("SET GLOBAL read_only = 1")
    done = evenings.run("nightly", on=SUNDAY)
    assert done.returncode == 1
    assert "The database server is read-only (error 1290)." in done.stderr
    assert "The database server is read-only." in found(evenings)


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, str]:
    """Options of a server that can encrypt."""
    authority = trustme.CA()
    issued = authority.issue_cert("server.example")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return {f"ssl_{name}": str(tmp_path / f"{name}.pem") for name in ("ca", "cert", "key")}


@pytest.mark.own_server
@pytest.mark.parametrize("demand", ["SET GLOBAL require_secure_transport = 1", "ALTER USER koha_gn REQUIRE SSL"])
def test_encryption_that_is_demanded_is_told_and_is_no_wrong_password(
    other: Callable[..., Evenings], certificates: dict[str, str], demand: str
) -> None:
    evenings = other(**certificates)
    evenings.does("init", "--yes")
    evenings.koha.execute(demand)
    for words in ("check", "nightly", "status"):
        done = evenings.run(words)
        assert done.returncode == 2, done.stderr
        sentence, hint = done.stderr.splitlines()
        assert sentence == "The database server demands an encrypted connection (error 1045)."
        assert "koha-conf.xml" in hint
    url = f"{evenings.koha.url_without_password}&ssl_ca={certificates['ssl_ca']}&ssl_check_hostname=false"
    config = evenings.config.read_text(encoding="utf-8")
    evenings.config.write_text(config.replace(evenings.koha.url_without_password, url), encoding="utf-8")
    evenings.does("nightly", on=SUNDAY)


@pytest.mark.own_server
def test_a_wrong_password_is_one_also_where_the_server_can_encrypt(
    other: Callable[..., Evenings], certificates: dict[str, str]
) -> None:
    evenings = other(**certificates)
    evenings.koha.execute("ALTER USER koha_gn IDENTIFIED BY 'another'")
    done = evenings.run("check")
    assert done.returncode == 2
    assert "refuses user koha_gn" in done.stderr


def test_a_statement_that_takes_too_long_is_told(library: Begin) -> None:
    evenings = library()
    for _ in range(3):
        evenings.owing()
    evenings.koha.execute(
        f"CREATE TRIGGER {TRIGGER} BEFORE INSERT ON gentle_nudge_case FOR EACH ROW SET NEW.why = SLEEP(5)"
    )
    evenings.session = {"max_statement_time": 1}
    done = evenings.run("nightly")
    evenings.koha.execute(f"DROP TRIGGER {TRIGGER}")
    assert done.returncode == 1
    assert "(error 1969)" in done.stderr
    assert "max_statement_time" in done.stderr


@pytest.mark.parametrize("charset", ["latin1", "utf8mb3"])
def test_a_word_that_a_column_cannot_hold_is_told_and_found_beforehand(library: Begin, charset: str) -> None:
    evenings = library()
    evenings.koha.spoil(f"ALTER TABLE accountlines MODIFY description LONGTEXT CHARACTER SET {charset}")
    evenings.koha.spoil(f"ALTER TABLE borrower_debarments MODIFY comment MEDIUMTEXT CHARACTER SET {charset}")
    evenings.owing()
    fee, comment = ("Gebühr 催收", "催收 {date}") if charset == "latin1" else ("Gebühr 催收 💸", "催收 💸 {date}")
    evenings.configure(policy=f'fee_description = "{fee}"\nrestriction_comment = "{comment}"')
    done = evenings.run("nightly")
    assert done.returncode == 2, done.stderr
    assert re.search(r"\(error (1267|1366)\)", done.stderr)
    assert "催" not in done.stderr
    says = found(evenings)
    assert "fee_description of section global" in says
    assert f"accountlines.description ({charset}) cannot hold: {fee}" in says
    assert f"borrower_debarments.comment ({charset}) cannot hold: {comment}" in says
    evenings.configure(policy='fee_description = "Gebühr"\nrestriction_comment = "gemäß {date}"')
    evenings.does("nightly")
    assert "cannot hold" not in evenings.run("check").stdout


def test_a_comment_that_one_of_its_columns_cannot_hold_is_an_error_1366(library: Begin) -> None:
    evenings = library()
    evenings.koha.spoil("ALTER TABLE borrowers MODIFY debarredcomment VARCHAR(255) CHARACTER SET utf8mb3")
    evenings.owing()
    evenings.configure(policy='restriction_comment = "collections 💸 {date}"')
    done = evenings.run("nightly")
    assert done.returncode == 2
    assert "(error 1366)" in done.stderr
    assert evenings.cases() == []
    assert "borrowers.debarredcomment (utf8mb3) cannot hold: collections 💸 {date}" in found(evenings)


def test_a_code_that_a_column_cannot_be_compared_with_is_found(library: Begin) -> None:
    evenings = library()
    evenings.owing()
    evenings.koha.spoil(
        "ALTER TABLE accountlines DROP FOREIGN KEY accountlines_ibfk_4, "
        "MODIFY debit_type_code VARCHAR(80) CHARACTER SET latin1"
    )
    evenings.configure(policy='debit_types = ["催收"]')
    assert "debit_types of section global has characters" in found(evenings)
