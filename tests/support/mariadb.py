"""A MariaDB server of our own (a temporary folder, a free port, gone afterwards), or a server that is given.

Also for the benchmarks.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pymysql
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.engine import Engine

from tests.support.programs import PATIENCE, end, find, free_port, start

USER = "koha_gn"
PASSWORD = "an open & <shut>:/@%case"
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
ROOM = 2 * 1024**3  # bytes: several times what the tests need

# Fast and forgetful: nobody needs the data after a power cut. Time zone and sql_mode are not what we want,
# so that a session which forgets to set its own is found out.
SETTINGS: Mapping[str, str] = {
    "bind-address": "127.0.0.1",
    "character-set-server": "utf8mb4",
    "collation-server": "utf8mb4_general_ci",
    "default-time-zone": "-05:30",
    "sql-mode": "NO_ENGINE_SUBSTITUTION",
    "innodb-buffer-pool-size": "256M",
    "loose-innodb-log-file-size": "64M",
    "innodb-flush-log-at-trx-commit": "0",
    "loose-innodb-flush-method": "nosync",
    "loose-innodb-doublewrite": "OFF",
    "loose-sync-frm": "OFF",
    "skip-log-bin": "",
    "skip-name-resolve": "",
    "performance-schema": "OFF",
    "max-connections": "300",
}


class Server:
    """A running MariaDB or MySQL; `host`, `port`, `user` and `password` lead to it."""

    def __init__(
        self, url: URL | str, *, folder: Path | None = None, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.address = make_url(url).set(drivername="mysql+pymysql", database=None)
        self.host = self.address.host or "localhost"
        self.port = self.address.port or 3306
        self.user = self.address.username or ""
        self.password = self.address.password or ""
        self.folder = folder
        self._process = process

    @classmethod
    def start(cls, **settings: str) -> Self:
        """A new server answers; the settings (underscores for hyphens) go over the fast ones."""
        return cls._start(Path(tempfile.mkdtemp(prefix="gn-", dir="/tmp")), settings)

    @classmethod
    def start_in_memory(cls, **settings: str) -> Self:
        """The same with its files in memory: a table that is made or dropped waits for a disk, several times."""
        return cls._start(a_folder_in_memory(), settings)

    @classmethod
    def _start(cls, folder: Path, settings: Mapping[str, str]) -> Self:
        try:
            install(folder)
            port, process = launch(folder, {key.replace("_", "-"): value for key, value in settings.items()})
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        url = URL.create("mysql+pymysql", username=USER, password=PASSWORD, host="127.0.0.1", port=port)
        return cls(url, folder=folder, process=process)

    def stop(self) -> None:
        """The server has ended and its folder is gone."""
        if self._process is not None and self.folder is not None:
            end(self._process)
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def socket(self) -> Path:
        """The socket for connections from this machine; only a server of our own has one that we know."""
        assert self.folder is not None
        return socket_in(self.folder)

    @property
    def log(self) -> Path:
        """What the server says of itself; only a server of our own has one that we can read."""
        assert self.folder is not None
        return self.folder / "log"

    def url(self, database: str = "", *, driver: str = "mysql+pymysql") -> URL:
        """Where a database of the server is, for SQLAlchemy."""
        return self.address.set(drivername=driver, database=database or None, query={"charset": "utf8mb4"})

    def engine(self, database: str = "") -> Engine:
        """An engine with all rights, whose sessions speak UTC and refuse what does not fit."""
        first = "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
        return create_engine(self.url(database), connect_args={"init_command": first, "ssl_disabled": True})

    def is_mariadb(self) -> bool:
        """Not MySQL."""
        engine = self.engine()
        with engine.connect() as connection:
            version = connection.exec_driver_sql("SELECT VERSION()").scalar()
        engine.dispose()
        return "mariadb" in str(version).lower()

    def create_database(self, name: str) -> None:
        """An empty database of that name is there."""
        engine = self.engine()
        with engine.begin() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS `{name}`"))
            connection.execute(text(f"CREATE DATABASE `{name}` COLLATE utf8mb4_unicode_ci"))
        engine.dispose()

    @contextmanager
    def account(self, password: str, *rights: str) -> Iterator[URL]:
        """Where the server is for a new account with these rights (`SELECT ON *.*`); the account is gone afterwards."""
        name = unique_name("u")
        engine = self.engine()
        with engine.begin() as connection:
            connection.execute(text(f"CREATE USER {name}@'%' IDENTIFIED BY :password"), {"password": password})
            for right in rights:
                connection.execute(text(f"GRANT {right} TO {name}@'%' WITH GRANT OPTION"))
        try:
            yield self.url().set(username=name, password=password)
        finally:
            with engine.begin() as connection:
                connection.execute(text(f"DROP USER {name}@'%'"))
            engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def a_folder_in_memory() -> Path:
    """A new folder for a server, which bears the number of our process; on the disk if memory has no room."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        return Path(tempfile.mkdtemp(prefix="gn-", dir="/tmp"))
    forget_the_dead()
    return Path(tempfile.mkdtemp(prefix=f"gn-{os.getpid()}-", dir=MEMORY))


def forget_the_dead() -> None:
    """The folders in memory of processes that ended without a chance to remove them are gone."""
    for folder in MEMORY.glob("gn-*-*"):
        if not Path("/proc", folder.name.split("-")[1]).exists() and folder.stat().st_uid == os.geteuid():
            shutil.rmtree(folder, ignore_errors=True)


def install(folder: Path) -> None:
    """The folder holds a new server's files."""
    command = [
        find("mariadb-install-db"),
        "--no-defaults",
        *as_root(),
        f"--datadir={folder / 'files'}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--innodb-log-file-size=64M",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"mariadb-install-db failed:\n{done.stdout}\n{done.stderr}"
        raise RuntimeError(message)


def launch(folder: Path, settings: Mapping[str, str]) -> tuple[int, subprocess.Popen[bytes]]:
    """The server runs on a free port; another program may snatch it in between, hence more than one try."""
    for last in (False, False, True):
        port = free_port()
        process = spawn(folder, {**SETTINGS, **settings}, port)
        try:
            wait_until_it_answers(process, folder)
        except BaseException as error:
            end(process)
            if last or not isinstance(error, RuntimeError):
                raise
        else:
            return port, process
    raise AssertionError


def spawn(folder: Path, settings: Mapping[str, str], port: int) -> subprocess.Popen[bytes]:
    """The server's process, which ends when ours does."""
    options = [f"--{name}={value}" if value else f"--{name}" for name, value in settings.items()]
    places = [
        f"--datadir={folder / 'files'}",
        f"--socket={socket_in(folder)}",
        f"--pid-file={folder / 'pid'}",
        f"--tmpdir={folder}",
        f"--port={port}",
    ]
    command = [find("mariadbd"), "--no-defaults", *as_root(), *places, *options]
    return start(command, log=folder / "log")


def wait_until_it_answers(process: subprocess.Popen[bytes], folder: Path) -> None:
    """The server takes connections, and our user is known."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if listens(socket_in(folder)):
            introduce_user(folder)
            return
        time.sleep(0.05)
    message = f"mariadbd did not start:\n{(folder / 'log').read_text(errors='replace')[-4000:]}"
    raise RuntimeError(message)


def listens(path: Path) -> bool:
    """Somebody listens on the socket; asked so, as PyMySQL leaves its own open when nobody does."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def introduce_user(folder: Path) -> None:
    """Our user is known and may do everything."""
    connection = pymysql.connect(unix_socket=str(socket_in(folder)), user="root")
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE OR REPLACE USER {USER} IDENTIFIED BY %s", (PASSWORD,))
        cursor.execute(f"GRANT ALL ON *.* TO {USER} WITH GRANT OPTION")


def socket_in(folder: Path) -> Path:
    """The place of the server's socket."""
    return folder / "s"


def as_root() -> list[str]:
    """MariaDB runs as root only when told to."""
    return ["--user=root"] if os.geteuid() == 0 else []


def unique_name(beginning: str) -> str:
    """A name that nobody else uses or guesses, for a database or an account."""
    return f"{beginning}_{secrets.token_hex(8)}"
