"""Findings about reminders: letters, periods, codes, and what waits in Koha's queue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from sqlalchemy import Connection

from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.reminders.letter import DEFAULT, chosen
from gentle_nudge.domain.reminders.levels import Level
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.reminders.compose import Stationery, stationery
from gentle_nudge.jobs.reminders.reminded_sections import Reminding, misfits, reminded_sections, reminds
from gentle_nudge.koha.read import letters, message_queue
from gentle_nudge.koha.read.administration import branch_codes, preferences
from gentle_nudge.store import meta, reminder_series

A_WEEK_LESS_A_DAY = 6  # submissions are weekly
DAYS_IN_THE_QUEUE = 3
WRITE_IT = "Write it in Koha (Tools, Notices & slips, module Circulation)."


def reminders(conn: Connection, library: Library, moment: Moment) -> Iterator[Finding]:
    """Everything about reminders, if there are some, or were."""
    sections: Sequence[Reminding] = ()
    if reminds(library.settings):
        try:
            sections = reminded_sections(conn, library.settings)
        except UserError:
            return  # groups of sections that Koha does not have are another finding
    yield from misfits(conn, sections, exclusions=True)
    branches, languages = branch_codes(conn), letters.languages(conn) if sections else frozenset[str]()
    for each in sections:
        paper = stationery(conn, each, moment)
        spoken = {DEFAULT, *languages} if paper.correspondence.translates else {DEFAULT}
        here = sorted(code for code in branches if each.section.scope.holds(code))
        for level, step in each.remind.steps.items():
            yield from bad_letters(paper, level)
            for language in sorted(spoken):
                yield from missing_letters(paper, step, here, language)
        yield from window(each)
    if sections and preferences(conn, ["SendAllEmailsTo"])["SendAllEmailsTo"].strip():
        yield Finding(
            name="remind-print-is-not-redirected",
            severity=Severity.NOTE,
            what="Koha sends all e-mail to one address (SendAllEmailsTo), and prints letters as ever.",
            why="On a test system letters by print would reach patrons.",
            way_out='There, set transports = ["email"] in [remind].',
        )
    if not meta.missing_or_old(conn):
        yield from left_restrictions(conn, library)
        yield from waiting_messages(conn, moment)


def bad_letters(paper: Stationery, level: int) -> Iterator[Finding]:
    """The rows of a level that cannot be used."""
    for bad in paper.bad[level]:
        yield Finding(
            name="remind-letter-bad",
            what=f"Section {paper.reminding.section.name}: {bad.sentence}.",
            why=f"Level {level} is sent to nobody of the section, with no fee and no restriction.",
            way_out="Mend it in Koha (Tools, Notices & slips). All placeholders: docs/reference/reminder-letters.md",
        )


def missing_letters(paper: Stationery, step: Level, branches: Sequence[str], language: str) -> Iterator[Finding]:
    """The transports of a level by which some branches have no letter in this language."""
    rows, transports = paper.rows_of(step), step.transports or ()
    lacking = {
        way: [branch for branch in branches if chosen(rows, branch, way, language) is None] for way in transports
    }
    for way, without in lacking.items():
        if not without:
            continue
        others = [each for each in transports if each != way and not set(without) & set(lacking[each])]
        of_language = f" in {language} or the default language" if language != DEFAULT else ""
        yield Finding(
            name="remind-letter-missing",
            severity=Severity.WARNING if others else Severity.PROBLEM,
            what=f"Koha has no notice {step.letter} by {way}{of_language} for {', '.join(without)}.",
            why=f"Whom only {way} reaches is not reminded." if others else "Nobody there is reminded by this level.",
            way_out=f"{WRITE_IT} Or leave {way} out of transports.",
        )


def window(reminding: Reminding) -> Iterator[Finding]:
    """Periods up to a letter of `prior_notice` that outlast the window of referral."""
    policy, section = reminding.section.policy, reminding.section.name
    days = reminding.remind.days_until(frozenset(policy.prior_notice))
    needed = 0 if days is None else days + policy.prior_notice_days + A_WEEK_LESS_A_DAY
    newer = max(policy.count_fees_newer_than, policy.count_fees_older_than)
    if needed > newer:
        yield Finding(
            name="remind-window",
            severity=Severity.WARNING,
            what=f"In section {section} a charge can be up to {needed} days old before the letter of prior_notice is "
            f"old enough, and count_fees_newer_than is {newer}.",
            why="The charges leave the window before, and are never referred.",
            way_out=f"Let count_fees_newer_than be {needed} at least, or shorten after_days of the levels.",
        )


def left_restrictions(conn: Connection, library: Library) -> Iterator[Finding]:
    """Restrictions of series whose section is gone from the settings."""
    known = {
        name for draft in library.settings.drafts if draft.remind for name in (draft.keys.name, *draft.keys.formerly)
    }
    left = [series for series in reminder_series.in_state(conn, None, None) if series.has_restriction]
    for section in sorted({series.section for series in left} - known):
        numbers = [series.patron for series in left if series.section == section]
        yield Finding(
            name="remind-restrictions-left",
            what=f"{counted(len(numbers), 'restriction')} of reminders of section {section} stand, and the settings "
            "have no reminders of that section any more.",
            why="Nobody lifts them when the debt is paid.",
            way_out=f"gentle-nudge remind stop number:{numbers[0]} --reason TEXT; or put the section back, or name it "
            "in formerly of another.",
        )


def waiting_messages(conn: Connection, moment: Moment) -> Iterator[Finding]:
    """Messages that have waited in Koha's queue for days."""
    since = moment.now - timedelta(days=DAYS_IN_THE_QUEUE)
    old = {message: patron for message, (patron, at) in reminder_series.unsettled(conn).items() if at < since}
    pending = [each for each, (state, _) in message_queue.states(conn, old).items() if state == "pending"]
    if pending:
        yield Finding(
            name="remind-messages-wait",
            severity=Severity.WARNING,
            what=f"{counted(len(pending), 'reminder')} waited in Koha's queue for more than {DAYS_IN_THE_QUEUE} days.",
            why="Nobody has got them, and no further level is sent.",
            way_out="Look whether Koha's process_message_queue.pl and gather_print_notices.pl run.",
        )
