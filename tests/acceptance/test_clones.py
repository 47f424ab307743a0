"""A clone of the virtual machine does nothing; the nodes of a cluster take turns."""

from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.evenings import Evenings
from tests.builders.days import MONDAY, SUNDAY, TUESDAY
from tests.support import backup
from tests.support.koha import KohaDatabase
from tests.support.mariadb import Server
from tests.support.nights import snapshot

ACTING = ("nightly", "sync", "deliver", "init --yes")


def unnamed(evenings: Evenings) -> Evenings:
    """The same library, whose settings do not name the machine."""
    evenings.config.write_text(evenings.config.read_text().replace('machine = "here"\n', ""))
    evenings.does("init", "--moved", "--yes")
    return evenings


def refuses(evenings: Evenings) -> None:
    """Whatever acts is refused, with both ways out, and nothing has changed."""
    before = snapshot(evenings.koha)
    for command in ACTING:
        refused = evenings.run(*command.split(), on=MONDAY)
        assert refused.returncode == 2, command
        assert "--moved" in refused.stderr, command
        assert "--copy" in refused.stderr, command
    assert "Not initialised for this machine" in evenings.run("status").stdout
    assert "own-tables-elsewhere" in evenings.run("check", "--format", "json").stdout
    assert snapshot(evenings.koha) == before


def on_another_server(evenings: Evenings, server: Server) -> Evenings:
    """The same rows and settings on that server, as if its host and port had stayed."""
    koha = KohaDatabase.build(server, evenings.koha.version, evenings.koha.name)
    evenings.does("nightly", on=SUNDAY)
    with koha.engine.begin() as conn:
        for table in evenings.koha.own_tables():
            (created,) = (row["Create Table"] for row in evenings.koha.query(f"SHOW CREATE TABLE `{table}`"))
            conn.exec_driver_sql("SET foreign_key_checks = 0")
            conn.exec_driver_sql(created.replace("%", "%%"))
    backup.restore(koha, backup.take(evenings.koha))
    koha.execute("UPDATE gentle_nudge_meta SET port = :port", port=server.port)
    there = Evenings(koha, evenings.command, evenings.folder)
    text = evenings.config.read_text()
    there.config.write_text(text.replace(evenings.koha.url_without_password, koha.url_without_password))
    return there


@pytest.fixture(scope="module")
def other_server() -> Iterator[Server]:
    """A second server."""
    with Server.start_in_memory() as server:
        yield server


@pytest.mark.own_server
def test_a_clone_is_told_from_its_original_by_the_id_of_its_server(
    library: Callable[..., Evenings], other_server: Server
) -> None:
    clone = on_another_server(unnamed(library()), other_server)
    refuses(clone)
    clone.does("init", "--copy", "--yes", on=MONDAY)
    clone.does("nightly", on=MONDAY)
    clone.does("init", "--moved", "--yes", on=TUESDAY)
    clone.does("nightly", on=TUESDAY)


@pytest.mark.own_server
def test_the_nodes_of_a_cluster_take_turns_under_one_name(
    library: Callable[..., Evenings], other_server: Server
) -> None:
    node = on_another_server(library(), other_server)
    node.koha.execute("UPDATE gentle_nudge_meta SET host = 'node-1', port = 3306")
    for command in ("nightly", "sync", "deliver", "init --yes"):
        node.does(*command.split(), on=MONDAY)


def test_a_named_machine_is_no_longer_here_under_another_name_or_database(library: Callable[..., Evenings]) -> None:
    evenings = library()
    for column in ("machine", "database_name"):
        before = evenings.koha.value(f"SELECT {column} FROM gentle_nudge_meta")
        evenings.koha.execute(f"UPDATE gentle_nudge_meta SET {column} = 'another'")
        refuses(evenings)
        evenings.koha.execute(f"UPDATE gentle_nudge_meta SET {column} = :before", before=before)


def has_id(koha: KohaDatabase) -> bool:
    """Whether the server has an id of its own: MariaDB since August 2024."""
    return bool(koha.query("SHOW GLOBAL VARIABLES LIKE 'server_uid'"))


@pytest.mark.parametrize("column", ["host", "port", "server_uid"])
def test_without_a_name_host_port_and_id_of_the_server_count(library: Callable[..., Evenings], column: str) -> None:
    evenings = unnamed(library())
    if column == "server_uid" and not has_id(evenings.koha):
        pytest.skip("this server has no id")
    evenings.koha.execute(f"UPDATE gentle_nudge_meta SET {column} = '1'")
    refuses(evenings)


def test_an_id_that_an_older_program_did_not_note_is_ignored_until_the_next_init(
    library: Callable[..., Evenings], koha: KohaDatabase
) -> None:
    evenings = unnamed(library())
    noted = koha.value("SELECT server_uid FROM gentle_nudge_meta")
    koha.execute("UPDATE gentle_nudge_meta SET server_uid = NULL")
    evenings.does("nightly", on=SUNDAY)
    assert koha.value("SELECT server_uid FROM gentle_nudge_meta") is None
    revision = koha.value("SELECT note FROM gentle_nudge_meta")
    evenings.does("init", "--yes")
    assert koha.value("SELECT server_uid FROM gentle_nudge_meta") == noted
    assert (noted is not None) == has_id(koha)
    assert koha.value("SELECT note FROM gentle_nudge_meta") == revision
    evenings.does("nightly", on=MONDAY)
