"""Where the settings come from: which file, what the environment says over it, passwords, the place of each value."""

from __future__ import annotations

import json
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from gentle_nudge.errors import SettingsError, UserError
from gentle_nudge.settings.keys import TABLES
from gentle_nudge.settings.parsing import DeclaredKey, Loc, Problem, did_you_mean, keys_of

BESIDE_KOHA_CONF = "gentle-nudge.toml"
SYSTEM_WIDE = Path("/etc/gentle-nudge/config.toml")
PREFIX = "GENTLE_NUDGE_"
CONFIG = "GENTLE_NUDGE_CONFIG"
NAMES_A_DATABASE = ("conf", "url")
TABLES_WITH_PASSWORDS = ("koha", "mail", "sftp")
BEGIN = "Begin with: gentle-nudge config example"


class NotConfigured(UserError):
    """No configuration was found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyPlaces:
    """Where values come from: the file's name, and of each key given otherwise the environment variable.

    A password that was read from its own file comes from `password_file`.
    """

    file: str
    variables: dict[Loc, str] = field(default_factory=dict)
    in_file: frozenset[Loc] = frozenset()

    def place(self, loc: Loc) -> str:
        """How a message names this key: the variable that gave it, else file and key; the first of several is [1]."""
        dotted = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in loc)
        return self.variables.get(loc) or f"{self.file}: {dotted.removeprefix('.')}"

    def origin(self, loc: Loc) -> str:
        """What gave the key its value: a variable, the file, or its default; a [[library]] stands in the file only."""
        is_given = loc in self.in_file or loc[0] == "library"
        return self.variables.get(loc) or (self.file if is_given else "default")

    def sentence(self, problem: Problem) -> str:
        """The problem with its place."""
        return f"{self.place(problem.about[0])}: {problem.sentence}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RawSettings:
    """What file, environment and password files say, not judged yet; `warnings` are sentences that stop nothing."""

    file: Path | None
    data: dict[str, Any] = field(repr=False)
    places: KeyPlaces
    problems: list[Problem]
    warnings: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path | None:
        """Where relative paths start."""
        return self.file.parent if self.file else None


def is_configured(config: Path | None, environ: Mapping[str, str], *, system_wide: Path = SYSTEM_WIDE) -> bool:
    """Whether there is a configuration at all; its being right is another question."""
    file = _configuration_file(config, environ, system_wide)
    return _is_there(file) if file else _names_a_database(_overlaid({}, None, environ).data)


def read(config: Path | None, environ: Mapping[str, str], *, system_wide: Path = SYSTEM_WIDE) -> RawSettings:
    """The configuration file (found as the contract says; the current folder is never searched) and the environment.

    NotConfigured if there is neither; SettingsError if the file cannot be read at all.
    """
    file = _configuration_file(config, environ, system_wide)
    if not is_configured(config, environ, system_wide=system_wide):
        raise _not_configured(file, environ)
    raw = _overlaid(_parsed(file) if file else {}, file, environ)
    koha, koha_conf = raw.data.setdefault("koha", {}), environ.get("KOHA_CONF")
    if koha_conf and isinstance(koha, dict) and "conf" not in koha:
        koha["conf"] = str(Path(koha_conf).absolute())
        raw.places.variables["koha", "conf"] = "KOHA_CONF"
    for name in TABLES_WITH_PASSWORDS:
        table = raw.data.get(name)
        if isinstance(table, dict) and "password" not in table and isinstance(table.get("password_file"), str):
            _read_password(raw, name, Path(raw.folder or "", table["password_file"].strip()))
    return raw


def _read_password(raw: RawSettings, table: str, named: Path) -> None:
    """The password of the table is what its file holds, else there is a problem; a file open to all is a warning."""
    if not named.is_absolute() or named == raw.folder:
        return  # its parser says what is needed
    loc = (table, "password_file")
    try:
        password = named.read_text(encoding="utf-8").rstrip("\r\n")
        everybody_reads = named.stat().st_mode & stat.S_IROTH
    except OSError as trouble:
        raw.problems.append(Problem.at(loc, f"the file cannot be read: {trouble.strerror}"))
    except ValueError:
        raw.problems.append(Problem.at(loc, "the file is not UTF-8 text"))
    else:
        if password:
            raw.data[table]["password"] = password
            raw.places.variables[table, "password"] = "password_file"
        else:
            raw.problems.append(Problem.at(loc, "the file is empty"))
        if everybody_reads:
            raw.warnings.append(f"{raw.places.place(loc)}: everybody on this machine can read the file (chmod o-r)")


def _configuration_file(config: Path | None, environ: Mapping[str, str], system_wide: Path) -> Path | None:
    """The file that is named, whether or not it is there, else one that is found."""
    if config or environ.get(CONFIG):
        return (config or Path(environ[CONFIG])).absolute()
    koha_conf = environ.get("KOHA_CONF")
    if koha_conf and _is_there(beside := Path(koha_conf).absolute().parent / BESIDE_KOHA_CONF):
        return beside
    if not _is_there(system_wide):
        return None
    names_its_own = _names_a_database(_parsed(system_wide)) or _names_a_database(_overlaid({}, None, environ).data)
    return system_wide if names_its_own else None


def _is_there(file: Path) -> bool:
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # what we may not look at is there, and reading it will say so
        return True
    return True


def _not_configured(named: Path | None, environ: Mapping[str, str]) -> NotConfigured:
    if named is not None:
        return NotConfigured(f"There is no configuration file {named}.", BEGIN)
    koha_conf = environ.get("KOHA_CONF")
    beside = Path(koha_conf).parent / BESIDE_KOHA_CONF if koha_conf else "KOHA_CONF is not set"
    return NotConfigured(
        "There is no configuration.",
        f"Looked for, in this order: --config FILE; ${CONFIG}; {BESIDE_KOHA_CONF} beside $KOHA_CONF ({beside}); "
        f"{SYSTEM_WIDE}, if it names its own database (koha.conf or koha.url). {BEGIN}",
    )


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
    except tomllib.TOMLDecodeError as problem:
        raise SettingsError((f"{file.name}: this is not valid TOML: {problem}",), f"The file is {file}.") from None
    except UnicodeDecodeError:
        raise SettingsError((f"{file.name}: the file is not UTF-8 text",), f"The file is {file}.") from None
    except OSError as problem:
        raise SettingsError((f"{file}: the file cannot be read: {problem.strerror}",)) from None


def _names_a_database(data: Mapping[str, Any]) -> bool:
    koha = data.get("koha")
    return isinstance(koha, dict) and any(koha.get(key) for key in NAMES_A_DATABASE)


def _overlaid(data: Mapping[str, Any], file: Path | None, environ: Mapping[str, str]) -> RawSettings:
    """The data of the file with what the environment says over it, and the place of each value."""
    merged = {name: dict(table) if isinstance(table, dict) else table for name, table in data.items()}
    problems = list(_passwords_taken_out_of(merged))
    in_file = frozenset((name, key) for name, table in merged.items() if isinstance(table, dict) for key in table)
    variables: dict[Loc, str] = {}
    for variable in sorted(name for name in environ if name.startswith(PREFIX) and name != CONFIG):
        table, _, key = variable.removeprefix(PREFIX).lower().partition("__")
        if variable not in VARIABLES:
            variables[(variable,)] = variable
            problems.append(Problem.at((variable,), _unknown_variable(variable, table)))
            continue
        variables[table, key] = variable
        if isinstance(values := merged.setdefault(table, {}), dict):
            values[key] = _value(VARIABLES[variable], environ[variable])
    places = KeyPlaces(file=file.name if file else "environment", variables=variables, in_file=in_file)
    return RawSettings(file=file, data=merged, places=places, problems=problems)


def _passwords_taken_out_of(data: dict[str, Any]) -> Iterator[Problem]:
    for name in TABLES_WITH_PASSWORDS:
        table = data.get(name)
        if isinstance(table, dict) and table.pop("password", None) is not None:
            yield Problem.at(
                (name, "password"),
                "a password does not stand in this file; put it into a file of its own and name that as "
                f"password_file, or into the environment as {PREFIX}{name.upper()}__PASSWORD",
            )


def _unknown_variable(variable: str, table: str) -> str:
    if table == "library":
        return "a [[library]] stands in the file only"
    names = [name.removeprefix(PREFIX) for name in VARIABLES]
    return f"there is no such key{did_you_mean(variable.removeprefix(PREFIX), names, begin=PREFIX)}"


def _value(declared: DeclaredKey, text: str) -> object:
    if not declared.is_list:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text  # its parser asks for a list


VARIABLES: Mapping[str, DeclaredKey] = {
    f"{PREFIX}{name}__{key}".upper(): declared
    for name, table in TABLES.items()
    for key, declared in keys_of(table).items()
}
