"""Findings about our tables, the sections, the plugin, charges too old to count, and the last success."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from gentle_nudge.domain.collections.anomalies import HELD_WAY_OUT
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import SettingsError, UserError
from gentle_nudge.jobs.identity import refuse_elsewhere
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.patrons.accounts import line_rules, ownership_of, read_candidates
from gentle_nudge.jobs.patrons.evidence import unadopted
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.jobs.sections import held_cases, orphans, refuse_shared_patrons, sections_of
from gentle_nudge.jobs.sending.manage import cancelled_submissions
from gentle_nudge.koha.read import borrowers, debarments, plugin_data
from gentle_nudge.koha.read.administration import branches_of_groups
from gentle_nudge.koha.read.candidates import owing_patrons, unpaid_lines
from gentle_nudge.settings import Settings
from gentle_nudge.store import cases, meta
from gentle_nudge.store.dates_ahead import dates_ahead

# A charge is never older than this.
A_LIFETIME = 36_500

# So many patrons may have been born on one day. Of the dates that more share, the most shared are named.
BORN_ON_ONE_DAY, DATES_NAMED = 20, 10

PATRONS_NAMED = 20


def our_tables(conn: Connection, library: Library) -> Iterator[Finding]:
    """Whether our tables are there, of this version, and belong here."""
    if wrong := meta.missing_or_old(conn):
        yield Finding(
            name="own-tables-missing",
            what=wrong,
            why="The cases and the reports are kept in them; without them only dry runs are possible.",
            way_out=f"{meta.RUN_INIT} (as a user that may create tables: gentle-nudge grants)",
        )
        return
    try:
        refuse_elsewhere(conn, library.instance)
    except UserError as trouble:
        why = "A copy must not act as the library: nightly, sync and deliver refuse."
        yield Finding(name="own-tables-elsewhere", what=trouble.sentence, why=why, way_out=trouble.hint)
        return
    try:
        library.refuse_other_database()
    except UserError as trouble:
        why = "What was told since the backup would be told again, and charged again."
        yield Finding(name="restored-from-backup", what=trouble.sentence, why=why, way_out=trouble.hint)


def dated_ahead(conn: Connection, moment: Moment) -> Iterator[Finding]:
    """Whether a run, a case or a delivery of ours is dated ahead."""
    if meta.missing_or_old(conn):
        return
    ahead = dates_ahead(conn, moment)
    if ahead:
        claims, others = counted(len(ahead.claims), "delivery", "deliveries"), counted(ahead.others, "other date")
        numbers = f"{counted(len(ahead.runs), 'run')}, {claims} being sent and {others}"
        yield Finding(
            name="dated-ahead",
            what=f"{numbers} of ours lie ahead of {moment.today}: a clock was wrong then, or is wrong now.",
            why="No night can be made for a day before the last one, and what is kept or awaited for some days waits.",
            way_out="Set the clock if it is wrong now; if it is right: gentle-nudge init --clock-mended",
        )


def plugin_at_work(conn: Connection, library: Library, moment: Moment) -> Iterator[Finding]:
    """Whether a plugin of the same purpose is enabled."""
    names = plugin_data.enabled(conn) if library.runs_plugins else ()
    way_out = "Disable it in Koha (Administration, Manage plugins)."
    if names and (worked := plugin_data.at_work(conn, moment.now)):
        yield Finding(
            name="plugin-at-work",
            what=f"The plugin {names[0]} is enabled and was at work on {worked.astimezone(moment.zone).date()}.",
            why="Patrons would be referred and charged by both, so nightly makes no submission beside it.",
            way_out=f"{way_out} Its settings as a configuration: gentle-nudge import-plugin",
        )
    elif names:
        days = plugin_data.AT_WORK_WITHIN.days
        yield Finding(
            name="plugin-enabled",
            severity=Severity.WARNING,
            what=f"The plugin {names[0]} is enabled, but was not at work within {days} days.",
            why="Once it works again, no submission is made here, or patrons are referred and charged by both.",
            way_out=way_out,
        )


def sections(conn: Connection, settings: Settings, usable: list[Section]) -> Iterator[Finding]:
    """What is wrong with the sections. They are added to `usable` if a night could work with them."""
    if settings.lacks:
        return
    groups = branches_of_groups(conn, settings.groups)
    unknown = [name for name in sorted(settings.groups) if not groups.get(name)]
    for name in unknown:
        yield Finding(
            name="group-unknown",
            what=f"Koha has no library group {name}, or it holds no branch.",
            why="Nobody knows which branches the section speaks for, so no night can begin.",
            way_out="Mend group in the settings, or the group in Koha (Administration, Library groups).",
        )
    if unknown:
        return
    try:
        usable += sections_of(conn, settings)
    except SettingsError as trouble:
        for problem in trouble.problems:
            why = "Two sections would speak for one branch, so no night can begin."
            way_out = "Let each branch be in one section only: name branches instead of a group, or another group."
            yield Finding(name="sections-overlap", what=problem, why=why, way_out=way_out)
        return
    yield from cases_of_sections(conn, usable)


def cases_of_sections(conn: Connection, usable: Sequence[Section]) -> Iterator[Finding]:
    """Cases that no section, or more than one, would speak for."""
    try:
        refuse_shared_patrons(conn, usable)
    except UserError as trouble:
        why = "No night begins and no sync is made: two agencies would be told of the same charges."
        yield Finding(name="charges-by-changed", what=trouble.sentence, why=why, way_out=trouble.hint)
    held = held_cases(conn, usable)
    for name, count in held.items():
        yield Finding(
            name="section-held",
            what=f"Section {name} is gone from the settings, and its reports went to others than those who would get "
            f"them now: {counted(count, 'case is', 'cases are')} held.",
            why="Nobody is told of them, so the agency does not hear who has paid. Nobody of them is referred again.",
            way_out=f"{HELD_WAY_OUT[0].upper()}{HELD_WAY_OUT[1:].format(name=name)}.",
        )
    for name in (name for name in orphans(conn, tuple(usable)) if name not in held):
        yield Finding(
            name="section-gone",
            severity=Severity.WARNING,
            what=f"There are open cases of section {name}, which the settings do not name any more.",
            why="They are updated and released by the rules of another section.",
            way_out=f"Name it as formerly in the section that took over, or: gentle-nudge cases move {name} NEW",
        )


def too_old(conn: Connection, section: Section, moment: Moment) -> Iterator[Finding]:
    """Patrons who owe enough, but for charges that are older than the window and will never count again."""
    newer = max(section.policy.count_fees_newer_than, section.policy.count_fees_older_than)
    if newer >= A_LIFETIME:
        return
    past = replace(section.policy, count_fees_older_than=newer + 1, count_fees_newer_than=A_LIFETIME)
    records, threshold = read_records(conn, section), section.policy.threshold
    rules = line_rules(replace(section, policy=past), moment, records)
    # Everybody would be looked at line by line who ever was a minor or was withdrawn: the scan counts their charges.
    scanned = replace(rules, majority=None, withdrawn={})
    unpaid = unpaid_lines(conn, scanned.window, scanned.zone)
    ownership = ownership_of(conn, section, records, ())
    owing = owing_patrons(conn, unpaid, rules=scanned, ownership=ownership, threshold=threshold)
    suspected = {*owing.enough, *owing.unsure} - records.open_cases.keys()
    missed = sum(
        section.scope.holds(each.patron.branch) and not each.patron.is_flagged and each.account.owed >= threshold
        for each in read_candidates(conn, section, records, suspected, rules=rules)
    )
    whose = f"of section {section.name}"
    if missed:
        yield Finding(
            name="charges-too-old",
            severity=Severity.WARNING,
            what=f"{counted(missed, f'patron {whose} owes', f'patrons {whose} owe')} the threshold or more for charges "
            f"older than {counted(newer, 'day')}.",
            why="Those charges can never be young enough again: the patrons are not referred for them.",
            way_out="For a first submission with a backlog, set count_fees_newer_than to a greater age.",
        )


def to_adopt(conn: Connection, section: Section, moment: Moment) -> Iterator[Finding]:
    """More patrons flagged without a case than a night may adopt."""
    most = section.policy.most_adoptions
    if len(borrowers.flagged(conn, section.policy.flag)) <= most:
        return
    waiting = len(unadopted(conn, section, moment, read_records(conn, section)))
    if waiting > most:
        yield Finding(
            name="patrons-to-adopt",
            severity=Severity.WARNING,
            what=f"{counted(waiting, 'patron is', 'patrons are')} flagged without a case in section {section.name}; a "
            f"night may adopt {most}.",
            why="None of them is updated or released, and no submission is made.",
            way_out="Look at them and adopt them: gentle-nudge init --adopt",
        )


def shared_birth_dates(conn: Connection) -> Iterator[Finding]:
    """Dates of birth that more patrons share than can have been born on one day."""
    shared = borrowers.shared_birth_dates(conn, BORN_ON_ONE_DAY)
    if shared:
        dates = ", ".join(f"{born} ({patrons} patrons)" for born, patrons in shared[:DATES_NAMED])
        rest = f", and {counted(len(shared) - DATES_NAMED, 'more date')}" if len(shared) > DATES_NAMED else ""
        yield Finding(
            name="birth-date-shared",
            severity=Severity.WARNING,
            what=f"More than {BORN_ON_ONE_DAY} patrons each have the date of birth {dates}{rest}.",
            why="A date saved because the true one is unknown makes a minor an adult, or an adult a minor.",
            way_out="Empty it where it is not true; unknown_birthdate then says whether these patrons are referred.",
        )


def untold_submissions(conn: Connection) -> Iterator[Finding]:
    """The submissions that were cancelled while their patrons are in collections."""
    for untold in () if meta.missing_or_old(conn) else cancelled_submissions(conn):
        yield Finding(
            name="submission-cancelled",
            severity=Severity.WARNING if untold.by_person else Severity.PROBLEM,
            what=untold.sentence,
            why="These patrons are flagged and charged, and the agency does not know who they are.",
            way_out=untold.way_out,
        )


def restrictions_left(conn: Connection, sections: Sequence[Section], moment: Moment) -> Iterator[Finding]:
    """Restrictions of ours that block patrons who have no open case, and whom no night will adopt."""
    has_cases = meta.read_meta(conn) is not None
    policies = [section.policy for section in sections]
    awaited = set(cases.open_case_patrons(conn)) if has_cases else set[int]()
    awaited = awaited.union(*(borrowers.flagged(conn, flag) for flag in {policy.flag for policy in policies}))
    blocks = [block for block in debarments.active_comments(conn, moment.today) if block[0] not in awaited]
    made = cases.restrictions_as_made(conn, {patron for patron, _, _ in blocks}) if has_cases else frozenset()
    left = [
        patron
        for patron, number, comment in blocks
        if (number, comment) in made or any(policy.made_this_comment(comment) for policy in policies)
    ]
    if left:
        patrons = sorted(set(left))
        rest = f", and {len(patrons) - PATRONS_NAMED} more" if len(patrons) > PATRONS_NAMED else ""
        yield Finding(
            name="restriction-without-case",
            severity=Severity.WARNING,
            what=f"{counted(len(left), 'restriction of ours blocks', 'restrictions of ours block')} patrons who have "
            "no open case: patron number "
            f"{', '.join(map(str, patrons[:PATRONS_NAMED]))}{rest}.",
            why="They cannot borrow, and no night will lift it: the case ended without that, or was never ours.",
            way_out="Lift the restriction in Koha, on the patron's page. To keep it, give it a comment of your own.",
        )
