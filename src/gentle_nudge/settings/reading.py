"""Where the settings are: which file, what it holds, what the environment says over it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, get_origin

from gentle_nudge.errors import SettingsError, UserError
from gentle_nudge.settings.fields import Table
from gentle_nudge.settings.keys import TABLES
from gentle_nudge.settings.problems import Loc, Origins, Problem, did_you_mean

BESIDE_KOHA_CONF = "gentle-nudge.toml"


SYSTEM_WIDE = Path("/etc/gentle-nudge/config.toml")


PREFIX = "GENTLE_NUDGE_"


CONFIG = "GENTLE_NUDGE_CONFIG"


NAMES_A_DATABASE = ("conf", "url")


SECRET_TABLES = ("koha", "mail", "sftp")


class NotConfigured(UserError):
    """No configuration was found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RawSettings:
    """What file and environment say, not judged yet."""

    file: Path | None
    data: dict[str, Any]
    origins: Origins
    problems: tuple[Problem, ...] = ()


def is_configured(config: Path | None, environ: Mapping[str, str], *, system_wide: Path = SYSTEM_WIDE) -> bool:
    """Whether there is a configuration at all; its being right is another question."""
    named = _named(config, environ)
    if named is not None:
        return _is_there(named)
    return _found(environ, system_wide) is not None or _names_a_database(_environment(environ))


def read(config: Path | None, environ: Mapping[str, str], *, system_wide: Path = SYSTEM_WIDE) -> RawSettings:
    """The configuration file (found as the contract says; the current folder is never searched) and the environment.

    NotConfigured if there is neither; SettingsError if the file cannot be read at all.
    """
    if not is_configured(config, environ, system_wide=system_wide):
        raise _not_configured(_named(config, environ), environ)
    file = _named(config, environ) or _found(environ, system_wide)
    data = {} if file is None else _parsed(file)
    return _with_koha_conf(_overlaid(data, file, environ), environ.get("KOHA_CONF"))


def _with_koha_conf(given: RawSettings, koha_conf: str | None) -> RawSettings:
    koha = given.data.setdefault("koha", {})
    if not koha_conf or not isinstance(koha, dict) or "conf" in koha:
        return given
    koha["conf"] = str(Path(koha_conf).absolute())
    variables = {**given.origins.variables, ("koha", "conf"): "KOHA_CONF"}
    return replace(given, origins=replace(given.origins, variables=variables))


def _named(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = config or (Path(environ[CONFIG]) if environ.get(CONFIG) else None)
    return None if named is None else named.absolute()


def _found(environ: Mapping[str, str], system_wide: Path) -> Path | None:
    koha_conf = environ.get("KOHA_CONF")
    if koha_conf and _is_there(beside := Path(koha_conf).absolute().parent / BESIDE_KOHA_CONF):
        return beside
    if not _is_there(system_wide):
        return None
    return system_wide if _names_a_database(_parsed(system_wide), _environment(environ)) else None


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
        return NotConfigured(f"There is no configuration file {named}.", "Begin with: gentle-nudge config example")
    beside = (
        Path(environ["KOHA_CONF"]).parent / BESIDE_KOHA_CONF if environ.get("KOHA_CONF") else "KOHA_CONF is not set"
    )
    return NotConfigured(
        "There is no configuration.",
        f"Looked for, in this order: --config FILE; ${CONFIG}; {BESIDE_KOHA_CONF} beside $KOHA_CONF ({beside}); "
        f"{SYSTEM_WIDE}, if it names its own database (koha.conf or koha.url). "
        "Begin with: gentle-nudge config example",
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


def _names_a_database(*sources: Mapping[str, Any]) -> bool:
    tables = [source.get("koha") for source in sources]
    return any(isinstance(table, dict) and any(table.get(key) for key in NAMES_A_DATABASE) for table in tables)


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    return _overlaid({}, None, environ).data


def _overlaid(data: dict[str, Any], file: Path | None, environ: Mapping[str, str]) -> RawSettings:
    merged = {name: dict(table) if isinstance(table, dict) else table for name, table in data.items()}
    problems = list(_passwords_taken_out_of(merged))
    variables: dict[Loc, str] = {}
    for variable in sorted(name for name in environ if name.startswith(PREFIX) and name != CONFIG):
        section, _, key = variable.removeprefix(PREFIX).lower().partition("__")
        loc: Loc = (section, key)
        if variable not in VARIABLES:
            loc, problem = (variable,), _unknown(variable, section)
            problems.append(problem)
        elif isinstance(table := merged.setdefault(section, {}), dict):
            table[key] = _value(VARIABLES[variable], key, environ[variable])
        variables[loc] = variable
    origins = Origins(file=file.name if file else "environment", variables=variables)
    return RawSettings(file=file, data=merged, origins=origins, problems=tuple(problems))


def _passwords_taken_out_of(data: dict[str, Any]) -> Iterator[Problem]:
    for name in SECRET_TABLES:
        table = data.get(name)
        if isinstance(table, dict) and table.pop("password", None) is not None:
            yield Problem(
                about=((name, "password"),),
                sentence="a password does not stand in this file; put it into a file of its own and name that as "
                f"password_file, or into the environment as {PREFIX}{name.upper()}__PASSWORD",
            )


def _unknown(variable: str, section: str) -> Problem:
    if section == "library":
        return Problem(about=((variable,),), sentence="a [[library]] stands in the file only")
    names = [known.removeprefix(PREFIX) for known in VARIABLES]
    near = did_you_mean(variable.removeprefix(PREFIX), names, begin=PREFIX)
    return Problem(about=((variable,),), sentence=f"there is no such key{near}")


def _value(table: type[Table], key: str, text: str) -> object:
    if get_origin(table.model_fields[key].annotation) not in {tuple, frozenset}:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text  # its kind asks for a list


VARIABLES: Mapping[str, type[Table]] = {
    f"{PREFIX}{name}__{key}".upper(): table for name, table in TABLES.items() for key in table.model_fields
}
