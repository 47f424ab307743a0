"""Parsers where pydantic has none, or is less strict than a librarian expects; no message repeats a value."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from grp import getgrnam
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gentle_nudge.domain.collections.policy import GLOBAL

if TYPE_CHECKING:
    from pydantic import ValidationInfo

ANSWERS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
DRIVERS = {"mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql", "sqlite": "sqlite"}


def yes_or_no(value: object) -> bool:
    """A yes or no: `true` or `false`; as the text of an environment variable also yes, no, 1, 0."""
    answer = ANSWERS.get(value.strip().casefold()) if isinstance(value, str) else value
    if not isinstance(answer, bool):
        raise ValueError("write true or false")  # noqa: TRY004 - pydantic takes ValueError for a problem
    return answer


def whole(value: object) -> int:
    """A whole number, or its digits."""
    text = value.strip() if isinstance(value, str) else ""
    number = int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else value
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError("a whole number is needed")  # noqa: TRY004 - the same
    return number


def text(value: object) -> str:
    """A text of one line that is not blank, without surrounding blanks."""
    if not isinstance(value, str):
        raise ValueError("a text is needed, in quotes")  # noqa: TRY004 - the same
    if not value.strip():
        raise ValueError("a text is needed that is not blank")
    if any(ord(sign) < ord(" ") or sign in "\x7f\x85\u2028\u2029" for sign in value):
        raise ValueError("a text of one line is needed, without control characters")
    return value.strip()


def stripped(value: object) -> object:
    """A text without surrounding blanks; anything else as it is."""
    return value.strip() if isinstance(value, str) else value


def text_or_number(value: object) -> str:
    """A text of one line, or a number as it is written."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("a text or a number is needed")  # noqa: TRY004 - the same
    return text(str(value))


def day(value: object) -> date:
    """A calendar day: a TOML date, or the same in quotes."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value.strip() if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("a date is needed, such as 2020-01-31") from None


def path(value: object, info: ValidationInfo) -> Path:
    """A path; a relative path starts at the folder of the configuration file, never at the current folder."""
    given, folder = Path(text(value)), (info.context or {}).get("folder")
    if not given.is_absolute() and folder is None:
        raise ValueError("the whole path is needed, beginning with /")
    return given if folder is None else Path(folder, given)


def existing(path: Path) -> Path:
    """A path at which there is something."""
    if not os.access(path, os.F_OK):
        raise ValueError("there is no such file, or we may not look at it")
    return path


def existing_folder(path: Path) -> Path:
    """The path of a folder that exists."""
    if not existing(path).is_dir():
        raise ValueError("this is not a folder")
    return path


def a_list(value: object) -> object:
    """A list."""
    if not isinstance(value, list | tuple | frozenset):
        raise ValueError('a list is needed, in brackets: ["…", "…"]')  # noqa: TRY004 - the same
    return value


def secret(value: object) -> str:
    """A text as it is, blanks included; not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("a text is needed that is not empty")
    return value


def database(value: object, info: ValidationInfo) -> URL:
    """The URL of a MariaDB, MySQL or SQLite database; for a relative SQLite file see `path`."""
    try:
        url = make_url(text(value))
    except (ArgumentError, ValueError):
        raise ValueError("a database URL is needed, such as mysql+pymysql://user@host/koha_lib") from None
    kind = url.drivername.removesuffix("+pymysql").removesuffix("+pysqlite")
    if kind not in DRIVERS:
        raise ValueError("only mysql+pymysql, mariadb+pymysql and sqlite are possible")
    if not url.database:
        raise ValueError("the name of the database is missing at the end")
    url = url.set(drivername=DRIVERS[kind])
    if url.drivername == "sqlite" and url.database != ":memory:":
        return url.set(database=str(path(url.database, info)))
    return url


def web_address(text: str) -> str:
    """An http or https address."""
    with suppress(ValueError):
        parts = urlsplit(text)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and " " not in text:
            return text
    raise ValueError("a web address is needed that begins with https:// or http://")


def time_zone(text: str) -> str:
    """The name of a time zone that exists."""
    try:
        return ZoneInfo(text).key
    except (ValueError, OSError, LookupError):
        raise ValueError("there is no such time zone; write one such as America/New_York") from None


def section_name(text: str) -> str:
    """The name of a section, fit for file names."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", text):
        raise ValueError("a name begins with a letter and holds only letters, digits and -")
    if re.fullmatch(r".*-[0-9]+", text):
        raise ValueError("a name does not end in - and a number: the file names of a second sync do")
    if text.casefold() == GLOBAL:
        raise ValueError("global is the name of [policy] itself")
    return text


def unix_group(text: str) -> str:
    """A group of this machine."""
    try:
        return getgrnam(text).gr_name
    except (KeyError, ValueError):
        raise ValueError("there is no such group on this machine") from None


def host_key(text: str) -> str:
    """The public key of a host: its kind, a blank, the key in base64."""
    with suppress(ValueError):
        kind, key, *_ = text.split()
        if re.fullmatch(r"[a-z0-9@.-]+", kind) and base64.b64decode(key, validate=True):
            return f"{kind} {key}"
    raise ValueError("a public key is needed as ssh-keyscan prints it, without the host: ssh-ed25519 AAAA…")


def this_machine(host: str) -> bool:
    """True if this host name means the machine we run on."""
    name = host.strip("[]").casefold()
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name in {"localhost", "localhost.localdomain"}


def shown(url: URL) -> str:
    """The URL as it may be shown: without password and options."""
    return url.set(query={}).render_as_string(hide_password=True)


# The parser for each type of value, whichever system declares the key.
BY_TYPE: Mapping[type, Callable[..., Any]] = {bool: yes_or_no, int: whole, str: text, date: day, Path: path}
