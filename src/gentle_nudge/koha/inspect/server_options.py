"""What the database server's options forbid: to write at all, and to log what we write."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from gentle_nudge.domain.finding import Finding
from gentle_nudge.koha.connect.server_errors import READ_ONLY, WORDS

READ_ONLY_OPTIONS = ("read_only", "super_read_only", "innodb_read_only")
OPTIONS = (*READ_ONLY_OPTIONS, "log_bin", "binlog_format")
STATEMENT_LOGGED = 1665


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
