"""Texts made from the keys: the sample file, the reference page, the effective settings."""

from __future__ import annotations

import textwrap
import tomllib
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import tomli_w
from sqlalchemy.engine import URL

from gentle_nudge.domain.collections.policy import Policy
from gentle_nudge.domain.passport.terms import Passport, PassportServer
from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.reminders.levels import BILL, Level, Remind
from gentle_nudge.settings import Settings
from gentle_nudge.settings.keys import TABLES, Koha, SectionKeys
from gentle_nudge.settings.parsing import DeclaredKey, Loc, keys_of
from gentle_nudge.settings.values import shown

# Every table in the order of the pages, and the tables that a library may leave out.
PAGES: dict[str, type] = {
    "koha": Koha,
    "policy": Policy,
    "[library]": SectionKeys,
    "remind": Remind,
    "[remind.level]": Level,
    **TABLES,
    "[passport.server]": PassportServer,
}
OPTIONAL = {"[library]", "remind", "[remind.level]", "sftp", "passport", "[passport.server]"}
WIDTH = 110
HIDDEN = "(hidden)"
SAMPLE_BEGINS = """\
# The settings of koha-gentle-nudge: every key there is, with its default or an example.
# Needed keys have no default: nobody is charged by a key that was left out.
# Check this file with: gentle-nudge config validate
"""
REFERENCE_BEGINS = """\
# Settings

Made from the program's own list of keys; do not edit.

The file is looked for in this order: `--config FILE`, `$GENTLE_NUDGE_CONFIG`, `gentle-nudge.toml` beside `$KOHA_CONF`,
`/etc/gentle-nudge/config.toml` (if it names its own database). The current folder is never searched. Relative paths
start at the folder of the file.

Every key can be given in the environment too, which wins: `GENTLE_NUDGE_MAIL__HOST=localhost`. Lists are written as
JSON: `GENTLE_NUDGE_POLICY__SEND_TO='["reports@agency.example"]'`. A `[[library]]` and a
`[[passport.server]]` are given in the file only, a `password` in the environment only.

**Needed** keys have no default: nobody is charged by a key left out. Commands that refer, update or release need them;
the others need `[koha]` only.
"""


def toml(value: Any) -> str:
    """The value in TOML, on one line."""
    if isinstance(value, URL):
        value = shown(value)
    elif isinstance(value, tuple | frozenset):
        entries = sorted(value) if isinstance(value, frozenset) else value
        return f"[{', '.join(map(toml, entries))}]"
    elif isinstance(value, Enum):
        value = value.name.lower()
    elif value is None or isinstance(value, Path | Flag):
        value = str(value or "")
    return tomli_w.dumps({"key": value}).removeprefix("key = ").rstrip("\n")


def plain_value(value: Any) -> Any:
    """The value of a key as a TOML file gives it: a number, a text, a list of texts."""
    return tomllib.loads(f"key = {toml(value)}", parse_float=Decimal)["key"]


def sample() -> str:
    """The sample file, every key commented out."""
    lines = [SAMPLE_BEGINS]
    for name, table in PAGES.items():
        mark = "# " if name in OPTIONAL else ""
        lines += [*_comment(_meaning(table)), f"{mark}[{name}]", ""]
        for declared in keys_of(table).values():
            if declared.name != "password":
                value = declared.key.example or toml(declared.default)
                meaning = f"{declared.key.meaning}{' Needed.' if declared.is_required else ''}"
                lines += [*_comment(meaning), f"# {declared.name} = {value}", ""]
    return "\n".join(lines)


def _meaning(table: type) -> str:
    return (table.__doc__ or "").partition("\n")[0]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="## ", subsequent_indent="## ", break_on_hyphens=False)


def reference() -> str:
    """The reference page, in Markdown."""
    lines = [REFERENCE_BEGINS]
    for name, table in PAGES.items():
        lines += [f"## `[{name}]`", "", _meaning(table), "", "| key | default | meaning |", "|---|---|---|"]
        for declared in keys_of(table).values():
            default = "" if declared.default in (None, "") else f"`{toml(declared.default)}`"
            example = f" Example: `{declared.key.example}`" if declared.key.example else ""
            meaning = declared.key.meaning.replace("|", "\\|")
            lines.append(
                f"| `{declared.name}` | {'**needed**' if declared.is_required else default} | {meaning}{example} |"
            )
        lines.append("")
    return "\n".join(lines)


def effective(settings: Settings) -> str:
    """Every key with the value in force and its source; no secrets."""
    whole, *sections = settings.sections
    lines = [f"# {settings.file or 'from the environment alone'}"]
    for name, table in TABLES.items():
        values = whole.policy if table is Policy else getattr(settings, name)
        if values is not None:
            keys = keys_of(table).values()
            lines += ["", f"[{name}]", *(_effective(key, values, (name,), settings) for key in keys)]
            lines += _levels(values) if isinstance(values, Remind) else []
            lines += _servers(values) if isinstance(values, Passport) else []
    for section in sections:
        lines += ["", "[[library]]"]
        for table, values in ((Policy, section.policy), (SectionKeys, section.keys)):
            own = (key for key in keys_of(table).values() if key.name in section.own)
            lines += [_effective(key, values, section.loc, settings) for key in own]
        if section.remind and section.remind != whole.remind:
            lines += ["", "[library.remind]", *(_plain(key.name, section.remind) for key in keys_of(Remind).values())]
            lines += _levels(section.remind, "library.")
    return "\n".join(lines) + "\n"


def _levels(remind: Remind, prefix: str = "") -> list[str]:
    """Every level with all its values; they are given in the file only."""
    lines = []
    for number, level in remind.steps.items():
        name = f"[{prefix}remind.bill]" if number == BILL else f"[[{prefix}remind.level]]"
        lines += ["", name, *(_plain(key.name, level) for key in keys_of(Level).values())]
    return lines


def _servers(passport: Passport) -> list[str]:
    """Every server with its values, none of which is a password; they are given in the file only."""
    return [
        line
        for server in passport.server
        for line in ("", "[[passport.server]]", *(_plain(key.name, server) for key in keys_of(PassportServer).values()))
    ]


def _plain(name: str, values: object) -> str:
    return f"{name} = {toml(getattr(values, name))}"


def _effective(declared: DeclaredKey, values: object, table: Loc, settings: Settings) -> str:
    name, loc = declared.name, (*table, declared.name)
    value, origin = getattr(values, name), settings.places.origin(loc)
    if value in (None, "") or (origin == "default" and name in settings.sections[0].missing and value != ()):
        return f"{f'# {name} is not given':40}  # {origin}"
    hidden = declared.is_secret and not isinstance(value, URL)
    return f"{f'{name} = {HIDDEN if hidden else toml(value)}':40}  # {origin}"
