"""Errors of the database server: a sentence of ours for each number, never the server's own text, which quotes data."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError

from gentle_nudge.errors import GentleNudgeError, UserError

Words = tuple[type[GentleNudgeError], str, str]  # the error, its sentence, the way out

RIGHTS: Words = (
    UserError,
    "The database user has not all the rights it needs",
    "Each missing right with its GRANT: gentle-nudge check",
)
CLOSED: Words = (
    GentleNudgeError,
    "The database server closed the connection",
    "Everything not yet committed was undone; run it again.",
)
LOCKED: Words = (
    GentleNudgeError,
    "The database refused the changes because of locks held by others",
    "Nothing was changed; run it again later. Who holds them: SHOW PROCESSLIST",
)
NOT_IN_CHARACTER_SET: Words = (
    UserError,
    "A text has characters that a column of Koha's cannot hold",
    "Which words of the settings these are: gentle-nudge check. If it names none, convert Koha's tables to utf8mb4.",
)
READ_ONLY: Words = (
    GentleNudgeError,
    "The database server is read-only",
    "Is it a replica, or being serviced? Let koha-conf.xml or [koha] url lead to the server that Koha writes to.",
)
TOO_SLOW: Words = (
    GentleNudgeError,
    "The database server ended a statement that took longer than it allows",
    "Raise max_statement_time (MySQL: max_execution_time) on the server or for this user, then run it again.",
)
WORDS: Mapping[int | str, Words] = {
    **dict.fromkeys((1044, 1142, 1143, 1227), RIGHTS),
    **dict.fromkeys((1053, 1927, 2006, 2013), CLOSED),
    **dict.fromkeys((1205, 1213), LOCKED),
    **dict.fromkeys((1267, 1366), NOT_IN_CHARACTER_SET),
    **dict.fromkeys((1290, 1836), READ_ONLY),
    **dict.fromkeys((1969, 3024), TOO_SLOW),
    1047: (
        GentleNudgeError,
        "The database server does not take part in its cluster at the moment",
        "Wait until the node is ready (wsrep_ready is ON), or use another one; then run it again.",
    ),
    1665: (
        UserError,
        "The database server cannot log our changes with binlog_format = STATEMENT",
        "Set binlog_format = MIXED or ROW on the server: Koha and we read committed rows.",
    ),
    3159: (
        UserError,
        "The database server demands an encrypted connection",
        "Set <tls>yes</tls> and <ca> in koha-conf.xml, or ssl_ca in [koha] url; or use the server's socket.",
    ),
}
OTHER: Words = (
    GentleNudgeError,
    "The database refused a statement",
    "Everything not yet committed was undone. See what gentle-nudge check says; if nothing, report this number.",
)


def error_of(number: int | str, words: Words | None = None) -> GentleNudgeError:
    """The error with this number, in its own words or in these."""
    kind, sentence, way_out = words or WORDS.get(number, OTHER)
    return kind(f"{sentence} (error {number}).", way_out)


def number_of(error: DBAPIError) -> int | str:
    """The server's number of the error; SQLite's name of it; else the kind of error."""
    number = next(iter(error.orig.args if error.orig else ()), None)
    return number if isinstance(number, int) else getattr(error.orig, "sqlite_errorname", type(error).__name__)
