"""Check: the settings against this Koha, without changing anything; what is wrong, why it matters, the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.moment import Moment
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.check import connection_findings, database_findings, policy_findings
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.sections import codes_of
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.koha.inspect import clock, flag_fields, missing_columns, rights, unknown_codes
from gentle_nudge.settings import Settings
from gentle_nudge.store.tables import metadata
from gentle_nudge.texts.environment import Texts

if TYPE_CHECKING:
    from sqlalchemy import Connection

HINDERING = frozenset({"grant-missing", "koha-table-missing", "koha-column-missing"})
ORDER = tuple(Severity)


@dataclass(kw_only=True)
class Checkup:
    """The findings so far; a question that an earlier finding makes impossible is passed over."""

    found: list[Finding] = field(default_factory=list)

    def ask(self, question: Callable[[], Iterable[Finding]]) -> None:
        """The answers are among the findings."""
        answers: list[Finding] = []
        try:
            answers += question()
        except (UserError, SQLAlchemyError):
            if not self.is_hindered:
                raise
        self.found += answers

    @property
    def is_hindered(self) -> bool:
        """Whether something is missing without which not everything can be asked."""
        return any(finding.name in HINDERING for finding in self.found)


def check(library: Library, moment: Moment) -> list[Finding]:
    """Every finding, the gravest first."""
    checkup = Checkup()
    checkup.ask(partial(_settings, library.settings))
    checkup.ask(partial(templates, library.texts))
    _rights_and_tables(library, checkup)
    with read_only(library.engine) as conn:
        _database(conn, library, moment, checkup)
    checkup.ask(partial(connection_findings.answers, library))
    return sorted(dict.fromkeys(checkup.found), key=lambda finding: ORDER.index(finding.severity))


def _settings(settings: Settings) -> Iterable[Finding]:
    for lack in settings.lacks:
        yield Finding(
            name="settings-incomplete",
            what=lack,
            why="Nobody is referred, updated or released before it is given: nightly and sync refuse.",
            way_out="Add it. All keys and what they mean: gentle-nudge config example",
        )
    for warning in settings.warnings:
        yield Finding(
            name="password-file-open",
            severity=Severity.WARNING,
            what=warning,
            why="Whoever can read it may use the password.",
            way_out="Make it readable by its owner only: chmod 600",
        )


def templates(texts: Texts) -> Iterable[Finding]:
    """The templates of the library's own that fail with sample values."""
    for file, reason in texts.failing():
        yield Finding(
            name="template-fails",
            what=f"The template {file} fails: {reason}.",
            why="Mails leave with the packaged text instead.",
            way_out="Mend the file, or remove it.",
        )


def _rights_and_tables(library: Library, checkup: Checkup) -> None:
    """The rights of the database user, and whether Koha's tables are those we know; outside a transaction."""
    with library.engine.connect() as conn:
        ours = [table for table in metadata.sorted_tables if database_findings.is_there(conn, table.name)]
        lacking = rights.lacking(conn, ours)
        checkup.ask(partial(rights.missing, conn, lacking))
        checkup.ask(partial(missing_columns.unfit, conn, {right.table for right in lacking}))


def _database(conn: Connection, library: Library, moment: Moment, checkup: Checkup) -> None:
    named_zone = library.settings.koha.timezone
    checkup.ask(partial(database_findings.our_tables, conn, library))
    checkup.ask(partial(clock.clock, conn, library.instance, moment.now, named_zone))
    checkup.ask(partial(database_findings.plugin_at_work, conn, library, moment))
    found: list[Section] = []
    checkup.ask(partial(database_findings.sections, conn, library.settings, found))
    _sections(conn, found, moment, checkup)
    checkup.ask(partial(connection_findings.people, conn, library, found))


def _sections(conn: Connection, sections: Sequence[Section], moment: Moment, checkup: Checkup) -> None:
    submitting = [section for section in sections if section.enabled]
    codes = [codes_of(section) for section in sections]
    checkup.ask(partial(unknown_codes.misfits, conn, codes))
    checkup.ask(partial(unknown_codes.doubts, conn, codes))
    checkup.ask(partial(flag_fields.flags, conn, [section.policy.flag for section in sections]))
    checkup.ask(partial(flag_fields.exemptions, conn, [section.policy.exemption for section in submitting]))
    for section in submitting:
        checkup.ask(partial(policy_findings.window, section, moment.day))
        checkup.ask(partial(database_findings.too_old, conn, section, moment))
    for section in sections:
        checkup.ask(partial(database_findings.to_adopt, conn, section, moment))
        checkup.ask(partial(database_findings.last_success, conn, section, moment))
