"""Where the settings come from: the file, the environment over it, passwords, and the place of each value."""

from __future__ import annotations

import json
import stat
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from gentle_nudge.errors import SettingsError, UserError
from gentle_nudge.settings.keys import TABLES
from gentle_nudge.settings.parsing import DeclaredKey, Loc, Problem, did_you_mean, keys_of, successor_of

BESIDE_KOHA_CONF = "gentle-nudge.toml"
SYSTEM_WIDE = Path("/etc/gentle-nudge/config.toml")
PREFIX = "GENTLE_NUDGE_"
CONFIG = "GENTLE_NUDGE_CONFIG"
NAMES_A_DATABASE = ("conf", "url")
TABLES_WITH_PASSWORDS = ("koha", "mail", "sftp")
BEGIN = "Begin with: gentle-nudge config example"
VARIABLES: Mapping[str, DeclaredKey] = {
    f"{PREFIX}{name}__{key}".upper(): declared
    for name, table in TABLES.items()
    for key, declared in keys_of(table).items()
}


class NotConfigured(UserError):
    """No configuration was found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyPlaces:
    """The file's name, and the environment variable of each key that is given in one.

    A password that was read from its own file comes from `password_file`.
    """

    file: str
    variables: dict[Loc, str] = field(default_factory=dict)
    in_file: frozenset[Loc] = frozenset()

    def place(self, loc: Loc) -> str:
        """How a message names this key: its variable, else file and key; the first of several tables is [1]."""
        dotted = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in loc)
        return self.variables.get(loc) or f"{self.file}: {dotted.removeprefix('.')}"

    def origin(self, loc: Loc) -> str:
        """The source of the value: a variable, the file, or its default; a [[library]] is in the file only."""
        is_given = loc in self.in_file or loc[0] == "library"
        return self.variables.get(loc) or (self.file if is_given else "default")

    def sentence(self, problem: Problem) -> str:
        """The problem with its place."""
        return f"{self.place(problem.about[0])}: {problem.sentence}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RawSettings:
    """The settings as given by file, environment and password files; `warnings` are sentences that stop nothing.

    Relative paths start at `folder`.
    """

    file: Path | None
    folder: Path | None
    data: dict[str, Any] = field(repr=False)
    places: KeyPlaces
    problems: list[Problem]
    warnings: list[str] = field(default_factory=list)


def read(config: Path | None, environ: Mapping[str, str], *, system_wide: Path = SYSTEM_WIDE) -> RawSettings:
    """The configuration file and the environment over it.

    NotConfigured if there is neither; SettingsError if the file cannot be read.
    """
    file, data = _configuration(config, environ, system_wide)
    raw = _overlaid(file, data, environ)
    koha, koha_conf = raw.data.setdefault("koha", {}), environ.get("KOHA_CONF")
    if koha_conf and isinstance(koha, dict) and "conf" not in koha:
        koha["conf"] = str(Path(koha_conf).absolute())
        raw.places.variables["koha", "conf"] = "KOHA_CONF"
    for name in TABLES_WITH_PASSWORDS:
        table = raw.data.get(name)
        if isinstance(table, dict) and "password" not in table and isinstance(table.get("password_file"), str):
            _read_password(raw, name, Path(raw.folder or "", table["password_file"].strip()))
    _warn_of_open_files(raw)
    return raw


def _warn_of_open_files(raw: RawSettings) -> None:
    """A warning for each file with the password of a [[passport.server]] that everybody may read."""
    passport = raw.data.get("passport")
    servers = passport.get("server") if isinstance(passport, dict) else None
    for place, server in enumerate(servers if isinstance(servers, list) else []):
        file = server.get("password_file") if isinstance(server, dict) else None
        if isinstance(file, str) and file.strip():
            with suppress(OSError, ValueError):
                _warn_if_open(raw, ("passport", "server", place, "password_file"), Path(raw.folder or "", file.strip()))


def _warn_if_open(raw: RawSettings, loc: Loc, file: Path) -> None:
    if file.stat().st_mode & stat.S_IROTH:
        raw.warnings.append(f"{raw.places.place(loc)}: everybody on this machine can read the file (chmod o-r)")


def _configuration(
    config: Path | None, environ: Mapping[str, str], system_wide: Path
) -> tuple[Path | None, dict[str, Any]]:
    """The file that is named, else the first that is found; none is needed if the environment names a database."""
    if named := config or environ.get(CONFIG):
        file = Path(named).absolute()
        if (tables := _parsed(file)) is None:
            raise NotConfigured(f"There is no configuration file {file}.", BEGIN)
        return file, tables
    koha_conf = environ.get("KOHA_CONF")
    beside = Path(koha_conf).absolute().parent / BESIDE_KOHA_CONF if koha_conf else None
    if beside and (tables := _parsed(beside)) is not None:
        return beside, tables
    tables = _parsed(system_wide)
    koha = (tables or {}).get("koha")
    database_in_environment = any(environ.get(f"{PREFIX}KOHA__{key.upper()}") for key in NAMES_A_DATABASE)
    database_in_file = isinstance(koha, dict) and any(koha.get(key) for key in NAMES_A_DATABASE)
    if tables is not None and (database_in_file or database_in_environment):
        return system_wide, tables
    if database_in_environment:
        return None, {}
    raise NotConfigured(
        "There is no configuration.",
        f"Looked for, in this order: --config FILE; ${CONFIG}; {BESIDE_KOHA_CONF} beside $KOHA_CONF "
        f"({beside or 'KOHA_CONF is not set'}); {SYSTEM_WIDE}, if it names its own database (koha.conf or koha.url). "
        f"{BEGIN}",
    )


def _parsed(file: Path) -> dict[str, Any] | None:
    """The tables of the file; None if it does not exist. A file that we may not look at exists."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise SettingsError((f"{file.name}: {_why_unreadable(error)}",), f"The file is {file}.") from None


def _why_unreadable(error: OSError | ValueError) -> str:
    match error:
        case OSError():
            return f"the file cannot be read: {error.strerror}"
        case UnicodeDecodeError():
            return "the file is not UTF-8 text"
        case _:
            return f"this is not valid TOML: {error}"


def _read_password(raw: RawSettings, table: str, file: Path) -> None:
    """The table has the password from the file, or there is a problem; a file that is open to all is a warning."""
    if not file.is_absolute() or file == raw.folder:
        return  # the key's parser reports this
    loc = (table, "password_file")
    try:
        password = file.read_text(encoding="utf-8").rstrip("\r\n")
        _warn_if_open(raw, loc, file)
    except (OSError, ValueError) as error:
        raw.problems.append(Problem.at(loc, _why_unreadable(error)))
        return
    if password:
        raw.data[table]["password"] = password
        raw.places.variables[table, "password"] = "password_file"
    else:
        raw.problems.append(Problem.at(loc, "the file is empty"))


def _overlaid(file: Path | None, data: Mapping[str, Any], environ: Mapping[str, str]) -> RawSettings:
    """The tables of the file with the environment over them, and the place of each value."""
    merged = {name: dict(table) if isinstance(table, dict) else table for name, table in data.items()}
    problems = list(_passwords_removed(merged))
    in_file = frozenset((name, key) for name, table in merged.items() if isinstance(table, dict) for key in table)
    variables: dict[Loc, str] = {}
    for variable in sorted(name for name in environ if name.startswith(PREFIX) and name != CONFIG):
        name, _, key = variable.removeprefix(PREFIX).lower().partition("__")
        if variable not in VARIABLES:
            variables[(variable,)] = variable
            problems.append(Problem.at((variable,), _unknown_variable(variable, name)))
            continue
        variables[name, key] = variable
        if isinstance(table := merged.setdefault(name, {}), dict):
            table[key] = environ[variable]
            if VARIABLES[variable].is_list:
                with suppress(ValueError):  # the key's parser reports this
                    table[key] = json.loads(environ[variable])
    places = KeyPlaces(file=file.name if file else "environment", variables=variables, in_file=in_file)
    return RawSettings(file=file, folder=file and file.parent, data=merged, places=places, problems=problems)


def _passwords_removed(data: Mapping[str, Any]) -> Iterator[Problem]:
    for name in TABLES_WITH_PASSWORDS:
        table = data.get(name)
        if isinstance(table, dict) and table.pop("password", None) is not None:
            yield Problem.at(
                (name, "password"),
                "a password does not belong in this file; put it into a file of its own and name that as "
                f"password_file, or into the environment as {PREFIX}{name.upper()}__PASSWORD",
            )


def _unknown_variable(variable: str, table: str) -> str:
    if table == "library":
        return "a [[library]] is given in the file only"
    key = variable.removeprefix(f"{PREFIX}{table.upper()}__").lower()
    if table in TABLES and (successor := successor_of(key, keys_of(TABLES[table]))):
        return f"this key was replaced by {PREFIX}{table.upper()}__{successor.upper()}"
    names = [name.removeprefix(PREFIX) for name in VARIABLES]
    return f"there is no such key{did_you_mean(variable.removeprefix(PREFIX), names, begin=PREFIX)}"
