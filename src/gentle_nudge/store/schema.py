"""Our tables made and upgraded; the one row that says where they belong, and that is our lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Meta:
    """Where this database belongs. `note` grows with every finished run; `is_copy`: nothing leaves this machine."""

    schema_version: int = SCHEMA_VERSION
    machine: str
    host: str
    port: int
    database_name: str
    is_copy: bool = False
    note: int = 0
    initialised: datetime


def create_or_upgrade(conn: Connection) -> None:
    """All our tables are there and of this program's version; the row of meta is written by `write_meta`.

    MariaDB commits at each step by itself, so each may be repeated after a crash at any point.
    """
    raise NotImplementedError


def missing_or_old(conn: Connection) -> str | None:
    """What is wrong with our tables, in a sentence; None: they are there and of this program's version."""
    raise NotImplementedError


def read_meta(conn: Connection) -> Meta | None:
    """The row of meta; None when our tables are not there (or not visible to this user) or never initialised."""
    raise NotImplementedError


def write_meta(conn: Connection, meta: Meta) -> None:
    """The row of meta says this."""
    raise NotImplementedError


def lock(conn: Connection) -> Meta:
    """Our row is locked until the transaction ends, and this is what it says.

    AnotherRunIsAtWork when another holds it for longer than the session waits; ToBeMended when our tables are
    missing, or older or newer than the program.
    """
    raise NotImplementedError
