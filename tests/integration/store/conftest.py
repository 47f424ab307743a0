"""Our tables in a Koha database, and in SQLite as the demo has them."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, StaticPool, create_engine

from gentle_nudge.store import meta, upgrade
from tests.builders.ours import META
from tests.koha_schema import NEWEST
from tests.support.koha import KohaDatabase
from tests.support.mariadb import Server, unique_name

ISOLATION = "READ COMMITTED"  # as the jobs' writing transactions have it


@pytest.fixture
def engine(koha_databases: Callable[[str], KohaDatabase]) -> Iterator[Engine]:
    """A Koha database with our tables, for tests that commit."""
    engine = koha_databases(NEWEST).engine
    with_our_tables(engine)
    yield engine.execution_options(isolation_level=ISOLATION)
    engine.dispose()


@pytest.fixture(scope="session")
def own_database(server: Server) -> Iterator[Engine]:
    """A MariaDB database with our tables alone, for tests that roll back."""
    name = unique_name("store")
    server.create_database(name)
    engine = server.engine(name)
    with_our_tables(engine)
    yield engine.execution_options(isolation_level=ISOLATION)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP DATABASE `{name}`")
    engine.dispose()


@pytest.fixture
def conn(own_database: Engine) -> Iterator[Connection]:
    """A transaction on our tables in MariaDB, rolled back after the test."""
    with own_database.connect() as connection:
        yield connection


@pytest.fixture(params=["mariadb", "sqlite"])
def both(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A transaction on our tables, in MariaDB and in SQLite, rolled back after the test."""
    if request.param == "mariadb":
        yield request.getfixturevalue("conn")
        return
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with_our_tables(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def with_our_tables(engine: Engine) -> None:
    """Our tables are there, and initialised."""
    with engine.begin() as connection:
        upgrade.create_or_upgrade(connection)
        meta.write_meta(connection, META)
