"""What every test may ask for: a MariaDB, a Koha database, real mail and SFTP servers, the command."""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from gentle_nudge.demo.play import Story, play
from tests.builders.days import SUNDAY
from tests.koha_schema import NEWEST, VERSIONS
from tests.support.command import Command
from tests.support.koha import KohaDatabase
from tests.support.mariadb import Server, unique_name
from tests.support.monitor import Monitor
from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer
from tests.support.sshd import Sshd

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")

# The URL of an administrator's account on a server to test against, instead of a MariaDB of our own. It does not stay
# in the environment: to the command an unknown variable of this prefix is an error.
GIVEN = os.environ.pop("GENTLE_NUDGE_TEST_SERVER", "")
# The modules whose tests share a fixture of several seconds, or a global variable of the server.
TOGETHER = {
    "tests/acceptance/test_demo.py": "demo",
    "tests/acceptance/test_docs.py": "docs",
    "tests/acceptance/test_outcomes_of_a_year.py": "year",
    "tests/pages/test_pages.py": "year",
    "tests/unit/demo/test_play.py": "year",
    "tests/acceptance/test_check.py": "globals",
    "tests/integration/harness/test_koha_database.py": "globals",
    "tests/integration/koha/test_engine.py": "globals",
    "tests/integration/koha/test_write.py": "globals",
}
shared_server = pytest.StashKey[Server]()


class Node(Protocol):
    """A worker of pytest-xdist, as the process that controls it sees it."""

    config: pytest.Config
    workerinput: dict[str, Any]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Node) -> None:
    """All workers share one server, started before the first of them."""
    stash = node.config.stash
    if not needs_server(node.config):
        return
    if shared_server not in stash:
        stash[shared_server] = Server(GIVEN) if GIVEN else Server.start_in_memory()
    shared = stash[shared_server]
    node.workerinput["server"] = (shared.url().render_as_string(hide_password=False), str(shared.folder or ""))


class Together(LoadScopeScheduling):  # type: ignore[misc]
    """Tests go to the workers one by one; those of modules that belong together all go to one."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER.get(nodeid.partition("::")[0], nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    """Which worker runs what, unless `--dist` says otherwise."""
    return Together(config, log) if config.getvalue("dist") == "load" else None


def given_server(config: pytest.Config) -> str:
    """The URL of the server that the tests were given; empty if they have one of their own."""
    url, folder = getattr(config, "workerinput", {}).get("server", (GIVEN, ""))
    return "" if folder else str(url)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a server that somebody else owns, the tests that need one of their own are left out; on MySQL, MariaDB's."""
    url = given_server(config)
    if not url:
        return
    names = ["own_server"] if Server(url).is_mariadb() else ["own_server", "mariadb"]
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in names)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish() -> None:
    """What is imported and collected stays, and is not looked through again by every collection of garbage."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why tests were left out."""
    if GIVEN:
        terminalreporter.write_line(
            "Tests marked own_server are deselected: they set options of a server, read its log, or need two. "
            "On MySQL those marked mariadb, too."
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    """The shared server is gone, also after an interrupt."""
    if shared_server in config.stash:
        config.stash[shared_server].stop()
        del config.stash[shared_server]


def needs_server(config: pytest.Config) -> bool:
    """Whether anything may be run but unit tests and pages."""
    without = [Path(__file__).parent / ring for ring in ("unit", "pages")]
    here = config.invocation_params.dir
    asked = [(here / argument.split("::")[0]).resolve() for argument in config.args]
    return not all(any(path.is_relative_to(ring) for ring in without) for path in asked)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that uses Koha runs on the newest version, on those it names, or on every one."""
    if "koha" not in metafunc.fixturenames:
        return
    versions: tuple[str, ...] = (NEWEST,)
    named = metafunc.definition.get_closest_marker("koha")
    if named is not None:
        versions = named.args
    if metafunc.definition.get_closest_marker("every_koha") is not None:
        versions = VERSIONS
    metafunc.parametrize("koha", versions, indirect=True)


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server given; else a MariaDB of our own, whose time zone and sql_mode are not what the product wants."""
    url, folder = getattr(request.config, "workerinput", {}).get("server", (GIVEN, ""))
    if url:
        yield Server(url, folder=Path(folder) if folder else None)
        return
    with Server.start_in_memory() as own:
        yield own


@pytest.fixture(scope="session")
def koha_databases(server: Server) -> Iterator[Callable[..., KohaDatabase]]:
    """One database for each version, built when first asked for."""
    built: dict[str, KohaDatabase] = {}

    def of_version(version: str, *, ours: bool = True) -> KohaDatabase:
        """The database of that version, with the default rows, our tables empty (not there without `ours`)."""
        koha = built.setdefault(version, KohaDatabase(server, version, unique_name("koha")))
        koha.make_pristine(ours=ours)
        return koha

    yield of_version
    for koha in built.values():
        koha.close()


@pytest.fixture
def koha(request: pytest.FixtureRequest, koha_databases: Callable[..., KohaDatabase]) -> Iterator[KohaDatabase]:
    """A Koha with default rows only: the newest version, unless the test is marked otherwise."""
    database = koha_databases(request.param, ours=request.node.get_closest_marker("before_init") is None)
    yield database
    database.engine.dispose()


@pytest.fixture
def set_global(request: pytest.FixtureRequest, server: Server) -> Iterator[Callable[[str, str | int], None]]:
    """Sets a global variable of the server until the test ends. Other workers see it too."""
    assert request.node.get_closest_marker("own_server"), "mark the test with own_server: it sets an option"
    engine = server.engine()
    with ExitStack() as undo:
        undo.callback(engine.dispose)

        def change(name: str, value: str | int) -> None:
            with engine.connect() as connection:
                before = connection.exec_driver_sql(f"SELECT @@GLOBAL.{name}").scalar()
                connection.exec_driver_sql(f"SET GLOBAL {name} = %s", (value,))
            undo.callback(put_back, name, before)

        def put_back(name: str, value: object) -> None:
            with engine.connect() as connection:
                connection.exec_driver_sql(f"SET GLOBAL {name} = %s", (value,))

        yield change


@pytest.fixture
def smtp_server() -> Iterator[Callable[..., SmtpServer]]:
    """Starts mail servers: `smtp_server(security="starttls", user="u", password="p")`."""
    with ExitStack() as running:
        yield lambda **how: running.enter_context(SmtpServer(**how))


@pytest.fixture
def smtp(smtp_server: Callable[..., SmtpServer]) -> SmtpServer:
    """A mail server without TLS and without login."""
    return smtp_server()


@pytest.fixture
def sftp_server(tmp_path: Path) -> Iterator[Callable[..., SftpServer]]:
    """Starts SFTP servers: `sftp_server(refuse={"rename"}, sweep="*.csv")`; each has a folder of its own."""
    folders = (tmp_path / f"sftp-{number}" for number in range(100))
    with ExitStack() as running:
        yield lambda **how: running.enter_context(SftpServer(next(folders), **how))


@pytest.fixture
def sftp(sftp_server: Callable[..., SftpServer]) -> SftpServer:
    """An SFTP server that behaves, with password and key."""
    return sftp_server()


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A real OpenSSH server with a key of its own."""
    with Sshd(tmp_path / "sshd") as running:
        yield running


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    """A web server that hears pings."""
    with Monitor() as server:
        yield server


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The installed `gentle-nudge`, run as a user runs it, with an empty home and an empty environment."""
    return Command(tmp_path / "user")


@pytest.fixture(scope="session")
def year(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The demo with its year, to be looked at."""
    return play(tmp_path_factory.mktemp("year") / "demo", SUNDAY)


@pytest.fixture
def run(command: Command) -> Callable[..., Any]:
    """`run("nightly", "--dry-run", env={...}, input="yes")` gives the finished process."""
    return command.run
