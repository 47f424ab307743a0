"""The command: run in this process by most tests, in a process of its own where a test is about one."""

import atexit
import gc
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager
from datetime import datetime
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import click.formatting
import freezegun.api
import pymysql
from click.testing import CliRunner
from freezegun import freeze_time
from sqlalchemy import Connection, Engine, Pool, event
from sqlalchemy.util import LRUCache

import gentle_nudge
from gentle_nudge.cli.app import main

COMMAND = Path(sys.executable).with_name("gentle-nudge")
Finished = subprocess.CompletedProcess[str]

# Threads of the tests' servers, and clients that wait by the clock, go by the true time.
REAL_TIME = ["asyncio", "asyncssh", "aiosmtpd", "paramiko", "socketserver", "http.server"]

# Before it stops the time, freezegun looks for new names in all modules: to count them is seven times as fast.
freezegun.api._get_module_attributes_hash = lambda module: f"{id(module)}-{len(vars(module))}"

# A module that is imported while the time stands still would keep the false `datetime` in what it builds.
for module in walk_packages(gentle_nudge.__path__, f"{gentle_nudge.__name__}."):
    import_module(module.name)


class Compiled(LRUCache[Any, Any]):
    """Statements compiled by any engine of these tests, for all engines whose servers understand the same SQL."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        """The compiled statement."""
        return super().get(_understood(key), default)

    def __setitem__(self, key: tuple[Any, ...], value: Any) -> None:
        super().__setitem__(_understood(key), value)


def _understood(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *rest = key
    return (dialect.name, dialect.server_version_info, getattr(dialect, "_sql_mode", None), *rest)


COMPILED = Compiled(10_000)


@event.listens_for(Engine, "engine_connect")
def remember_what_is_compiled(connection: Connection) -> None:
    """A command compiles each statement once, as its process ends with it; hundreds of commands need that only once."""
    connection.execution_options(compiled_cache=COMPILED)


class Command:
    """Runs `gentle-nudge` in a folder of its own, knowing nothing of the tests' environment."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.cwd = folder / "work"
        self.home.mkdir(parents=True)
        self.cwd.mkdir(parents=True)

    def run(
        self,
        *args: str | Path,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002 - subprocess's word
        at: datetime | None = None,
        session: Mapping[str, object] | None = None,
    ) -> Finished:
        """The command has run in this process; without `input`, stdin is empty and no terminal.

        With `at` its clock stands still at that instant, and so does the database server's for its sessions;
        `session` holds other variables of theirs.
        """
        return run_here(*args, cwd=self.cwd, env=self.environment(env), input=input, at=at, session=session)

    def run_process(self, *args: str | Path, env: Mapping[str, str] | None = None, timeout: float = 120) -> Finished:
        """The installed command has run in a process of its own, as a user starts it; stdin is empty."""
        return subprocess.run(
            [COMMAND, *args],
            env=self.environment(env),
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What the command finds in its environment: no KOHA_CONF unless given."""
        known = {"PATH": os.defpath, "HOME": str(self.home), "LANG": "C.UTF-8", "LOGNAME": "tester"}
        return known | dict(more or {})


def run_here(
    *args: str | Path,
    cwd: Path,
    env: Mapping[str, str],
    input: str | None = None,  # noqa: A002 - subprocess's word
    at: datetime | None = None,
    session: Mapping[str, object] | None = None,
) -> Finished:
    """The command has run in this process, with this environment and no other; an unexpected exception is raised."""
    words = [str(arg) for arg in args]
    clock = {"timestamp": at.timestamp()} if at else {}
    with ExitStack() as around:
        around.enter_context(chdir(cwd))
        around.enter_context(as_a_process(words))
        around.enter_context(sessions_with({**clock, **(session or {})}))
        if at is not None:
            around.enter_context(freeze_time(at, ignore=REAL_TIME))
        result = Runner().invoke(
            main,
            words,
            prog_name=COMMAND.name,
            input=input,
            env={**dict.fromkeys(os.environ), **env},
            catch_exceptions=False,
        )
    out, err = (said.decode().replace("\r\n", "\n") for said in (result.stdout_bytes, result.stderr_bytes))
    return subprocess.CompletedProcess([str(COMMAND), *words], result.exit_code, out, err)


class Runner(CliRunner):
    """click's runner, but help is as wide as it is without a terminal."""

    @contextmanager
    def isolation(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """The streams that stand for stdin, stdout and stderr."""
        with super().isolation(*args, **kwargs) as streams:
            click.formatting.FORCED_WIDTH = None
            yield streams


@contextmanager
def as_a_process(args: list[str]) -> Iterator[None]:
    """What the command changes in its process is put back, and what it leaves for the end of the process is done."""
    root = logging.getLogger()
    loggers = [root, logging.getLogger(gentle_nudge.__name__), logging.getLogger("paramiko")]
    levels = [logger.level for logger in loggers]
    said, handlers, threshold, freeze = sys.argv, root.handlers, gc.get_threshold(), gc.freeze
    sys.argv, root.handlers = [str(COMMAND), *args], []
    gc.freeze = lambda: None  # what earlier commands left is garbage, and would stay until the tests end
    root.setLevel(logging.WARNING)
    try:
        with at_exit():
            yield
    finally:
        sys.argv, root.handlers = said, handlers
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        gc.set_threshold(*threshold)
        gc.freeze = freeze


@contextmanager
def at_exit() -> Iterator[None]:
    """What the command registers for the end of its process is called at the end of this context.

    Only functions of the command itself: a library that registers one now is needed until these tests end.
    """
    left: list[Callable[[], object]] = []
    register = atexit.register

    def remember(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
        if function is gc.freeze:
            return function
        if not str(function.__module__).startswith(f"{gentle_nudge.__name__}."):
            return register(function, *args, **kwargs)
        left.append(lambda: function(*args, **kwargs))
        return function

    atexit.register = remember  # type: ignore[assignment]
    try:
        yield
    finally:
        atexit.register = register
        while left:
            left.pop()()


@contextmanager
def sessions_with(variables: Mapping[str, object]) -> Iterator[None]:
    """Every session on a MariaDB server that is opened meanwhile has these variables, over those of the product."""

    def set_them(connection: Any, _: object) -> None:
        if isinstance(connection, pymysql.connections.Connection):
            with connection.cursor() as cursor:
                for name, value in variables.items():
                    cursor.execute(f"SET SESSION {name} = %s", (value,))

    event.listen(Pool, "connect", set_them)
    try:
        yield
    finally:
        event.remove(Pool, "connect", set_them)
