"""From annotations to values: a table of the file is validated against the dataclass that declares its keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from functools import cache, reduce
from operator import or_
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Self, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from annotated_types import BaseMetadata, GroupedMetadata
from pydantic import AfterValidator, BeforeValidator, ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from gentle_nudge.domain.setting import Key, Parsed
from gentle_nudge.settings.keys import TABLES
from gentle_nudge.settings.values import BY_TYPE, a_list, stripped, text, text_or_number

Loc = tuple[str | int, ...]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A problem with one key; `about` are all keys that it involves, first the key to name."""

    about: tuple[Loc, ...]
    sentence: str

    @classmethod
    def at(cls, loc: Loc, sentence: str) -> Self:
        """A problem of this key alone."""
        return cls(about=(loc,), sentence=sentence)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredKey:
    """One key as its dataclass declares it; `default` is None if it has none."""

    name: str
    annotation: Any
    key: Key
    default: Any
    is_required: bool
    is_secret: bool

    @property
    def is_list(self) -> bool:
        """True if the key takes several values."""
        return get_origin(get_args(self.annotation)[0]) in {tuple, frozenset}

    @property
    def needed(self) -> str:
        """The problem if the key is required and not given."""
        return f"needed: {self.key.meaning} Example: {self.name} = {self.key.example}"


@cache
def keys_of(*tables: type) -> Mapping[str, DeclaredKey]:
    """The keys that these dataclasses declare, by name."""
    keys: dict[str, DeclaredKey] = {}
    for table in tables:
        annotations = get_type_hints(table, include_extras=True)
        for field in fields(table):
            for key in (each for each in get_args(annotations[field.name]) if isinstance(each, Key)):
                keys[field.name] = DeclaredKey(
                    name=field.name,
                    annotation=annotations[field.name],
                    key=key,
                    default=None if field.default is MISSING else field.default,
                    is_required=field.default is MISSING or key.needed,
                    is_secret=not field.repr,
                )
    return keys


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedTable:
    """The valid values, and a problem for each other value."""

    values: dict[str, Any]
    problems: tuple[Problem, ...] = ()


def parse(*tables: type, given: Mapping[str, Any], loc: Loc, folder: Path | None) -> ParsedTable:
    """The values given at this place, as these dataclasses declare them. Relative paths start at the folder."""
    adapter, context = _adapter(*tables), {"folder": folder}
    try:
        return ParsedTable(values=adapter.validate_python(given, context=context))
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False, include_input=False)
    sentences: dict[str, list[str]] = {}
    for error in errors:
        sentences.setdefault(str(error["loc"][0]), []).append(_sentence(error, keys_of(*tables)))
    right = {key: value for key, value in given.items() if key not in sentences}
    return ParsedTable(
        values=adapter.validate_python(right, context=context),
        problems=tuple(Problem.at((*loc, key), "; ".join(wrong)) for key, wrong in sentences.items()),
    )


def parse_whole(
    table: type[T], *, given: Mapping[str, Any], loc: Loc, folder: Path | None
) -> tuple[T | None, list[Problem]]:
    """The table of these values, None with its problems if one is wrong, or one that it needs is not given."""
    parsed = parse(table, given=given, loc=loc, folder=folder)
    needed = [each for name, each in keys_of(cast("type", table)).items() if each.is_required and name not in given]
    problems = [*parsed.problems, *(Problem.at((*loc, each.name), each.needed) for each in needed)]
    return (None if problems else table(**parsed.values)), problems


@cache
def _adapter(*tables: type) -> TypeAdapter[dict[str, Any]]:
    """Validates the keys of these dataclasses: none is required, no other is allowed."""
    kinds = {name: _validated(declared.annotation) for name, declared in keys_of(*tables).items()}
    typed_dict: Any = TypedDict  # for mypy, which wants a TypedDict's keys in the source
    strict = with_config(ConfigDict(extra="forbid", arbitrary_types_allowed=True))
    return TypeAdapter(strict(typed_dict("table", kinds, total=False)))


def _validated(annotation: Any) -> Any:
    """The annotation as pydantic understands it: our parsers run first, then pydantic's own with the bounds."""
    kind, *metadata = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    bounds = [each for each in metadata if isinstance(each, BaseMetadata | GroupedMetadata)]
    others = [_validator(each, kind) for each in metadata if each not in bounds]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {tuple, frozenset}:
        once = AfterValidator(lambda values: origin(dict.fromkeys(values)))
        entries = (_validated(arguments[0]), *arguments[1:])
        return Annotated[(origin[entries], once, BeforeValidator(a_list), *others)]
    if origin in {Union, UnionType}:
        return Annotated[(reduce(or_, map(_validated, arguments)), *others)]
    parser = stripped if origin is Literal else BY_TYPE.get(kind)
    validators = (*bounds, *([BeforeValidator(parser)] if parser else []), *others)
    return Annotated[(kind, *validators)] if validators else kind


def _validator(metadata: Any, kind: Any) -> Any:
    if isinstance(metadata, Parsed):
        text_of = text if kind is str else text_or_number
        return BeforeValidator(lambda value: metadata.parse(text_of(value)))
    if isinstance(metadata, Key):
        return BeforeValidator(lambda value: None if metadata.or_empty and value == "" else value)
    return metadata


def _sentence(error: Any, keys: Mapping[str, DeclaredKey]) -> str:
    key, *entry = error["loc"]
    if error["type"] == "extra_forbidden":
        if successor := successor_of(key, keys):
            return f"this key was replaced by {successor}"
        elsewhere = f" here; it belongs under {home}" if (home := homes(key)) else ""
        return f"there is no such key{did_you_mean(key, keys) or elsewhere}"
    sentence = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"]
    return f"entry {entry[0] + 1}: {sentence}" if entry and isinstance(entry[0], int) else sentence


def successor_of(key: str, keys: Mapping[str, DeclaredKey]) -> str:
    """The key that replaced this key of an earlier version; empty if none did."""
    return next((declared.name for declared in keys.values() if key and declared.key.replaces == key), "")


def homes(key: str) -> str:
    """The tables that have this key, in words."""
    return " or ".join(f"[{name}]" for name, table in TABLES.items() if key in keys_of(table))


def did_you_mean(word: str, names: Iterable[str], *, begin: str = "") -> str:
    """A suggestion for the end of a sentence, or nothing; `begin` is the common beginning of all names."""
    near = get_close_matches(word, list(names), n=1)
    return f"; did you mean {begin}{near[0]}?" if near else ""
