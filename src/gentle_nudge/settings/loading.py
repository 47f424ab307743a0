"""The settings as the rest of the program sees them, or every problem with them in one message."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.errors import SettingsError
from gentle_nudge.settings.checks import check
from gentle_nudge.settings.judging import judged
from gentle_nudge.settings.keys import (
    AlertsTable,
    ArchiveTable,
    KohaTable,
    MailTable,
    MonitoringTable,
    SftpTable,
    Tables,
)
from gentle_nudge.settings.needs import Needs, missing
from gentle_nudge.settings.problems import Origins, Problem
from gentle_nudge.settings.reading import SYSTEM_WIDE, RawSettings, read
from gentle_nudge.settings.secrets import opened
from gentle_nudge.settings.sections import Groups, group_problems, groups_named, sections_of

HINT = "Every key and what it means: gentle-nudge config example"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the library wants, judged and frozen.

    `sections` is empty while a policy is incomplete (`lacks` says why), or while sections follow library groups of
    Koha (`groups`): then `with_groups` has them. `warnings` are sentences that stop nothing.
    """

    file: Path | None
    tables: Tables
    origins: Origins
    sections: tuple[Section, ...] = ()
    lacks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def koha(self) -> KohaTable:
        """Where Koha's database is."""
        return self.tables.koha

    @property
    def mail(self) -> MailTable:
        """How mail leaves."""
        return self.tables.mail

    @property
    def sftp(self) -> SftpTable | None:
        """Where reports are uploaded to."""
        return self.tables.sftp

    @property
    def archive(self) -> ArchiveTable:
        """Copies of the reports, and how long things are kept."""
        return self.tables.archive

    @property
    def alerts(self) -> AlertsTable:
        """Who is told of trouble."""
        return self.tables.alerts

    @property
    def monitoring(self) -> MonitoringTable:
        """What watches over the nights."""
        return self.tables.monitoring

    @property
    def groups(self) -> frozenset[str]:
        """The library groups that `with_groups` has to be told the branches of."""
        return groups_named(self.tables)

    def with_groups(self, groups: Groups) -> tuple[Section, ...]:
        """The sections, once Koha has told the branches of each group (subgroups included).

        SettingsError for groups that are not there, are empty, or share a branch.
        """
        _raise(group_problems(self.tables, groups), self.origins)
        return sections_of(self.tables, groups)


def load(
    config: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    needs: Needs = "policy",
    system_wide: Path = SYSTEM_WIDE,
) -> Settings:
    """The settings from file and environment, with every key that this command needs.

    NotConfigured if there are none; SettingsError with every problem if there are any.
    """
    given = read(config, environ, system_wide=system_wide)
    tables, misfits = judged(given.data, given.file.parent if given.file else None)
    secrets = opened(tables, given.origins)
    between = (*check(tables), *missing(tables, needs), *secrets.problems)
    known = (*given.problems, *misfits)
    _raise((*known, *_not_about(known, between)), given.origins)
    return _settings(secrets.tables, given, secrets.warnings)


def _settings(tables: Tables, given: RawSettings, warnings: tuple[str, ...]) -> Settings:
    lacks = tuple(given.origins.sentence(problem) for problem in missing(tables, "policy"))
    return Settings(
        file=given.file,
        tables=tables,
        origins=given.origins,
        sections=() if lacks or groups_named(tables) else sections_of(tables, {}),
        lacks=lacks,
        warnings=warnings,
    )


def _not_about(known: Iterable[Problem], others: Iterable[Problem]) -> tuple[Problem, ...]:
    broken = [loc for problem in known for loc in problem.about]
    return tuple(
        problem for problem in others if not any(loc[: len(each)] == each for loc in problem.about for each in broken)
    )


def _raise(problems: tuple[Problem, ...], origins: Origins) -> None:
    if problems:
        raise SettingsError(tuple(dict.fromkeys(origins.sentence(problem) for problem in problems)), HINT) from None
