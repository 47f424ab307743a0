"""Koha's tables as facts (tests/koha_facts), the statements that build them, and the facts read back."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, text

VERSIONS = ("24.05", "25.11", "26.06")
NEWEST = VERSIONS[-1]
FACTS = Path(__file__).parent / "koha_facts"
LONGEST_KEY = 760  # characters of utf8mb4 that fit into InnoDB's 3072 bytes


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column as information_schema tells it; `default` is SQL text, empty where there is none."""

    table: str
    position: str
    column: str
    type: str
    nullable: str
    default: str
    key: str
    extra: str

    @property
    def must_be_given(self) -> bool:
        """No row can be inserted without a value for it."""
        return self.nullable == "NO" and not self.default and self.extra != "auto_increment"

    @property
    def definition(self) -> str:
        """What stands in CREATE TABLE."""
        null = "NOT NULL" if self.nullable == "NO" else "NULL"
        default = f"DEFAULT {self.default}" if self.default else ""
        return f"`{self.column}` {self.type} {null} {default} {self.extra}"


@dataclass(frozen=True, kw_only=True)
class IndexColumn:
    """One column of an index."""

    table: str
    index: str
    seq: str
    column: str
    unique: str


@dataclass(frozen=True, kw_only=True)
class ForeignKey:
    """A foreign key, and what happens to its rows."""

    table: str
    column: str
    ref_table: str
    ref_column: str
    on_delete: str
    on_update: str

    @property
    def definition(self) -> str:
        """What stands in CREATE TABLE."""
        return (
            f"FOREIGN KEY (`{self.column}`) REFERENCES `{self.ref_table}` (`{self.ref_column}`) "
            f"ON DELETE {self.on_delete} ON UPDATE {self.on_update}"
        )


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All tables of one version."""

    columns: frozenset[Column]
    indexes: frozenset[IndexColumn]
    foreign_keys: frozenset[ForeignKey]

    @property
    def tables(self) -> dict[str, list[Column]]:
        """The columns of each table, in their order."""
        found: dict[str, list[Column]] = defaultdict(list)
        for column in sorted(self.columns, key=lambda it: (it.table, int(it.position))):
            found[column.table].append(column)
        return dict(found)


@cache
def facts(version: str) -> Facts:
    """What the files say of this version."""
    return Facts(
        columns=frozenset(Column(**row) for row in _rows(f"columns-{version}.csv")),
        indexes=frozenset(IndexColumn(**row) for row in _rows(f"indexes-{version}.csv")),
        foreign_keys=frozenset(ForeignKey(**row) for row in _rows(f"fks-{version}.csv")),
    )


@cache
def create_statements(version: str) -> list[str]:
    """One CREATE TABLE for each table; to be executed with foreign_key_checks = 0."""
    known = facts(version)
    return [
        f"CREATE TABLE `{table}` ({', '.join(_clauses(known, table, columns))}) "
        "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci"
        for table, columns in known.tables.items()
    ]


def reported(connection: Connection) -> Facts:
    """What the server says of the connection's database."""
    return Facts(
        columns=frozenset(Column(**row) for row in _asked(connection, COLUMNS)),
        indexes=frozenset(IndexColumn(**row) for row in _asked(connection, INDEXES)),
        foreign_keys=frozenset(ForeignKey(**row) for row in _asked(connection, FOREIGN_KEYS)),
    )


COLUMNS = """
    SELECT table_name AS `table`, ordinal_position AS position, column_name AS `column`, column_type AS type,
        is_nullable AS nullable, COALESCE(column_default, '') AS `default`, column_key AS `key`, extra
    FROM information_schema.columns WHERE table_schema = DATABASE()"""
INDEXES = """
    SELECT table_name AS `table`, index_name AS `index`, seq_in_index AS seq, column_name AS `column`,
        1 - non_unique AS `unique`
    FROM information_schema.statistics WHERE table_schema = DATABASE()"""
FOREIGN_KEYS = """
    SELECT used.table_name AS `table`, used.column_name AS `column`, used.referenced_table_name AS ref_table,
        used.referenced_column_name AS ref_column,
        rule.delete_rule AS on_delete, rule.update_rule AS on_update
    FROM information_schema.key_column_usage AS used
    JOIN information_schema.referential_constraints AS rule
        ON rule.constraint_schema = used.constraint_schema AND rule.table_name = used.table_name
        AND rule.constraint_name = used.constraint_name
    WHERE used.table_schema = DATABASE()"""


def _asked(connection: Connection, question: str) -> Iterator[dict[str, str]]:
    for row in connection.execute(text(question)).mappings():
        yield {str(name): str(value) for name, value in row.items()}


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (FACTS / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _clauses(known: Facts, table: str, columns: list[Column]) -> Iterator[str]:
    yield from (column.definition for column in columns)
    yield from _keys(known, table, {column.column: column.type for column in columns})
    of_table = (key for key in known.foreign_keys if key.table == table)
    yield from (key.definition for key in sorted(of_table, key=lambda it: (it.column, it.ref_table)))


def _keys(known: Facts, table: str, types: dict[str, str]) -> Iterator[str]:
    indexes: dict[str, list[IndexColumn]] = defaultdict(list)
    for part in sorted(known.indexes, key=lambda it: (it.index, int(it.seq))):
        if part.table == table:
            indexes[part.index].append(part)
    for name, parts in indexes.items():
        kind = f"{'UNIQUE ' if parts[0].unique == '1' else ''}KEY `{name}`"
        columns = ", ".join(f"`{part.column}`{_prefix(types[part.column], len(parts))}" for part in parts)
        yield f"{'PRIMARY KEY' if name == 'PRIMARY' else kind} ({columns})"


def _prefix(column_type: str, parts: int) -> str:
    """How much of a text is in the index: the facts do not tell, so 191 as Koha has it, or what fits."""
    if not column_type.endswith("text"):
        return ""
    return f"({min(191, LONGEST_KEY // parts)})"
