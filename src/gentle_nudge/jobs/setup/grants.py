"""The GRANTs that a configuration needs, for a database user of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

from sqlalchemy import inspect

from gentle_nudge.errors import GentleNudgeError, UserError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.sections import uses_of
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.koha.inspect import rights
from gentle_nudge.koha.inspect.missing_columns import OPTIONAL
from gentle_nudge.koha.inspect.rights import Right, Uses
from gentle_nudge.koha.koha_tables import borrowers, circulation, columns_of
from gentle_nudge.store import wishes
from gentle_nudge.store.tables import metadata, wish
from gentle_nudge.texts.environment import Texts

NAME = "gentle_nudge_{instance}"
OLDER = frozenset({"overduerules", "overduerules_transport_types", "repeatable_holidays", "special_holidays"})
OF_OURS = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES"


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseUser:
    """A user of the database server, and the machine from which it connects."""

    name: str
    host: str

    @classmethod
    def parse(cls, text: str) -> DatabaseUser:
        """Read `NAME@HOST` or `NAME`; UserError for what no server takes, or each in its own way."""
        name, _, host = text.rpartition("@") if "@" in text else (text, "", "localhost")
        if not name or not host or not f"{name}{host}".isprintable() or "\\" in text:
            raise UserError(
                f"{text!r} is not a user of a database.", "Write NAME@HOST, such as gentle_nudge@localhost."
            )
        return cls(name=name, host=host)

    def __str__(self) -> str:
        """As it stands in SQL, quoted for every sql_mode."""
        return "@".join("'" + part.replace("'", "''") + "'" for part in (self.name, self.host))


@dataclass(frozen=True, kw_only=True, slots=True)
class Present:
    """What the database has: the columns of borrowers that not every Koha has, tables of circulation, and our tables.

    The calendar and the triggers of a new Koha are unlike those of an older one.
    """

    columns: frozenset[str] = OPTIONAL["borrowers"]
    circulation: frozenset[str] = frozenset(circulation.tables) - OLDER
    own: tuple[str, ...] = ()


def default_user(library: Library) -> DatabaseUser:
    """The user that is named after the instance: the folder of its koha-conf.xml, else its database."""
    conf = library.instance.conf
    named = conf.file.parent.name if conf else (library.instance.url.database or "").removeprefix("koha_")
    return DatabaseUser.parse(NAME.format(instance=named))


def grants(library: Library, user: DatabaseUser, *, for_dry_runs: bool) -> str:
    """The statements that make this user and give it all rights, or with `for_dry_runs` those of a dry run."""
    database = _server_database(library)
    return statements(uses_of(library.settings), database, user, present=look(library), for_dry_runs=for_dry_runs)


def grants_outside(library: Library, user: DatabaseUser) -> str:
    """The statements that make a user who writes wishes, in our table of them, and may do nothing else."""
    database = _server_database(library)
    return Texts().render(
        "grants-outside-writer.sql",
        user=user,
        database=rights.identifier(database),
        table=wish.name,
        columns=wishes.WRITTEN,
    )


def _server_database(library: Library) -> str:
    if library.instance.url.drivername == "sqlite":
        raise UserError("A SQLite file has no users: there is nothing to grant.")
    return library.instance.url.database or ""


def statements(uses: Uses, database: str, user: DatabaseUser, *, present: Present, for_dry_runs: bool) -> str:
    """The statements for these uses in this database."""
    absent = OPTIONAL["borrowers"] - present.columns
    reading = (
        right for right in rights.reading(uses) if not (right.table == borrowers.name and absent & {*right.columns})
    )
    ours = [Right(kind=OF_OURS, table=table.name) for table in metadata.sorted_tables]
    readable = [Right(kind="SELECT", table=name) for name in present.own]
    return Texts().render(
        "grants.sql",
        user=user,
        database=rights.identifier(database),
        reading=rights.granted(chain(reading, rights.reading_circulation(present.circulation))),
        writing=[] if for_dry_runs else rights.granted(filter(uses.writes, rights.WRITING)),
        own=readable if for_dry_runs else ours,
    )


def sample() -> str:
    """The statements for a configuration that uses everything, of an instance LIB."""
    return statements(Uses(), "koha_LIB", DatabaseUser.parse("gentle_nudge_LIB"), present=Present(), for_dry_runs=False)


def look(library: Library) -> Present:
    """What the database has, asked as Koha's own user where koha-conf.xml names it.

    Where nobody can be asked, because the user is not there yet: the columns of a new Koha, and none of our tables.
    """
    settings = library.settings
    if settings.koha.conf:
        settings = replace(settings, koha=replace(settings.koha, url=None, password=""))
    try:
        with read_only(Library.of(settings, library.clock).engine) as conn:
            tables, columns = inspect(conn).get_table_names(), OPTIONAL["borrowers"] & columns_of(conn, borrowers)
    except GentleNudgeError:
        return Present()
    return Present(
        columns=columns,
        circulation=frozenset(tables) & frozenset(circulation.tables),
        own=tuple(each.name for each in metadata.sorted_tables if each.name in tables),
    )
