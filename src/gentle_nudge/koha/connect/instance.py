"""The Koha that the settings lead to: its database and its time zone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.engine import URL

from gentle_nudge.errors import UserError
from gentle_nudge.koha.connect.conf import MYSQL_PORT, KohaConf, Tls, read
from gentle_nudge.koha.connect.zone import machine, zone
from gentle_nudge.settings import Settings
from gentle_nudge.settings.values import shown, this_machine

# Where the client library of Koha's Perl driver looks for the server's socket, on the common distributions.
SOCKETS = (
    Path("/run/mysqld/mysqld.sock"),
    Path("/var/run/mysqld/mysqld.sock"),
    Path("/var/lib/mysql/mysql.sock"),
    Path("/tmp/mysql.sock"),  # noqa: S108 - MySQL's own default
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One Koha: the URL of its database with the password, its koha-conf.xml if there is one.

    `machine_is_named`: the settings name the machine, so that several machines may be one.
    """

    url: URL = field(repr=False)
    tls: Tls | None = None
    conf: KohaConf | None = None
    zone: ZoneInfo
    machine: str
    machine_is_named: bool = False

    @property
    def shown(self) -> str:
        """The database as it may be shown."""
        return shown(self.url)

    @property
    def database(self) -> str:
        """A name for this database that does not depend on the user or on how the host is spelled."""
        if self.url.drivername == "sqlite":
            return self.shown
        host, port = _server(self.url)
        return f"{self.url.database} at {host}:{port}"


def instance(settings: Settings, *, environ: Mapping[str, str] = os.environ) -> Instance:
    """The Koha of these settings.

    UserError if its koha-conf.xml cannot be used, or if $KOHA_CONF leads to another database: a person in the shell of
    one library must not change another.
    """
    koha = settings.koha
    conf = read(koha.conf) if koha.conf else None
    url = _url(settings, conf, environ)
    _refuse_another(settings, url, environ)
    return Instance(
        url=url,
        tls=conf.tls if conf and koha.url is None else None,
        conf=conf,
        zone=zone(koha, conf, environ=environ),
        machine=machine(koha),
        machine_is_named=koha.machine is not None,
    )


def _url(settings: Settings, conf: KohaConf | None, environ: Mapping[str, str]) -> URL:
    url, password = settings.koha.url, settings.koha.password
    if url is None:
        if conf is None:
            raise UserError("No Koha database is named.", "Give [koha] conf or url, or set KOHA_CONF.")
        url = url_of(conf, environ)
    return url.set(password=password) if password and url.drivername != "sqlite" else url


def url_of(conf: KohaConf, environ: Mapping[str, str], sockets: Iterable[Path] = SOCKETS) -> URL:
    """Where Koha's Perl driver would connect to: for `localhost` or no host the socket, if there is one."""
    local = conf.host in {None, "localhost"}
    named = environ.get("MYSQL_UNIX_PORT")
    candidates = [Path(named)] if named else sockets
    socket = next(filter(Path.is_socket, candidates), None) if local else None
    return URL.create(
        "mysql+pymysql",
        username=conf.user,
        password=conf.password,
        host="127.0.0.1" if local else conf.host,
        port=conf.port or MYSQL_PORT,
        database=conf.database,
        query={"unix_socket": str(socket)} if socket else {},
    )


def _refuse_another(settings: Settings, url: URL, environ: Mapping[str, str]) -> None:
    koha_conf = environ.get("KOHA_CONF")
    if not koha_conf or (settings.koha.url is None and _same_file(settings.koha.conf, Path(koha_conf))):
        return
    other = url_of(read(Path(koha_conf)), environ)
    if not same_database(url, other):
        raise UserError(
            f"$KOHA_CONF leads to the database {shown(other)}, but {settings.places.file} to {shown(url)}: nothing "
            "was read or written.",
            "Work in the shell of the library that the configuration is for, or put a configuration beside $KOHA_CONF.",
        )


def _same_file(file: Path | None, other: Path) -> bool:
    return file is not None and file.resolve() == other.resolve()


def same_database(url: URL, other: URL) -> bool:
    """True if both lead to one database: the same name on the same socket, or at the same host and port."""
    if "sqlite" in {url.drivername, other.drivername}:
        return url.drivername == other.drivername and _same_file(Path(url.database or ""), Path(other.database or ""))
    sockets = [Path(str(each.query["unix_socket"])) for each in (url, other) if "unix_socket" in each.query]
    same_server = _same_file(*sockets) if len(sockets) > 1 else _server(url) == _server(other)
    return url.database == other.database and same_server


def _server(url: URL) -> tuple[str, int]:
    host = (url.host or "localhost").casefold()
    return ("localhost" if this_machine(host) else host, url.port or MYSQL_PORT)
