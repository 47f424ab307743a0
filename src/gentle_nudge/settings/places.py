"""The kinds of value that lead elsewhere: paths, web addresses, databases; no sentence repeats the value."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gentle_nudge.settings.kinds import Unfit, text

if TYPE_CHECKING:
    from pydantic import ValidationInfo

LONGEST = 4000
DRIVERS = {
    "mysql": "mysql+pymysql",
    "mysql+pymysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mariadb+pymysql": "mariadb+pymysql",
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
}


def path(value: object, info: ValidationInfo) -> Path:
    """A path; a relative one starts at the folder of the configuration file, never at the current one."""
    found = Path(text(value, LONGEST))
    folder: Path | None = (info.context or {}).get("folder")
    if not found.is_absolute() and folder is None:
        raise Unfit("the whole path is needed, beginning with /")
    return found if folder is None else folder / found


def existing(value: object, info: ValidationInfo) -> Path:
    """The path of a file that is there."""
    found = path(value, info)
    try:
        found.stat()
    except OSError:
        raise Unfit("there is no such file, or we may not look at it") from None
    return found


def database(value: object, info: ValidationInfo) -> URL:
    """The URL of a MariaDB, MySQL or SQLite database; for a relative SQLite file see `path`."""
    try:
        found = make_url(text(value, LONGEST))
    except (ArgumentError, ValueError):
        raise Unfit("a database URL is needed, such as mysql+pymysql://user@host/koha_lib") from None
    if found.drivername not in DRIVERS:
        raise Unfit("only mysql+pymysql, mariadb+pymysql and sqlite are possible")
    found = found.set(drivername=DRIVERS[found.drivername])
    if not found.database:
        raise Unfit("the name of the database is missing at the end")
    if found.drivername == "sqlite" and found.database != ":memory:":
        return found.set(database=str(path(found.database, info)))
    return found


def shown(url: URL) -> str:
    """The URL as it may be shown: without password and options."""
    return url.set(query={}).render_as_string(hide_password=True)


def web_address(value: object) -> str:
    """An http or https address."""
    found = text(value, LONGEST)
    try:
        parts = urlsplit(found)
        plausible = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        plausible = False
    if not plausible or " " in found:
        raise Unfit("a web address is needed that begins with https:// or http://")
    return found


def this_machine(host: str) -> bool:
    """Whether this host name means the machine we run on, so that nothing travels."""
    name = host.strip("[]").casefold()
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name in {"localhost", "localhost.localdomain"}
