"""Import: make a configuration from the plugin's settings, and compare whom both would refer tonight."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Connection

from gentle_nudge.delivery.whole_files import write_over
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords, why_not
from gentle_nudge.domain.collections.submission_day import Due
from gentle_nudge.domain.moment import Moment
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.patrons.accounts import line_rules, read_candidates
from gentle_nudge.jobs.patrons.evidence import flagged_without_case, gather
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.jobs.patrons.shared_reads import SharedReads
from gentle_nudge.jobs.setup.plugin_settings import PluginSettings, rules, server
from gentle_nudge.jobs.setup.plugin_translation import KohaCodes, entries
from gentle_nudge.koha.read import administration, plugin_data
from gentle_nudge.settings.section_policies import parse_tables, sections_of
from gentle_nudge.texts.environment import Texts
from gentle_nudge.views.setup_view import Comparison

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
    """The configuration, findings about it, and the password (never shown)."""

    text: str
    findings: tuple[str, ...]
    comparison: Comparison | None
    password: str = field(repr=False)


def import_plugin(conn: Connection, moment: Moment, password_file: Path | None = None) -> Imported:
    """The plugin's settings as a configuration; UserError if the plugin is not installed."""
    stored, has_multi = plugin_data.settings_of(conn), plugin_data.settings_of(conn, plugin_data.MULTI) is not None
    if stored is None:
        sentence = ONLY_MULTI if has_multi else "No Gentle Nudge plugin is installed in this Koha."
        raise UserError(sentence, "Begin with: gentle-nudge config example")
    plugin = PluginSettings(stored=stored)
    codes = KohaCodes(
        categories=administration.category_codes(conn),
        debit_types=frozenset(administration.debit_type_codes(conn)),
        attributes=frozenset(administration.attribute_types(conn)),
    )
    keys, uploads = tuple(entries(plugin, codes)), server(plugin)
    password = uploads.password if uploads else ""
    file = (password_file or PASSWORD_FILE).absolute()
    text = Texts().render("imported-configuration.toml", entries=keys, server=uploads, password_file=file)
    findings = [trouble for key in keys for trouble in key.troubles]
    findings += [BOTH] if has_multi else []
    findings += [LATER] if password and not password_file else []
    comparison = _compare(conn, plugin, text, moment)
    return Imported(text=text, findings=tuple(findings), comparison=comparison, password=password)


def write_password(file: Path, password: str) -> None:
    """Write the password alone into the file, readable by its owner only; UserError if it cannot be written."""
    file = file.absolute()
    try:
        write_over(file, [f"{password}\n".encode()])
    except OSError as trouble:
        raise UserError(
            f"The password file {file} cannot be written: {trouble.strerror}.",
            "Name another by its full path, in a folder where this user may write: --password-file FILE",
        ) from None


def _compare(conn: Connection, plugin: PluginSettings, text: str, moment: Moment) -> Comparison | None:
    """Whom both would refer tonight; None if by these settings the plugin or we could refer nobody."""
    plugin_rules, section = rules(plugin), section_of(text)
    if plugin_rules is None or section is None:
        return None
    records = read_records(conn, section)
    flagged = flagged_without_case(conn, section, moment, records)
    numbers = {adoptee.candidate.patron.number for adoptee in flagged}
    limit = section.policy.clear_at_or_below
    by_plugin = plugin_data.referred(conn, plugin_rules, moment.day, moment.zone)
    by_us = _referred(conn, section, moment, records)
    ours = line_rules(section, moment, records)
    not_by_us = read_candidates(conn, section, records, by_plugin - by_us, rules=ours)
    return Comparison(
        to_adopt=len(numbers),
        paid=sum(adoptee.candidate.account.balance <= limit for adoptee in flagged),
        silent=len(numbers - plugin_data.with_lines(conn, numbers)),
        theirs={each.patron.number: str(why_not(each, section, moment.day)) for each in not_by_us},
        ours=dict.fromkeys(sorted(by_us - by_plugin), "not by the plugin's rules"),
    )


def section_of(text: str) -> Section | None:
    """The section of this configuration; None if its threshold or flag is missing (the fee may be missing)."""
    tables = parse_tables(tomllib.loads(text, parse_float=Decimal), None)
    if tables.problems:
        raise AssertionError([problem.about for problem in tables.problems])
    missing = tables.sections[0].missing
    return None if {"threshold", "flag"} & set(missing) else sections_of(tables, {})[0]


def _referred(conn: Connection, section: Section, moment: Moment, records: SectionRecords) -> frozenset[int]:
    due = Due(submission_due=True, update_due=False)
    with gather(conn, section, moment, records=records, due=due, shared=SharedReads([section], moment)) as evidence:
        heirs = {case.heir.number for case in evidence.cases if case.heir}
        referred = {each.patron.number for each in evidence.candidates if why_not(each, section, moment.day) is None}
    return frozenset(referred - heirs)
