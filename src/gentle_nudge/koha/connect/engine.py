"""An engine for Koha's database; every session uses UTC, utf8mb4 and strict SQL."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from ssl import SSLError
from typing import Any
from weakref import ReferenceType, ref

from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import Dialect, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection

from gentle_nudge.errors import GentleNudgeError, UserError
from gentle_nudge.koha.connect.instance import Instance
from gentle_nudge.koha.connect.locks import try_again
from gentle_nudge.koha.connect.server_errors import CLOSED, RIGHTS, WORDS, error_of
from gentle_nudge.settings.values import this_machine

# Koha's own data hold zero dates, so NO_ZERO_DATE is not among them. The comment is for MariaDB alone: it would turn a
# list of a thousand numbers into a table and read by that, so that the rows come in no order and have to be sorted. In
# strict mode a result that GROUP_CONCAT cuts is an error: a megabyte is more than the comments on any patron. Two
# seconds are what somebody at a desk has to wait for us at most; our own row is waited for longer (store/meta).
SESSION = (
    "SET SESSION time_zone = '+00:00', "
    "sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', "
    "innodb_lock_wait_timeout = 2, group_concat_max_len = 1048576 "
    "/*M!100318 , in_predicate_conversion_threshold = 0 */"
)

CONNECT_SECONDS = 10
ANSWER_SECONDS = 3600
ACCESS_DENIED, ENCRYPTION_DEMANDED = 1045, 3159
REFUSED = {1044, ACCESS_DENIED, 1130, 1698, 1251, 2059}
UNKNOWN_DATABASE = 1049
TLS_FAILED = 2026
NO_NETWORK_CARD = "unknown"  # MariaDB's word for an id that it cannot compute


def engine(instance: Instance) -> Engine:
    """An engine for the Koha's database; it connects when it is first used, and keeps connections for later.

    A connection that fails raises a GentleNudgeError, UserError if the settings can mend it.
    """
    if instance.url.drivername == "sqlite":
        from gentle_nudge.koha.connect.sqlite import sqlite  # noqa: PLC0415 - the demo's alone, half a megabyte

        return sqlite(instance.url)
    new_engine = create_engine(
        instance.url.set(drivername="mysql+pymysql"),  # it knows a MariaDB; the one named after MariaDB refuses MySQL
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        connect_args=_arguments(instance),
    )
    event.listen(new_engine, "do_connect", _connect_to_server)
    event.listen(new_engine, "connect", _compare_as_koha_does)
    event.listen(new_engine, "handle_error", _explain)
    try_again(new_engine)
    atexit.register(_say_goodbye, ref(new_engine))
    return new_engine


def _say_goodbye(engine: ReferenceType[Engine]) -> None:
    """Close the engine's connections: the server logs a warning for one that just ends."""
    if living := engine():
        living.dispose()


def cannot_write(connection: Connection) -> None:
    """Make the connection's transaction read one state of the database and write nothing; call it first."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _arguments(instance: Instance) -> dict[str, Any]:
    url = instance.url
    arguments: dict[str, Any] = {
        "charset": "utf8mb4",
        "init_command": SESSION,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": ANSWER_SECONDS,
        "write_timeout": ANSWER_SECONDS,
        "conv": {
            **conversions,
            FIELD_TYPE.DATE: _or_none(date.fromisoformat),
            FIELD_TYPE.DATETIME: _or_none(datetime.fromisoformat),
            FIELD_TYPE.TIMESTAMP: _or_none(datetime.fromisoformat),
        },
    }
    if instance.tls is not None:
        # As Koha's driver does it: the chain is checked if an authority is named, the host's name is not.
        files = {name: path for name, path in asdict(instance.tls).items() if path}
        mode = "required" if instance.tls.ca else "none"
        arguments["ssl"] = {**files, "check_hostname": False, "verify_mode": mode}
    elif not any(name.startswith("ssl") for name in url.query):
        # Encryption within this machine would only make every connection read the machine's certificates.
        arguments["ssl_disabled"] = "unix_socket" in url.query or this_machine(url.host or "localhost")
    return arguments


def _or_none(parse: Callable[[str], date]) -> Callable[[str], date | None]:
    """The parser, with None for `0000-00-00` and other days that do not exist."""

    def parse_or_none(text: str) -> date | None:
        try:
            return parse(text)
        except ValueError:
            return None

    return parse_or_none


def _connect_to_server(
    dialect: Dialect, _record: object, arguments: tuple[Any, ...], options: dict[str, Any]
) -> DBAPIConnection:
    password = options.get("password")
    if isinstance(password, str):
        options["password"] = password.encode()  # as other clients send it; PyMySQL would take Latin-1
    try:
        return dialect.connect(*arguments, **options)
    except (dialect.loaded_dbapi.Error, OSError, UnicodeError, RuntimeError) as trouble:
        if trouble.args[:1] == (ACCESS_DENIED,) and "ssl" not in options and _gets_in_encrypted(dialect, options):
            raise error_of(ACCESS_DENIED, WORDS[ENCRYPTION_DEMANDED]) from None
        raise _error_for(trouble, options) from None


def _gets_in_encrypted(dialect: Dialect, options: dict[str, Any]) -> bool:
    """Whether the login succeeds with encryption: MariaDB refuses one without it like a wrong password."""
    any_certificate = {"ssl_disabled": False, "ssl": {"check_hostname": False, "verify_mode": "none"}}
    try:
        dialect.connect(**options | any_certificate).close()
    except (dialect.loaded_dbapi.Error, OSError, UnicodeError, RuntimeError):
        return False
    return True


def _compare_as_koha_does(connection: DBAPIConnection, _record: object) -> None:
    """Compare our texts as Koha's columns do: the SET NAMES that SQLAlchemy has just sent names no collation."""
    cursor = connection.cursor()
    cursor.execute("SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci")
    cursor.close()


def _error_for(trouble: Exception, options: Mapping[str, Any]) -> GentleNudgeError:
    code = _number_in(trouble)
    server = options.get("unix_socket") or f"{options.get('host')}:{options.get('port', 3306)}"
    if code in REFUSED:
        return UserError(
            f"The database server {server} refuses user {options.get('user')} for database {options.get('database')} "
            f"(error {code}).",
            "Check user and password: in koha-conf.xml, [koha] url, password_file or GENTLE_NUDGE_KOHA__PASSWORD; and "
            "that the server lets this user in from this machine.",
        )
    if code == UNKNOWN_DATABASE:
        return UserError(
            f"The database server {server} has no database {options.get('database')} (error {code}).",
            "Check the name in koha-conf.xml or [koha] url.",
        )
    if code in WORDS and WORDS[code] is not CLOSED:
        return error_of(code)
    # A certificate that is missing or not trusted; a missing socket comes as an error of PyMySQL's own.
    cause = getattr(trouble, "original_exception", trouble)
    if code == TLS_FAILED or isinstance(trouble, FileNotFoundError) or isinstance(cause, SSLError):
        return GentleNudgeError(
            f"The connection to the database server {server} cannot be encrypted.",
            "Check <tls>, <ca>, <cert> and <key> in koha-conf.xml, or the ssl_ options of [koha] url.",
        )
    return GentleNudgeError(
        f"The database server {server} cannot be reached{f' (error {code})' if code else ''}.",
        "Is it running, and are host and port right in koha-conf.xml or [koha] url?",
    )


def _number_in(trouble: BaseException) -> int:
    """The number that the server or the driver gave the error; 0 if none."""
    return next((each for each in trouble.args if isinstance(each, int)), 0)


def _explain(context: ExceptionContext) -> None:
    """Raise a sentence for a broken connection and for a missing right; leave every other error as it is."""
    code = _number_in(context.original_exception)
    if context.is_pre_ping:
        return  # the pool connects anew
    words = CLOSED if context.is_disconnect else WORDS.get(code)
    if words in {CLOSED, RIGHTS}:
        raise error_of(code, words) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseServer:
    """The server's own host name, its port, the name of the database (for SQLite the file), and the server's own id."""

    host: str
    port: int
    database_name: str
    server_uid: str | None = None


def server_of(connection: Connection) -> DatabaseServer:
    """The database that we are connected to; without id if the server has none, or cannot know its own."""
    if connection.dialect.name == "sqlite":
        file = str(Path(connection.engine.url.database or "").resolve())
        return DatabaseServer(host="sqlite", port=0, database_name=file)
    host, port, database = connection.exec_driver_sql("SELECT @@hostname, @@port, DATABASE()").one()
    # A hash of the port and of the hardware address of a network card; older servers have no such variable.
    row = connection.exec_driver_sql("SHOW GLOBAL VARIABLES LIKE 'server_uid'").one_or_none()
    uid = str(row[1]) if row and row[1] not in {"", NO_NETWORK_CARD} else None
    return DatabaseServer(host=str(host), port=int(port), database_name=str(database), server_uid=uid)
