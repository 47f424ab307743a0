"""Our tables as they were in each released version: frozen as SQL, built again for the tests of upgrades.

Before a version is released: `python -m tests.support.own_tables` freezes it, with the rows of a lived-in library.
"""

import tempfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, StaticPool, create_engine, insert, select

from gentle_nudge.store.tables import SCHEMA_VERSION, metadata
from tests.builders.days import SUNDAY
from tests.builders.koha import a_patron, delete_patron, owes, pays
from tests.koha_schema import NEWEST
from tests.support.crashes import Library
from tests.support.koha import KohaDatabase
from tests.support.mariadb import Server
from tests.support.smtp import SmtpServer

FACTS = Path(__file__).parents[1] / "own_tables"
END = ";\n"


def file_of(version: int, dialect: str) -> Path:
    """Where the tables of a version stand."""
    return FACTS / f"version-{version}.{dialect}.sql"


def old_versions() -> list[int]:
    """The released versions before this one."""
    versions = (int(path.name.split(".")[0].removeprefix("version-")) for path in FACTS.glob("*.mariadb.sql"))
    return sorted(version for version in versions if version < SCHEMA_VERSION)


def build(engine: Engine, version: int) -> None:
    """Our tables are those of that version, with the rows that a library had by then."""
    load(engine, file_of(version, engine.dialect.name.replace("mysql", "mariadb")).read_text(encoding="utf-8"))


def load(engine: Engine, text: str) -> None:
    """The tables and rows of a frozen text are there."""
    with engine.begin() as conn:
        if engine.dialect.name == "sqlite":
            conn.connection.driver_connection.executescript(text)  # type: ignore[union-attr]
            return
        for statement in text.removesuffix(END).split(END):
            conn.exec_driver_sql(statement.replace("%", "%%"))


def lived_in(koha: KohaDatabase, smtp: SmtpServer, archive: Path) -> None:
    """A library in which cases ended in every way, somebody asked for a sync, and not everything has arrived."""
    library = Library(koha=koha, smtp=smtp, archive=archive)
    library.lives()
    library.night()
    first, second = sorted(library.nights.open_patrons())[:2]
    delete_patron(koha, first)
    pays(koha, second)
    koha.execute("UPDATE borrowers SET sort1 = 'no' WHERE borrowernumber = :n", n=second)
    owes(koha, a_patron(koha, surname="Ünlü; 100%", sort1="yes"), "1234.56", day=SUNDAY - timedelta(days=400))
    library.nights.night(SUNDAY + timedelta(days=1), delivered=False)
    library.nights.sync(SUNDAY + timedelta(days=1))
    koha.execute("INSERT INTO gentle_nudge_alert (kind, day, at) VALUES ('cases', '2026-11-22', '2026-11-22 09:00:01')")
    koha.execute("UPDATE gentle_nudge_run SET who = 'ann' WHERE report = 'sync'")
    koha.execute("UPDATE gentle_nudge_delivery SET recipient = '/var/lib/gn' WHERE channel = 'file'")
    koha.execute("UPDATE gentle_nudge_meta SET machine = 'm-1', host = 'db', port = 3306, database_name = 'koha_lib'")


def differences(conn: Connection) -> list[Any]:
    """How our tables differ from those that `store/tables.py` declares; alembic misreads server defaults."""
    options = {
        "compare_type": True,
        "include_name": lambda name, kind, _: kind != "table" or str(name).startswith("gentle_nudge_"),
    }
    return list(compare_metadata(MigrationContext.configure(conn, opts=options), metadata))


def mariadb_text(conn: Connection) -> str:
    """Our tables as MariaDB reports them, and their rows."""
    return END.join(_mariadb_statements(conn)) + END


def _mariadb_statements(conn: Connection) -> Iterator[str]:
    yield "SET foreign_key_checks = 0"
    for name in sorted(metadata.tables):
        yield conn.exec_driver_sql(f"SHOW CREATE TABLE `{name}`").one()[1]
        for row in conn.exec_driver_sql(f"SELECT * FROM `{name}`"):
            yield f"INSERT INTO `{name}` VALUES ({', '.join(map(_literal, row))})"
    yield "SET foreign_key_checks = 1"


def _literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bytes():
            return f"X'{value.hex()}'"
        case str() | date() | datetime():
            text = str(value).replace("\\", "\\\\").replace("'", "''").replace("\r", "\\r").replace("\n", "\\n")
            return f"'{text}'"
        case _:
            return str(value)


def sqlite_text(conn: Connection) -> str:
    """The same tables and rows as SQLite has them."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    with engine.begin() as copy:
        for table in metadata.sorted_tables:
            if rows := conn.execute(select(table)).all():
                copy.execute(insert(table), [dict(zip(table.c.keys(), row, strict=True)) for row in rows])
    with engine.connect() as copy:
        dump = copy.connection.driver_connection.iterdump()  # type: ignore[union-attr]
        return "\n".join(dump).replace(", \n", ",\n") + "\n"


def freeze() -> None:
    """The tables of this program's version stand in `FACTS`."""
    with Server.start() as server, SmtpServer() as smtp, tempfile.TemporaryDirectory() as folder:
        koha = KohaDatabase.build(server, NEWEST)
        lived_in(koha, smtp, Path(folder) / "archive")
        with koha.engine.connect() as conn:
            FACTS.mkdir(exist_ok=True)
            file_of(SCHEMA_VERSION, "mariadb").write_text(mariadb_text(conn), encoding="utf-8")
            file_of(SCHEMA_VERSION, "sqlite").write_text(sqlite_text(conn), encoding="utf-8")


if __name__ == "__main__":
    freeze()
