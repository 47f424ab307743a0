"""Check: compare the settings with this Koha and change nothing; each finding says why it matters and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, inspect
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

HINDERING = frozenset({"grant-missing", "koha-table-missing", "koha-column-missing"})
ORDER = tuple(Severity)


@dataclass(kw_only=True)
class Checkup:
    """The findings so far."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, answers: Iterable[Finding]) -> None:
        """Add the findings as they come; after one of HINDERING, an error only ends them."""
        try:
            self.findings += answers
        except (UserError, SQLAlchemyError):
            if not any(finding.name in HINDERING for finding in self.findings):
                raise


def check(library: Library, moment: Moment) -> list[Finding]:
    """Every finding, the gravest first."""
    checkup = Checkup()
    checkup.add(_settings(library.settings))
    checkup.add(templates(library.texts))
    with library.engine.connect() as conn:  # rights.lacking explains statements that write
        present = inspect(conn).get_table_names()
        lacking = rights.lacking(conn, [table for table in metadata.sorted_tables if table.name in present])
        checkup.add(rights.missing(conn, lacking))
        checkup.add(missing_columns.unfit(conn, {right.table for right in lacking}))
    with read_only(library.engine) as conn:
        _database(conn, library, moment, checkup)
    checkup.add(connection_findings.answers(library))
    return sorted(dict.fromkeys(checkup.findings), key=lambda finding: ORDER.index(finding.severity))


def _database(conn: Connection, library: Library, moment: Moment, checkup: Checkup) -> None:
    checkup.add(database_findings.our_tables(conn, library))
    checkup.add(clock.clock(conn, library.instance, moment.now, library.settings.koha.timezone))
    checkup.add(database_findings.plugin_at_work(conn, library, moment))
    sections: list[Section] = []
    checkup.add(database_findings.sections(conn, library.settings, sections))
    codes = [codes_of(section) for section in sections]
    submitting = [section for section in sections if section.enabled]
    checkup.add(unknown_codes.misfits(conn, codes))
    checkup.add(unknown_codes.doubts(conn, codes))
    checkup.add(flag_fields.flags(conn, [section.policy.flag for section in sections]))
    checkup.add(flag_fields.exemptions(conn, [section.policy.exemption for section in submitting]))
    for section in submitting:
        checkup.add(policy_findings.window(section, moment.day))
        checkup.add(database_findings.too_old(conn, section, moment))
    for section in sections:
        checkup.add(database_findings.to_adopt(conn, section, moment))
        checkup.add(database_findings.last_success(conn, section, moment))
    checkup.add(connection_findings.people(conn, library, sections))


def _settings(settings: Settings) -> Iterator[Finding]:
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


def templates(texts: Texts) -> Iterator[Finding]:
    """The library's own templates that fail with the sample values."""
    for file, reason in texts.failing():
        yield Finding(
            name="template-fails",
            what=f"The template {file} fails: {reason}.",
            why="Mails leave with the packaged text instead.",
            way_out="Mend the file, or remove it.",
        )
