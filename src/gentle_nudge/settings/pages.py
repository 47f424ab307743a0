"""What is written from the keys themselves: the sample file, the reference page, the effective settings."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gentle_nudge.settings.fields import REQUIRED, Table
from gentle_nudge.settings.keys import TABLES
from gentle_nudge.settings.loading import Settings
from gentle_nudge.settings.policy_keys import LibraryTable, PolicyTable
from gentle_nudge.settings.problems import Loc
from gentle_nudge.settings.writing import HIDDEN, toml

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

WIDTH = 110
SECRETS = ("password", "ping_url")
SAMPLE_BEGINS = """\
# The settings of koha-gentle-nudge: every key there is, with its default or an example.
# A key without a leading # has no default and has to be given.
# Check this file with: gentle-nudge config validate
"""
REFERENCE_BEGINS = """\
# Settings

Made from the program's own list of keys; do not edit.

The file is looked for in this order: `--config FILE`, `$GENTLE_NUDGE_CONFIG`, `gentle-nudge.toml` beside `$KOHA_CONF`,
`/etc/gentle-nudge/config.toml` (if it names its own database). The current folder is never searched. Relative paths
start at the folder of the file.

Every key can be given in the environment too, which wins: `GENTLE_NUDGE_MAIL__HOST=localhost`. Lists are written as
JSON: `GENTLE_NUDGE_POLICY__SEND_TO='["reports@agency.example"]'`. A `[[library]]` stands in the file only, a `password`
in the environment only.

**Needed** keys have no default: nobody is charged by a key left out. Commands that refer, update or release need them;
the others need `[koha]` only.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chapter:
    """One table of the file as the pages show it; an `optional` one is present only if it is wanted."""

    name: str
    table: type[Table]
    keys: tuple[str, ...]
    optional: bool = False

    @property
    def heading(self) -> str:
        """The table's name in brackets."""
        return f"[[{self.name}]]" if self.name == "library" else f"[{self.name}]"

    @property
    def meaning(self) -> str:
        """What the table is about."""
        return (self.table.__doc__ or "").strip()

    def about(self, key: str) -> str:
        """What a key of it means."""
        return self.table.model_fields[key].description or ""


def chapters() -> Iterator[Chapter]:
    """Every table in the order of the pages."""
    for name, table in TABLES.items():
        yield Chapter(name=name, table=table, keys=tuple(table.model_fields), optional=name == "sftp")
        if name == "policy":
            own = tuple(key for key in LibraryTable.model_fields if key not in PolicyTable.model_fields)
            yield Chapter(name="library", table=LibraryTable, keys=own, optional=True)


def sample() -> str:
    """The sample file: valid as it is, once its placeholders are replaced."""
    return "\n".join([SAMPLE_BEGINS, *("\n".join(_sample(chapter)) for chapter in chapters())])


def _sample(chapter: Chapter) -> Iterator[str]:
    yield from _comment(chapter.meaning)
    yield f"# {chapter.heading}" if chapter.optional else chapter.heading
    yield ""
    for key, field in _in_file(chapter):
        yield from _comment(chapter.about(key))
        needed = field.json_schema_extra is REQUIRED and not chapter.optional
        yield f"{'' if needed else '# '}{key} = {_example(field)}"
        yield ""


def _in_file(chapter: Chapter) -> Iterator[tuple[str, FieldInfo]]:
    return ((key, chapter.table.model_fields[key]) for key in chapter.keys if key != "password")


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="## ", subsequent_indent="## ", break_on_hyphens=False)


def _example(field: FieldInfo) -> str:
    return str(field.examples[0]) if field.examples else toml(field.default)


def reference() -> str:
    """The reference page, in Markdown."""
    return "\n".join([REFERENCE_BEGINS, *("\n".join(_reference(chapter)) for chapter in chapters())])


def _reference(chapter: Chapter) -> Iterator[str]:
    yield f"## `{chapter.heading}`\n"
    yield f"{chapter.meaning}\n"
    yield "| key | default | meaning |"
    yield "|---|---|---|"
    for key in chapter.keys:
        field = chapter.table.model_fields[key]
        meaning = chapter.about(key).replace("|", "\\|")
        yield f"| `{key}` | {_default(field)} | {meaning}{_for_example(field)} |"
    yield ""


def _default(field: FieldInfo) -> str:
    if field.json_schema_extra is REQUIRED:
        return "**needed**"
    return "" if field.default is None else f"`{toml(field.default)}`"


def _for_example(field: FieldInfo) -> str:
    return f" Example: `{field.examples[0]}`" if field.examples else ""


def effective(settings: Settings) -> str:
    """Every key with the value in force and where it comes from; no secrets."""
    lines = [f"# {settings.file or 'from the environment alone'}"]
    for name in TABLES:
        table: Table | None = getattr(settings.tables, name)
        if table is not None:
            lines += ["", f"[{name}]", *_effective(table, (name,), settings, tuple(type(table).model_fields))]
    for number, library in enumerate(settings.tables.library):
        given = tuple(key for key in LibraryTable.model_fields if key in library.model_fields_set)
        lines += ["", "[[library]]", *_effective(library, ("library", number), settings, given)]
    return "\n".join(lines) + "\n"


def _effective(table: Table, loc: Loc, settings: Settings, keys: tuple[str, ...]) -> Iterator[str]:
    for key in keys:
        value = getattr(table, key)
        line = f"# {key} is not given" if value is None else f"{key} = {HIDDEN if key in SECRETS else toml(value)}"
        yield f"{line:40}  # {_origin(table, (*loc, key), settings)}"


def _origin(table: Table, loc: Loc, settings: Settings) -> str:
    key = str(loc[-1])
    if key == "password" and getattr(table, key) is not None and loc not in settings.origins.variables:
        return "password_file"
    if loc in settings.origins.variables:
        return settings.origins.variables[loc]
    return settings.origins.file if key in table.model_fields_set else "default"
