"""Values as TOML has them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import singledispatch
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy.engine import URL

from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.patron import Flag
from gentle_nudge.settings.places import shown

HIDDEN = "(hidden)"


@singledispatch
def toml(value: object) -> str:
    """The value as TOML has it; a secret is hidden."""
    raise TypeError(type(value).__name__)


@toml.register
def _(value: None) -> str:  # noqa: ARG001 - its type says all
    return '""'


@toml.register
def _(value: bool) -> str:  # noqa: FBT001 - chosen by its type
    return str(value).lower()


@toml.register(int)
@toml.register(date)
def _(value: int | date) -> str:
    return str(value)


@toml.register
def _(value: Weekday) -> str:
    return toml(value.name.lower())


@toml.register
def _(value: Decimal) -> str:
    return format_amount(value)


@toml.register(str)
@toml.register(Path)
@toml.register(Flag)
def _(value: str | Path | Flag) -> str:
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@toml.register(tuple)
def _(value: Iterable[object]) -> str:
    return f"[{', '.join(toml(entry) for entry in value)}]"


@toml.register(frozenset)
def _(value: Iterable[str]) -> str:
    return toml(tuple(sorted(value)))


@toml.register
def _(value: URL) -> str:
    return toml(shown(value))


@toml.register
def _(value: SecretStr) -> str:  # noqa: ARG001 - never looked at
    return HIDDEN
