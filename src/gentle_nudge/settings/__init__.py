"""The library's settings as typed, frozen values; every problem with them in one message."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.errors import SettingsError
from gentle_nudge.settings.constraints import check, examples
from gentle_nudge.settings.parsing import Problem
from gentle_nudge.settings.section_policies import Groups, Tables, group_problems, missing, parse_tables, sections_of
from gentle_nudge.settings.sources import SYSTEM_WIDE, KeyPlaces, NotConfigured, read

__all__ = ["Needs", "NotConfigured", "Settings", "load"]

Needs = Literal["koha", "policy"]
HINT = "Every key and what it means: gentle-nudge config example"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings(Tables):
    """The library's settings, valid and frozen.

    `lacks` names the keys of a policy that are still missing; without them there are no sections. `examples` are
    problems only where something is really sent. `warnings` are sentences that stop nothing.
    """

    file: Path | None
    places: KeyPlaces
    lacks: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def refuse_examples(self) -> None:
        """SettingsError if something would be sent to an example."""
        _raise(self.examples, "Write the true address, or nothing. To try things out, set maildir in [mail].")

    def with_groups(self, groups: Groups, *, whole: bool = True) -> tuple[Section, ...]:
        """The sections; `groups` holds the branches of each group in Koha, subgroups included.

        SettingsError if a group is missing, is empty or shares a branch, and if the policy lacks a key, unless it need
        not be `whole`.
        """
        _raise([*(self.lacks if whole else ()), *map(self.places.sentence, group_problems(self, groups))])
        return sections_of(self, groups)


def load(
    config: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    needs: Needs = "policy",
    system_wide: Path = SYSTEM_WIDE,
) -> Settings:
    """The settings from file and environment, with every key that this command needs.

    NotConfigured if there are none; SettingsError names every problem.
    """
    raw = read(config, environ, system_wide=system_wide)
    tables = parse_tables(raw.data, raw.folder)
    lacking = tuple(missing(tables))
    broken = (*raw.problems, *tables.problems)
    others = (*check(tables), *(lacking if needs == "policy" else ()))
    _raise(map(raw.places.sentence, (*broken, *_not_about(broken, others))))
    return Settings(
        **{field.name: getattr(tables, field.name) for field in fields(Tables)},
        file=raw.file,
        places=raw.places,
        lacks=tuple(map(raw.places.sentence, lacking)),
        examples=tuple(map(raw.places.sentence, examples(tables))),
        warnings=tuple(raw.warnings),
    )


def _not_about(broken: Iterable[Problem], others: Iterable[Problem]) -> tuple[Problem, ...]:
    """The other problems, without the problems that involve a broken key."""
    places = [loc for problem in broken for loc in problem.about]
    return tuple(
        problem for problem in others if not any(loc[: len(each)] == each for loc in problem.about for each in places)
    )


def _raise(sentences: Iterable[str], hint: str = HINT) -> None:
    if problems := tuple(dict.fromkeys(sentences)):
        raise SettingsError(problems, hint)
