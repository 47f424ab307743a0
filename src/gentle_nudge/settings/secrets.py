"""Passwords that stand in files of their own."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from gentle_nudge.settings.keys import KohaTable, MailTable, SftpTable, Tables
from gentle_nudge.settings.problems import Origins, Problem
from gentle_nudge.settings.reading import SECRET_TABLES


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """The tables with the passwords of their files, what could not be read, and what others can read."""

    tables: Tables
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]


def opened(tables: Tables, origins: Origins) -> Opened:
    """Every `password_file` read, unless the environment gave the password itself."""
    problems: list[Problem] = []
    warnings: list[str] = []
    filled: dict[str, KohaTable | MailTable | SftpTable] = {}
    for name in SECRET_TABLES:
        table: KohaTable | MailTable | SftpTable | None = getattr(tables, name)
        if table is None or table.password_file is None or table.password is not None:
            continue
        loc = (name, "password_file")
        found = _password(table.password_file)
        if isinstance(found, str):
            problems.append(Problem(about=(loc,), sentence=found))
            continue
        filled[name] = table.model_copy(update={"password": found})
        if _others_can_read(table.password_file):
            warnings.append(f"{origins.place(loc)}: everybody on this machine can read the file (chmod o-r)")
    return Opened(tables=tables.model_copy(update=filled), problems=tuple(problems), warnings=tuple(warnings))


def _password(file: Path) -> SecretStr | str:
    try:
        password = file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as trouble:
        return f"the file cannot be read: {trouble.strerror}"
    except UnicodeDecodeError:
        return "the file is not UTF-8 text"
    return SecretStr(password) if password else "the file is empty"


def _others_can_read(file: Path) -> bool:
    return bool(file.stat().st_mode & stat.S_IROTH)
