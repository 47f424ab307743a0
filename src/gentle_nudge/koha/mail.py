"""The mail server Koha itself would use, and who sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from gentle_nudge.koha.conf import KohaConf, SmtpServer
from gentle_nudge.koha.tables import columns_of, smtp_servers

if TYPE_CHECKING:
    from sqlalchemy import Connection

LAST_RESORT = SmtpServer(host="localhost", port=25, timeout=120, ssl_mode="disabled", user=None, password=None)


def default_server(conn: Connection, conf: KohaConf | None) -> SmtpServer:
    """The default row of `smtp_servers`, else koha-conf's server, else localhost:25 (Koha::SMTP::Servers)."""
    row = smtp_servers.c
    if "is_default" in columns_of(conn, smtp_servers):
        columns = (row.host, row.port, row.timeout, row.ssl_mode, row.user_name, row.password)
        found = conn.execute(select(*columns).where(row.is_default == 1)).first()
        if found:
            host, port, timeout, ssl_mode, user, password = found
            return SmtpServer(
                host=host, port=port, timeout=timeout, ssl_mode=ssl_mode, user=user or None, password=password or None
            )
    return (conf.smtp if conf else None) or LAST_RESORT
