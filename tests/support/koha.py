"""A Koha database for tests: real tables of one version, default rows, plain ways to put and read."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self
from xml.sax.saxutils import escape

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from gentle_nudge.koha.connect.locks import TAKEN
from gentle_nudge.store.tables import metadata
from tests.koha_schema import Column, create_statements, facts
from tests.support.mariadb import Server, unique_name

SOMETHING: Mapping[str, object] = {  # for columns that must be given; numbers are 0
    "varchar": "",
    "char": "",
    "tinytext": "",
    "text": "",
    "mediumtext": "",
    "longtext": "",
    "date": "2020-01-01",
    "datetime": "2020-01-01 12:00:00",
    "timestamp": "2020-01-01 12:00:00",
}

BRANCHES = {"CPL": "Centerville", "FPL": "Fairview", "MPL": "Midway"}
CATEGORIES = {"PT": "A", "J": "C", "ST": "S", "I": "I", "P": "P", "X": "X"}
ITEM_TYPES = {"BK": "Books", "DVD": "DVDs"}
DEBIT_TYPES = {  # code: can_be_invoiced, is_system
    "ACCOUNT": (0, 1),
    "ACCOUNT_RENEW": (0, 1),
    "LOST": (1, 1),
    "MANUAL": (1, 0),
    "NEW_CARD": (1, 1),
    "OVERDUE": (0, 1),
    "PROCESSING": (0, 1),
    "PAYOUT": (0, 1),
    "RENT": (0, 1),
    "RENT_DAILY": (0, 1),
    "RENT_RENEW": (0, 1),
    "RENT_DAILY_RENEW": (0, 1),
    "RESERVE": (0, 1),
    "RESERVE_EXPIRED": (0, 1),
    "VOID": (0, 1),
}
CREDIT_TYPES = {  # code: can_be_added_manually, is_system
    "PAYMENT": (0, 1),
    "WRITEOFF": (0, 1),
    "FORGIVEN": (1, 1),
    "CREDIT": (1, 0),
    "CANCELLATION": (0, 1),
    "DISCOUNT": (0, 1),
    "LOST_FOUND": (0, 1),
    "OVERPAYMENT": (0, 1),
    "PROCESSING_FOUND": (0, 1),
    "PURCHASE": (0, 1),
    "REFUND": (0, 1),
}
RESTRICTION_TYPES = {"MANUAL": (0, 1), "OVERDUES": (1, 0), "SUSPENSION": (1, 0), "DISCHARGE": (1, 0)}
PREFERENCES = {
    "AnonymousPatron": "0",
    "AutoSelfCheckID": "",
    "BorrowersLog": "1",
    "CronjobLog": "0",
    "dateformat": "us",
    "FinesLog": "1",
    "KohaAdminEmailAddress": "admin@library.example",
    "LibraryName": "Springfield Public Library",
    "SendAllEmailsTo": "",
    "TimeFormat": "12hr",
    "Version": "",
}
NEXT_NUMBER = re.compile(r" AUTO_INCREMENT=\d+")
NUMBERS = {"24.05": "24.0500000", "25.11": "25.1104000", "26.06": "26.0600000"}


class KohaDatabase:
    """One Koha database. `url` is for the product; `engine` is for the tests and may do everything."""

    def __init__(self, server: Server, version: str, name: str) -> None:
        self.server = server
        self.version = version
        self.name = name
        self.timezone = "America/New_York"
        self.engine: Engine = server.engine(name)
        self.facts = facts(version)
        self.columns: Mapping[str, list[Column]] = self.facts.tables
        self._whole = False
        self._ours: dict[str, str] = {}

    @classmethod
    def build(cls, server: Server, version: str, name: str | None = None) -> Self:
        """A new database with the tables and default rows of that version."""
        koha = cls(server, version, name or unique_name("koha"))
        koha.make_pristine()
        return koha

    @property
    def url(self) -> str:
        """The database for `[koha] url`; the password is in it."""
        return self.server.url(self.name).render_as_string(hide_password=False)

    @property
    def url_without_password(self) -> str:
        """The same for a configuration file, where no password may stand."""
        url = self.server.url(self.name)._replace(password=None)  # `set` would keep the password
        return url.render_as_string(hide_password=False)

    # Rows

    def query(self, sql: str, **params: object) -> list[dict[str, Any]]:
        """The rows, each by column name; a list as parameter fits `IN :name`."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(_statement(sql, params), params).mappings()]

    def value(self, sql: str, **params: object) -> Any:
        """The first column of the first row; None without one."""
        rows = self.query(sql, **params)
        return next(iter(rows[0].values())) if rows else None

    def execute(self, sql: str, **params: object) -> int:
        """The statement is done and committed; how many rows it touched."""
        with self.engine.begin() as connection:
            return connection.execute(_statement(sql, params), params).rowcount

    def execute_lax(self, sql: str, **params: object) -> None:
        """The same in a session that takes what fits no column, such as a day of zeros."""
        with self.engine.begin() as connection:
            connection.execute(text("SET @before = @@sql_mode, sql_mode = ''"))
            connection.execute(_statement(sql, params), params)
            connection.execute(text("SET sql_mode = @before"))

    def put(self, table: str, **values: object) -> int:
        """A row is there, required columns filled; its auto_increment number (0 without one)."""
        row = self._complete(table, values)
        with self.engine.begin() as connection:
            return int(connection.execute(text(_insert(table, row)), row).lastrowid)

    def put_many(self, table: str, rows: Iterable[Mapping[str, object]]) -> None:
        """The rows are there, in one transaction; all have the columns of the first."""
        complete = [self._complete(table, row) for row in rows]
        with self.engine.begin() as connection:
            connection.execute(text(_insert(table, complete[0])), complete)

    def has(self, table: str, column: str) -> bool:
        """This version knows the column."""
        return any(it.column == column for it in self.columns.get(table, ()))

    def own_tables(self) -> list[str]:
        """The names of the product's tables that are there."""
        names = self.query("SHOW TABLES LIKE 'gentle\\_nudge\\_%'")
        return sorted(str(name) for row in names for name in row.values())

    def is_free(self, table: str, key: str, number: int) -> bool:
        """Whether somebody else could change the row now. Not by SKIP LOCKED, which MariaDB has since 10.6."""
        try:
            return bool(self.query(f"SELECT 1 FROM `{table}` WHERE `{key}` = :number FOR UPDATE NOWAIT", number=number))
        except OperationalError as error:
            if error.orig is None or error.orig.args[0] not in TAKEN:
                raise
            return False

    # Settings of Koha

    def prefer(self, variable: str, value: str) -> None:
        """The system preference has that value."""
        self.execute("REPLACE INTO systempreferences (variable, value) VALUES (:v, :w)", v=variable, w=value)

    def conf_file(self, folder: Path, **elements: str) -> Path:
        """A koha-conf.xml that leads here; elements replace or add to those of <config>."""
        said = {
            "db_scheme": "mysql",
            "database": self.name,
            "hostname": self.server.host,
            "port": str(self.server.port),
            "user": self.server.user,
            "pass": self.server.password,
            "tls": "no",
            "timezone": self.timezone,
            **elements,
        }
        lines = "".join(f"  <{name}>{escape(value)}</{name}>\n" for name, value in said.items())
        path = folder / "koha-conf.xml"
        path.write_text(f"<yazgfs>\n <config>\n{lines} </config>\n</yazgfs>\n", encoding="utf-8")
        path.chmod(0o600)
        return path

    # Between tests

    def spoil(self, sql: str) -> None:
        """The statement changed Koha's tables themselves; they are built anew for the next test."""
        self._whole = False
        self.execute(sql)

    def make_pristine(self, *, ours: bool = False) -> None:
        """Koha's tables hold the default rows and nothing else; no other table is there.

        With `ours` the product's tables are there as `init` makes them, empty: to make and drop them takes longer than
        most tests.
        """
        if not self._whole:
            self._build()
        with self.engine.begin() as connection:
            connection.execute(text("SET foreign_key_checks = 0"))
            others = [name for name in connection.execute(text("SHOW TABLES")).scalars() if name not in self.columns]
            described = _described(connection) if ours and set(others) == set(metadata.tables) else {}
            if described and _definitions(described) == self._ours:
                self._empty(connection, *others)
                for name in (name for name in others if NEXT_NUMBER.search(described[name])):
                    connection.execute(text(f"ALTER TABLE `{name}` AUTO_INCREMENT = 1"))
            else:
                self._empty(connection)
                for name in others:
                    connection.execute(text(f"DROP TABLE `{name}`"))
                if ours:
                    metadata.create_all(connection)
                    self._ours = _definitions(_described(connection))
            connection.execute(text("SET foreign_key_checks = 1"))
        self._seed()

    def close(self) -> None:
        """The database is gone."""
        self.execute(f"DROP DATABASE `{self.name}`")
        self.engine.dispose()

    def _build(self) -> None:
        self.engine.dispose()
        self.server.create_database(self.name)
        with self.engine.begin() as connection:
            connection.execute(text("SET foreign_key_checks = 0"))
            for statement in create_statements(self.version):
                connection.execute(text(statement))
            connection.execute(text("SET foreign_key_checks = 1"))
        self._whole = True

    def _empty(self, connection: Connection, *others: str) -> None:
        used = " UNION ALL ".join(
            f"SELECT '{table}' FROM DUAL WHERE EXISTS (SELECT 1 FROM `{table}`)" for table in (*self.columns, *others)
        )
        for table in connection.execute(text(used)).scalars().all():
            connection.execute(text(f"DELETE FROM `{table}`"))

    def _seed(self) -> None:
        for table, rows in self._default_rows().items():
            self.put_many(table, rows)

    def _default_rows(self) -> dict[str, list[dict[str, object]]]:
        preferences = PREFERENCES | {"Version": NUMBERS[self.version]}
        return {
            "branches": [{"branchcode": code, "branchname": name} for code, name in BRANCHES.items()],
            "categories": [
                {"categorycode": code, "description": code, "category_type": kind} for code, kind in CATEGORIES.items()
            ],
            "itemtypes": [{"itemtype": code, "description": name} for code, name in ITEM_TYPES.items()],
            "account_debit_types": [
                {"code": code, "description": code, "can_be_invoiced": invoiced, "is_system": system}
                for code, (invoiced, system) in DEBIT_TYPES.items()
            ],
            "account_credit_types": [
                {"code": code, "description": code, "can_be_added_manually": manual, "is_system": system}
                for code, (manual, system) in CREDIT_TYPES.items()
            ],
            "restriction_types": [
                {"code": code, "display_text": code.capitalize(), "is_system": system, "is_default": default}
                for code, (system, default) in RESTRICTION_TYPES.items()
            ],
            "systempreferences": [
                {"variable": variable, "value": value, "type": "free"} for variable, value in preferences.items()
            ],
        }

    def _complete(self, table: str, values: Mapping[str, object]) -> dict[str, object]:
        required = {it.column: _something(it) for it in self.columns.get(table, ()) if it.must_be_given}
        return required | dict(values)


def _described(connection: Connection) -> dict[str, str]:
    """Our tables in the server's own words."""
    shown = (connection.exec_driver_sql(f"SHOW CREATE TABLE `{name}`").one() for name in metadata.tables)
    return dict(shown)


def _definitions(described: Mapping[str, str]) -> dict[str, str]:
    return {name: NEXT_NUMBER.sub("", words) for name, words in described.items()}


def explained(connection: Connection, statement: str, bound: Any = None) -> list[dict[str, Any]]:
    """How the server would read: the rows of EXPLAIN, which MySQL 9 gives only if asked."""
    if not getattr(connection.dialect, "is_mariadb", False):
        connection.exec_driver_sql("SET explain_format = 'TRADITIONAL'")
    return [dict(row) for row in connection.exec_driver_sql(f"EXPLAIN {statement}", bound).mappings()]


def _statement(sql: str, params: Mapping[str, object]) -> Any:
    lists = (name for name, value in params.items() if isinstance(value, list | tuple | set))
    return text(sql).bindparams(*(bindparam(name, expanding=True) for name in lists))


def _insert(table: str, row: Mapping[str, object]) -> str:
    names, values = (", ".join(form.format(name) for name in row) for form in ("`{}`", ":{}"))
    return f"INSERT INTO `{table}` ({names}) VALUES ({values})"


def _something(column: Column) -> object:
    if column.type.startswith("enum("):
        return column.type.removeprefix("enum('").split("'")[0]
    return SOMETHING.get(column.type.split("(")[0], 0)
