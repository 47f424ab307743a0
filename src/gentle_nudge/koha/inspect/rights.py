"""Which rights the database user lacks, and whether the server lets anybody write.

The server is asked by EXPLAIN, which changes nothing and needs the rights of the statement that it explains. So the
server itself judges roles, wildcards and rights to single columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.passport.mapping import REFRESHED, units_of
from gentle_nudge.errors import UserError
from gentle_nudge.koha.connect.server_errors import READ_ONLY, WORDS
from gentle_nudge.koha.inspect.missing_columns import (
    CIRCULATED,
    OF_THE_PASSPORT,
    OPTIONAL,
    PASSPORTED,
    REMINDED,
    names_of,
)
from gentle_nudge.koha.koha_tables import koha
from gentle_nudge.koha.write.add_patron import NEW_PATRON
from gentle_nudge.koha.write.queue_letter import QUEUED

READ_ONLY_OPTIONS = ("read_only", "super_read_only", "innodb_read_only")
OPTIONS = (*READ_ONLY_OPTIONS, "log_bin", "binlog_format")
STATEMENT_LOGGED = 1665


@dataclass(frozen=True, kw_only=True, slots=True)
class Right:
    """The right to one kind of statement on some columns of a table, or on the whole table."""

    kind: str
    table: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As it stands in a GRANT."""
        return f"{self.kind} ({', '.join(self.columns)})" if self.columns else self.kind

    def statement(self) -> str:
        """A statement that needs this right and would change nothing."""
        names = [f"`{column}`" for column in self.columns]
        match self.kind:
            case "SELECT":
                return f"SELECT {', '.join(names) or '*'} FROM `{self.table}` LIMIT 1"  # noqa: S608 - names of ours
            case "INSERT":
                values = ", ".join("NULL" for _ in names)
                return f"INSERT INTO `{self.table}` ({', '.join(names)}) VALUES ({values})"  # noqa: S608 - the same
            case "UPDATE":
                return f"UPDATE `{self.table}` SET {', '.join(f'{name} = NULL' for name in names)} WHERE 1 = 0"  # noqa: S608
            case _:
                return f"DELETE FROM `{self.table}` WHERE 1 = 0"  # noqa: S608 - the same


@dataclass(frozen=True, kw_only=True, slots=True)
class Uses:
    """What a configuration uses of Koha's tables; by default everything."""

    sort_flags: tuple[str, ...] = ("sort1", "sort2")
    flag_attributes: bool = True
    other_attributes: bool = True
    guardians: bool = True
    restrictions: bool = True
    groups: bool = True
    mail_servers: bool = True
    lists: bool = True
    notices: bool = True
    claims: bool = True
    reminders: bool = True
    passport: bool = True

    @property
    def unused_tables(self) -> frozenset[str]:
        """Koha's tables that the program knows and never asks with this configuration."""
        used = {
            "borrower_attributes": self.flag_attributes or self.other_attributes or self.passport,
            "account_credit_types": self.reminders,
            "borrower_relationships": self.guardians or self.reminders,
            "letter": self.notices or self.reminders,
            "library_groups": self.groups,
            "message_queue": self.notices or self.reminders,
            "reserves": self.lists,
            "return_claims": self.claims or self.lists,
            "smtp_servers": self.mail_servers,
            "user_permissions": self.passport,
        }
        return frozenset(table for table, is_used in used.items() if not is_used)

    def unused_columns(self, table: str) -> frozenset[str]:
        """The columns of a table that only systems ask for which this configuration does not use."""
        of_systems = ((REMINDED, self.reminders), (PASSPORTED, self.passport), (CIRCULATED, False))
        used = [columns.get(table, frozenset()) for columns, is_used in of_systems if is_used]
        return frozenset[str]().union(*(columns.get(table, ()) for columns, _ in of_systems)).difference(*used)

    def writes(self, right: Right) -> bool:
        """True unless this right to write is for another kind of flag, or for restrictions that nobody gets."""
        if right in OF_PASSPORTS:
            return self.passport
        match right.kind, right.table:
            case kind, "borrower_attributes":
                return self.flag_attributes or (self.passport and kind == "INSERT")
            case "INSERT", "borrower_debarments":
                return self.restrictions or self.passport
            case "INSERT", "message_queue":
                return self.reminders
            case "UPDATE", "borrowers" if right.columns[0] in SORT_FIELDS:
                return right.columns[0] in self.sort_flags
            case _:
                return True


def _writing(kind: str, table: str, columns: str) -> Right:
    return Right(kind=kind, table=table, columns=tuple(columns.split()))


SORT_FIELDS = ("sort1", "sort2")

# What the passport of patrons writes.
OF_PASSPORTS = (
    *(_writing("INSERT", "borrowers", name) for name in names_of(NEW_PATRON) if name != "borrowernumber"),
    *(_writing("UPDATE", "borrowers", column) for unit in units_of(REFRESHED).values() for column in unit),
    _writing(
        "INSERT",
        "borrower_message_preferences",
        "borrowernumber categorycode message_attribute_id days_in_advance wants_digest",
    ),
    _writing(
        "INSERT",
        "borrower_message_transport_preferences",
        "borrower_message_preference_id message_transport_type",
    ),
    _writing("INSERT", "borrower_debarments", "expiration"),
    _writing("UPDATE", "borrower_debarments", "expiration created updated"),
)

# Everything that a night, a sync and a release write into Koha (see koha/write). Restrictions of earlier settings, and
# fees, are taken back by release whatever the settings are now.
WRITING = (
    *(_writing("UPDATE", "borrowers", field) for field in SORT_FIELDS),
    _writing("UPDATE", "borrowers", "debarred debarredcomment updated_on"),
    _writing(
        "INSERT",
        "accountlines",
        "borrowernumber date amount amountoutstanding description note credit_type_code debit_type_code status "
        "interface branchcode",
    ),
    _writing("UPDATE", "accountlines", "amountoutstanding"),
    _writing("INSERT", "account_offsets", "credit_id debit_id type amount created_on"),
    _writing("INSERT", "borrower_attributes", "borrowernumber code attribute"),
    _writing("UPDATE", "borrower_attributes", "attribute"),
    _writing("INSERT", "borrower_debarments", "borrowernumber type comment created"),
    _writing("DELETE", "borrower_debarments", ""),
    *(_writing("INSERT", "message_queue", column) for column in names_of(QUEUED)),
    _writing("INSERT", "action_logs", "timestamp user module action info"),
    *(_writing("INSERT", "action_logs", column) for column in ("object", "interface", "script", "trace", "diff")),
    *OF_PASSPORTS,
)


# Nothing but these columns of a table is granted; everywhere else the whole table.
PERSONAL = ("borrowers", "deletedborrowers", "issues", "message_queue", "old_issues", "return_claims")
BY_COLUMN = {("SELECT", table) for table in PERSONAL} | {
    ("UPDATE", right.table) for right in WRITING if right.kind == "UPDATE"
}


def needed(own: Iterable[Table], uses: Uses) -> Iterator[Right]:
    """Every right that the program needs for these uses; `own` are our tables that are there."""
    yield from reading(uses)
    yield from filter(uses.writes, WRITING)
    for table in own:
        for kind in ("SELECT", "INSERT", "UPDATE"):
            yield Right(kind=kind, table=table.name, columns=names_of(table))
        yield Right(kind="DELETE", table=table.name)


def reading(uses: Uses) -> Iterator[Right]:
    """The rights to read Koha's tables; columns that older versions lack come one by one.

    Those that only `timeline` needs are not among them: nothing stops without them.
    """
    for table in koha.sorted_tables:
        if table.name in uses.unused_tables:
            continue
        unused = uses.unused_columns(table.name)
        optional = sorted(OPTIONAL.get(table.name, frozenset()) - unused)
        yield from (Right(kind="SELECT", table=table.name, columns=(name,)) for name in optional)
        if always := tuple(name for name in names_of(table) if name not in {*optional, *unused}):
            yield Right(kind="SELECT", table=table.name, columns=always)
    for table in OF_THE_PASSPORT if uses.passport else ():
        yield from (Right(kind="SELECT", table=table.name, columns=(name,)) for name in names_of(table))


def reading_circulation(present: Collection[str]) -> Iterator[Right]:
    """The further rights that `timeline` needs; `present` are the tables of circulation that this Koha has."""
    for table, columns in CIRCULATED.items():
        yield Right(kind="SELECT", table=table, columns=tuple(sorted(columns)))
    for name in ("letter", *sorted(present)):
        yield Right(kind="SELECT", table=name)


def granted(rights: Iterable[Right]) -> list[Right]:
    """The same rights as GRANT takes them: one for each kind and table, in order of table."""
    alike = groupby(sorted(rights, key=_what), key=_what)
    return [
        Right(kind=kind, table=table, columns=tuple(name for right in each for name in right.columns))
        if (kind, table) in BY_COLUMN
        else Right(kind=kind, table=table)
        for (table, kind), each in alike
    ]


def _what(right: Right) -> tuple[str, str]:
    return right.table, right.kind


def identifier(name: str) -> str:
    """The name of a database or table as it stands in SQL."""
    return "`" + name.replace("`", "``") + "`"


def lacking(conn: Connection, own: Iterable[Table], uses: Uses) -> list[Right]:
    """The missing rights; `conn` must not be in a READ ONLY transaction."""
    return [] if conn.dialect.name == "sqlite" else [right for right in needed(own, uses) if not _has(conn, right)]


def missing(conn: Connection, rights: Iterable[Right]) -> Iterator[Finding]:
    """A finding for each missing right."""
    for right in rights:
        user, database = conn.exec_driver_sql("SELECT CURRENT_USER(), DATABASE()").one()
        name, _, host = str(user).rpartition("@")
        yield Finding(
            name="grant-missing",
            what=f"The database user {user} may not {right} on {right.table}.",
            why="A night stops at the first statement it may not do; what was begun is undone.",
            way_out=f"GRANT {right} ON `{database}`.`{right.table}` TO '{name}'@'{host}'; all of them: "
            "gentle-nudge grants",
        )


def _has(conn: Connection, right: Right) -> bool:
    """True if the server would do it; a missing table or column is another finding."""
    try:
        conn.exec_driver_sql("EXPLAIN " + right.statement().replace("%", "%%")).all()
    except UserError:
        return False
    except DBAPIError:
        return True
    return True


def forbidding(conn: Connection) -> Iterator[Finding]:
    """A finding if the server is read-only, or logs statements."""
    if conn.dialect.name == "sqlite":
        return
    names = ", ".join(f"'{name}'" for name in OPTIONS)
    rows = conn.exec_driver_sql(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
    options = {str(name): str(value).upper() for name, value in rows}
    if any(options.get(name, "OFF") != "OFF" for name in READ_ONLY_OPTIONS):
        _, sentence, way_out = READ_ONLY
        why = "Nothing can be written: no night, no delivery, no release."
        yield Finding(name="server-read-only", what=f"{sentence}.", why=why, way_out=way_out)
    if options.get("log_bin") == "ON" and options.get("binlog_format") == "STATEMENT":
        _, sentence, way_out = WORDS[STATEMENT_LOGGED]
        why = f"Every night stops with error {STATEMENT_LOGGED} and changes nothing."
        yield Finding(name="server-logs-statements", what=f"{sentence}.", why=why, way_out=way_out)
