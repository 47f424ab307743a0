"""Import: the plugin's settings as a configuration of ours, and what changing over would mean tonight."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from gentle_nudge.domain.collections.judgement import Due
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords, why_not
from gentle_nudge.domain.moment import Moment
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.patrons.evidence import flagged_without_case, gather, line_rules, read_candidates
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.jobs.setup.plugin_settings import PluginSettings, rules, server
from gentle_nudge.jobs.setup.plugin_translation import Known, entries
from gentle_nudge.koha.read import administration, plugin_data
from gentle_nudge.settings.section_policies import parse_tables, sections_of
from gentle_nudge.texts.environment import Texts
from gentle_nudge.views.setup_view import Comparison

if TYPE_CHECKING:
    from sqlalchemy import Connection


PASSWORD_FILE = Path("/etc/gentle-nudge/sftp-password")


ONLY_MULTI = (
    "Of the Gentle Nudge plugins only the one for several configurations is installed. It never ran, so there is "
    "nothing to import."
)


BOTH = (
    "The Gentle Nudge plugin for several configurations is installed as well; it never ran, and nothing is taken of it."
)


LATER = "There is a password for the SFTP server; add --password-file FILE to have it written there."


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """The configuration, what is worth knowing about it, and the password (never shown)."""

    text: str
    findings: tuple[str, ...]
    comparison: Comparison | None
    password: str = field(repr=False)


def import_plugin(conn: Connection, moment: Moment, password_file: Path | None = None) -> Imported:
    """The plugin's settings as a configuration; UserError if the plugin is not installed here."""
    given = PluginSettings(stored=_stored(conn))
    known = Known(
        categories=administration.category_codes(conn),
        debit_types=frozenset(administration.debit_type_codes(conn)),
        attributes=frozenset(administration.attribute_types(conn)),
    )
    made = tuple(entries(given, known))
    uploads = server(given)
    findings = [trouble for entry in made for trouble in entry.troubles]
    findings += [BOTH] if plugin_data.settings_of(conn, plugin_data.MULTI) is not None else []
    findings += [LATER] if uploads and uploads.password and not password_file else []
    text = Texts().render(
        "imported-configuration.toml",
        entries=made,
        server=uploads,
        password_file=(password_file or PASSWORD_FILE).absolute(),
    )
    return Imported(
        text=text,
        findings=tuple(findings),
        comparison=_compare(conn, given, text, moment),
        password=uploads.password if uploads else "",
    )


def _stored(conn: Connection) -> dict[str, str]:
    stored = plugin_data.settings_of(conn)
    if stored is not None:
        return stored
    if plugin_data.settings_of(conn, plugin_data.MULTI) is not None:
        raise UserError(ONLY_MULTI, "Begin with: gentle-nudge config example")
    raise UserError("No Gentle Nudge plugin is installed in this Koha.", "Begin with: gentle-nudge config example")


def write_password(file: Path, password: str) -> None:
    """The file holds the password and nothing else, readable by its owner only; UserError if it cannot be written."""
    aside = file.with_name(f".{file.name}.part")
    try:
        aside.unlink(missing_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
            opened.write(f"{password}\n")
        aside.replace(file)
    except OSError as trouble:
        raise UserError(f"The password file {file} cannot be written: {trouble.strerror}.") from None


def _compare(conn: Connection, given: PluginSettings, text: str, moment: Moment) -> Comparison | None:
    """Who would be referred tonight by whom; None where the plugin or we could not refer anybody by these settings."""
    theirs, section = rules(given), section_of(text)
    if theirs is None or section is None:
        return None
    records = read_records(conn, section)
    flagged = flagged_without_case(conn, section, moment, records)
    numbers = {adoptee.candidate.patron.number for adoptee in flagged}
    limit = section.policy.clear_at_or_below
    by_plugin = plugin_data.referred(conn, theirs, moment.day, moment.zone)
    by_us = _referred(conn, section, moment, records)
    return Comparison(
        to_adopt=len(numbers),
        paid=sum(adoptee.candidate.account.balance <= limit for adoptee in flagged),
        silent=len(numbers - plugin_data.with_lines(conn, numbers)),
        theirs=dict(_reasons(conn, section, moment, records, numbers=by_plugin - by_us)),
        ours=dict.fromkeys(sorted(by_us - by_plugin), "not by the plugin's rules"),
    )


def section_of(text: str) -> Section | None:
    """The section that this configuration makes; None while its threshold or flag is missing (the fee may be)."""
    tables = parse_tables(tomllib.loads(text, parse_float=Decimal), None)
    if tables.problems:
        raise AssertionError([problem.about for problem in tables.problems])
    missing = tables.sections[0].missing
    return None if {"threshold", "flag"} & set(missing) else sections_of(tables, {})[0]


def _referred(conn: Connection, section: Section, moment: Moment, records: SectionRecords) -> frozenset[int]:
    due = Due(submission_due=True, update_due=False)
    with gather(conn, section, moment, records=records, due=due) as evidence:
        heirs = {case.heir.number for case in evidence.cases if case.heir}
        referred = {each.patron.number for each in evidence.candidates if why_not(each, section, moment.day) is None}
    return frozenset(referred - heirs)


def _reasons(
    conn: Connection, section: Section, moment: Moment, records: SectionRecords, *, numbers: frozenset[int]
) -> Iterator[tuple[int, str]]:
    for candidate in read_candidates(conn, section, records, numbers, rules=line_rules(section, moment, records)):
        yield candidate.patron.number, str(why_not(candidate, section, moment.day))
