"""Whether Koha's columns can hold the words of the settings: a table in latin1 or utf8mb3 lacks characters."""

from __future__ import annotations

from sqlalchemy import Column, Connection, text

CHARACTER_SET = text(
    "SELECT character_set_name FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name = :table AND column_name = :column"
)


def character_set_lacking(conn: Connection, column: Column[str], word: str) -> str | None:
    """The column's character set if it lacks a character of the word; None if the column can hold it."""
    if word.isascii() or conn.dialect.name == "sqlite":
        return None
    name = conn.execute(CHARACTER_SET, {"table": column.table.name, "column": column.name}).scalar()
    if name is None or not str(name).isalnum():
        return None
    converted = text(f"SELECT CONVERT(CONVERT(:word USING {name}) USING utf8mb4)")
    return None if conn.execute(converted, {"word": word}).scalar() == word else str(name)
