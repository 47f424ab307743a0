"""Restore: a database that came from a backup gets back what was reported since the backup.

The archive's note says which deliveries were sent, its files say whom the submissions referred. Koha's own rows of the
lost days, our fees included, are not made again: the next reports say what Koha says now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import Connection

from gentle_nudge.delivery.archive import ArchiveOutlet
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.changes import Action, OpenCase, set_flag
from gentle_nudge.domain.collections.plan import Adoption
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.restriction import restriction_changes
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.outbox import UNDELIVERED
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.restore_journal import Journal, SentDelivery
from gentle_nudge.domain.run import RunCounts
from gentle_nudge.jobs.identity import LOGGED_AS
from gentle_nudge.jobs.koha_log import log_ours
from gentle_nudge.jobs.patrons.accounts import line_rules, with_accounts
from gentle_nudge.jobs.patrons.carry_out import carry_out_and_log
from gentle_nudge.jobs.patrons.evidence import holdings_of
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.jobs.sections import section_for
from gentle_nudge.jobs.sending.restore_mark import forgotten, is_restored
from gentle_nudge.jobs.setup.adopt import open_cases
from gentle_nudge.koha.read import borrowers
from gentle_nudge.reports.read_back import Submission, read_submission
from gentle_nudge.store import cases, deliveries, meta, report_files, runs
from gentle_nudge.store.runs import Claim


@dataclass(frozen=True, kw_only=True)
class LostDeliveries:
    """Sent deliveries and submissions that the archive knows and the database does not."""

    journal: Journal
    delivered: tuple[SentDelivery, ...] = ()
    submissions: tuple[Submission, ...] = ()

    @property
    def fees(self) -> tuple[Decimal, ...]:
        """The fees charged with these submissions; Koha has lost them."""
        return tuple(row.fee for submission in self.submissions for row in submission.rows if row.fee)


@dataclass(frozen=True, kw_only=True, slots=True)
class Restoration:
    """How many deliveries were marked as sent, cases marked for the next report, patrons put back into collections.

    `gone` counts the patrons of lost submissions that the restored Koha does not have.
    """

    sent: int
    reported: int
    adopted: int
    gone: int


def look(
    conn: Connection, archive: ArchiveOutlet, journal: Journal, sections: Sequence[Section]
) -> LostDeliveries | None:
    """What was lost since the backup; None if this database is not older than the archive's note."""
    if not is_restored(conn, journal):
        return None
    submissions = tuple(_lost_submissions(conn, archive, journal, sections))
    return LostDeliveries(journal=journal, delivered=forgotten(conn, journal), submissions=submissions)


def _lost_submissions(
    conn: Connection, archive: ArchiveOutlet, journal: Journal, sections: Sequence[Section]
) -> Iterator[Submission]:
    """The archived submissions of days without a run; those that reached nobody are made anew and left out here."""
    for path in archive.reports():
        content = path.read_bytes()
        submission, sha256 = read_submission(path.name, content), hashlib.sha256(content).hexdigest()
        if report_files.is_stored(conn, path.name, sha256):
            continue
        if submission and journal.was_delivered(sha256, submission.day):
            name = submission.section
            names = {name}.union(*(section.names for section in sections if name in section.names))
            if submission.day not in runs.days(conn, names, ReportKind.SUBMISSION):
                yield submission


def mend(conn: Connection, lost: LostDeliveries, sections: Sequence[Section], moment: Moment) -> Restoration:
    """Note what was reported since the backup; the next update reports every open case. Koha's log says who decided.

    Done twice, it does no more than done once.
    """
    meta.lock(conn)
    sent = _mark_sent(conn, lost)
    # Updates of before the backup stay here: a newer one may have arrived, and the next one reports every case.
    deliveries.fall_back(conn, moment.now)
    updates = [delivery.id for delivery in deliveries.by_state(conn, *UNDELIVERED) if delivery.keeps_order]
    deliveries.set_aside(conn, updates, moment.now)
    still_open = [case.id for case in cases.listed(conn, states=[CaseState.OPEN])]
    cases.mark_to_report(conn, still_open, flag=True)
    adopted = [_adopt(conn, each, section_for(each.section, sections), moment) for each in lost.submissions]
    our_row = meta.ready(conn)
    meta.write_meta(conn, replace(our_row, revision=max(our_row.revision, lost.journal.revision) + 1))
    restoration = Restoration(
        sent=sent,
        reported=len(still_open),
        adopted=sum(number for number, _ in adopted),
        gone=sum(gone for _, gone in adopted),
    )
    what = {"option": "restored", "who": moment.who, "sent": sent, "adopted": restoration.adopted}
    log_ours(conn, LOGGED_AS, what, moment)
    return restoration


def _mark_sent(conn: Connection, lost: LostDeliveries) -> int:
    """Mark the deliveries that the database still has as sent; how many."""
    marked = 0
    entries = {entry.delivery: entry for entry in lost.delivered}
    for delivery in deliveries.get(conn, list(entries)):
        entry, report, address = entries[delivery.id], report_files.get(conn, delivery.report), delivery.address
        # The number may have been given again since the backup.
        if entry.identity == (delivery.id, address.channel, address.recipient, report.file_name, report.sha256):
            deliveries.sent(conn, delivery, entry.at)
            marked += 1
    return marked


def _adopt(conn: Connection, submission: Submission, section: Section, moment: Moment) -> tuple[int, int]:
    """Flag the patrons of a lost submission, open their cases, note its run; how many patrons, how many are gone.

    No fee is charged again: people decide that.
    """
    claim = Claim(section=section.name, report=ReportKind.SUBMISSION, day=submission.day, who=moment.who)
    run = runs.claim(conn, claim, now=moment.now)
    records = read_records(conn, section)
    wanted = {row.number for row in submission.rows if not records.of(row.number).has_case(section)}
    patrons = borrowers.patrons(conn, section.policy.patron_fields, wanted, lock=True)
    holdings = holdings_of(conn, patrons, moment.today)
    actions: list[Action] = []
    rules = line_rules(section, moment, records)
    for candidate in with_accounts(conn, section, records, patrons.values(), rules=rules, lock=True):
        why = "referred in a lost submission"
        adoption = Adoption(candidate=candidate, referred_on=submission.day, due=ZERO, released=False, why=why)
        actions.append(OpenCase(decision=adoption, restriction_type=section.policy.restriction_type))
        actions += set_flag(candidate.patron, section.policy)
        actions += restriction_changes(adoption, holdings[adoption.number], section)
    carry_out_and_log(conn, actions, moment)
    open_cases(conn, section, actions, run)
    if run is not None:
        numbers = dict.fromkeys(("patrons", "referred"), len(submission.rows))
        runs.finish(conn, run, now=moment.now, counts=RunCounts(numbers=numbers, amount=submission.balances))
    return len(patrons), len(wanted) - len(patrons)
