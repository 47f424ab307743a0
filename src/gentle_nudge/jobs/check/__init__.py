"""Check: compare the settings with this Koha and change nothing; each finding says why it matters and the way out."""

from __future__ import annotations

import stat
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain

from sqlalchemy import Connection, inspect

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.moment import Moment
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.jobs.check import (
    connection_findings,
    database_findings,
    outcome_findings,
    policy_findings,
    reminder_findings,
)
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.night.due import stopped
from gentle_nudge.jobs.sections import codes_of, uses_of
from gentle_nudge.jobs.timeline.answers import circulation
from gentle_nudge.jobs.transaction import in_our_words, read_only
from gentle_nudge.koha.inspect import clock, flag_fields, missing_columns, rights, unknown_codes
from gentle_nudge.settings import Settings
from gentle_nudge.store.tables import metadata
from gentle_nudge.texts.environment import Texts

# After one of these findings an error only ends the answers to a question: not everything can be asked any more.
HINDERING = frozenset(
    {"grant-missing", "koha-table-missing", "koha-column-missing", "own-tables-missing", "word-not-storable"}
)
ORDER = tuple(Severity)


def check(library: Library, moment: Moment) -> list[Finding]:
    """Every finding, the gravest first."""
    findings: list[Finding] = []
    with closing(_questions(library, moment)) as questions:
        for answers in questions:
            try:
                with in_our_words():
                    findings += answers
            except GentleNudgeError:
                if not any(finding.name in HINDERING for finding in findings):
                    raise
    return sorted(dict.fromkeys(findings), key=lambda finding: ORDER.index(finding.severity))


def _questions(library: Library, moment: Moment) -> Generator[Iterator[Finding], None, None]:
    """The questions; each has to be answered before the next one is made."""
    yield _settings(library.settings)
    yield _password_in_url(library.settings)
    yield templates(library.texts)
    with in_our_words(), library.engine.connect() as conn:  # rights.lacking explains statements that write
        present = inspect(conn).get_table_names()
        uses = uses_of(library.settings)
        lacking = rights.lacking(conn, [table for table in metadata.sorted_tables if table.name in present], uses)
        yield rights.missing(conn, lacking)
        yield missing_columns.unfit(conn, uses.unused_tables.union(right.table for right in lacking))
    with read_only(library.engine) as conn:
        yield rights.forbidding(conn)
        yield database_findings.our_tables(conn, library)
        yield clock.clock(conn, library.instance, moment.now, library.settings.koha.timezone)
        yield database_findings.dated_ahead(conn, moment)
        yield database_findings.plugin_at_work(conn, library, moment)
        yield outcome_findings.outcomes(conn, moment)
        yield reminder_findings.reminders(conn, library, moment)
        yield circulation(conn, library, moment.today)
        yield (finding for finding in stopped(conn, library.families, moment) if finding.severity is Severity.PROBLEM)
        sections: list[Section] = []
        yield database_findings.sections(conn, library.settings, sections)
        yield from _questions_about(sections, conn, moment)
        has_folder = library.settings.staff.folder is not None
        for section in (each for each in sections if each.enabled):
            yield policy_findings.lists(section, moment.day, has_folder=has_folder)
        yield connection_findings.people(conn, library, sections)
        yield connection_findings.held(conn, library)
    yield connection_findings.answers(library)
    yield connection_findings.watchers(library.settings.monitoring)


def _questions_about(sections: Sequence[Section], conn: Connection, moment: Moment) -> Iterator[Iterator[Finding]]:
    codes = [codes_of(section) for section in sections]
    submitting = [section for section in sections if section.enabled]
    yield policy_findings.paid_patrons(sections)
    yield chain.from_iterable(policy_findings.words(conn, section) for section in sections)
    yield unknown_codes.misfits(conn, codes)
    yield unknown_codes.doubts(conn, codes)
    yield database_findings.shared_birth_dates(conn)
    yield database_findings.untold_submissions(conn)
    yield database_findings.restrictions_left(conn, sections, moment)
    yield flag_fields.flags(conn, [section.policy.flag for section in sections])
    yield flag_fields.exemptions(conn, [section.policy.exemption for section in submitting])
    yield flag_fields.holds(conn, [section.policy.patron_fields for section in sections])
    for section in submitting:
        yield policy_findings.window(section, moment.day)
        yield policy_findings.notices(conn, section, moment.day)
        yield database_findings.too_old(conn, section, moment)
    for section in sections:
        yield database_findings.to_adopt(conn, section, moment)


def _settings(settings: Settings) -> Iterator[Finding]:
    for lack in settings.lacks:
        yield Finding(
            name="settings-incomplete",
            what=lack,
            why="Nobody is referred, updated or released before it is given: nightly and sync refuse.",
            way_out="Add it. All keys and what they mean: gentle-nudge config example",
        )
    for example in settings.examples:
        yield Finding(
            name="address-is-example",
            what=example,
            why="It exists nowhere, so nothing would arrive: outside a test copy nightly, sync and deliver refuse.",
            way_out="Write the true address. To try things out, set maildir in [mail].",
        )
    for warning in settings.warnings:
        yield Finding(
            name="password-file-open",
            severity=Severity.WARNING,
            what=warning,
            why="Whoever can read it may use the password.",
            way_out="Make it readable by its owner only: chmod 600",
        )


def _password_in_url(settings: Settings) -> Iterator[Finding]:
    url, loc = settings.koha.url, ("koha", "url")
    if url is None or settings.file is None or settings.places.origin(loc) != settings.places.file:
        return
    has_password = url.password or {"password", "passwd"} & url.query.keys()
    if has_password and settings.file.stat().st_mode & stat.S_IROTH:
        yield Finding(
            name="url-password-open",
            severity=Severity.WARNING,
            what=f"{settings.places.place(loc)}: everybody on this machine can read the file with the password in it.",
            why="Whoever can read it may use the password, with all rights of that user in Koha's database.",
            way_out="Put the password into a file of its own and name that as password_file in [koha], or: chmod 600",
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
