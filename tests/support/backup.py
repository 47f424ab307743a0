"""A backup of a Koha database, and its return."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from tests.support.koha import KohaDatabase
from tests.support.nights import snapshot

Backup = Mapping[str, list[dict[str, Any]]]


def take(koha: KohaDatabase) -> Backup:
    """Every row of every table."""
    return snapshot(koha)


def restore(koha: KohaDatabase, backup: Backup) -> None:
    """The tables hold what they held then; the next number of each is what it was then, too."""
    with koha.engine.begin() as connection:
        connection.execute(text("SET foreign_key_checks = 0"))
        for table in connection.execute(text("SHOW TABLES")).scalars().all():
            connection.execute(text(f"DELETE FROM `{table}`"))
        for table, rows in backup.items():
            if rows:
                names, values = (", ".join(form.format(name) for name in rows[0]) for form in ("`{}`", ":{}"))
                connection.execute(text(f"INSERT INTO `{table}` ({names}) VALUES ({values})"), rows)
        for table in koha.own_tables():
            connection.execute(text(f"ALTER TABLE `{table}` AUTO_INCREMENT = 1"))
        connection.execute(text("SET foreign_key_checks = 1"))
