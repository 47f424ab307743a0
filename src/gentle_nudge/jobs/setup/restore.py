"""Restored: a database that came from a backup learns what was told since, and may go on from there.

What is known of the lost days stands in the archive: its note (which deliveries were sent) and its files (whom the
submissions referred). Koha's own rows of those days, our fees among them, are gone with the backup and are not made
up: what the agency is told from now on is what Koha says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from gentle_nudge.delivery.archive import ArchiveOutlet
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.changes import (
    Action,
    OpenCase,
    RecordRestriction,
    of,
    restriction_changes,
    set_flag,
)
from gentle_nudge.domain.collections.plan import Adoption
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.outbox import UNDELIVERED, Delivery
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.restore_journal import Journal, SentDelivery
from gentle_nudge.domain.run import RunCounts
from gentle_nudge.jobs.identity import LOGGED_AS
from gentle_nudge.jobs.koha_log import log_ours
from gentle_nudge.jobs.patrons.carry_out import carry_out_and_log
from gentle_nudge.jobs.patrons.evidence import holdings_of, line_rules, with_accounts
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.jobs.sending.restore_mark import forgotten, is_restored
from gentle_nudge.koha.read import borrowers
from gentle_nudge.reports.read_back import Submission, read_submission
from gentle_nudge.store import cases, deliveries, meta, report_files, runs
from gentle_nudge.store.runs import Claim

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True)
class LostDeliveries:
    """What the archive knows and the database does not: deliveries that were sent, submissions that were made."""

    journal: Journal
    delivered: tuple[SentDelivery, ...] = ()
    submissions: tuple[Submission, ...] = ()

    @property
    def fees(self) -> tuple[Decimal, ...]:
        """The fees that were charged with these submissions, and are in Koha no more."""
        return tuple(row.fee for lost in self.submissions for row in lost.rows if row.fee)


@dataclass(frozen=True, kw_only=True, slots=True)
class Restoration:
    """What was put right: deliveries marked as sent, cases to be reported, patrons back in collections.

    `gone` counts the patrons of lost submissions that the restored Koha does not have.
    """

    sent: int
    reported: int
    adopted: int
    gone: int


def look(
    conn: Connection, archive: ArchiveOutlet, journal: Journal, sections: Sequence[Section]
) -> LostDeliveries | None:
    """What was lost with the days since the backup; None if this database is not older than the archive's note."""
    if not is_restored(conn, journal):
        return None
    return LostDeliveries(
        journal=journal,
        delivered=forgotten(conn, journal),
        submissions=tuple(_lost_submissions(conn, archive, journal, sections)),
    )


def _lost_submissions(
    conn: Connection, archive: ArchiveOutlet, journal: Journal, sections: Sequence[Section]
) -> Iterator[Submission]:
    """The archived submissions of days without a run, but for those that reached nobody: they are made anew."""
    for path in archive.reports():
        content = path.read_bytes()
        found = read_submission(path.name, content)
        if found and journal.was_delivered(hashlib.sha256(content).hexdigest(), found.day):
            names = {found.section, *(name for s in sections if found.section in s.names for name in s.names)}
            if found.day not in runs.days(conn, names, ReportKind.SUBMISSION):
                yield found


def mend(conn: Connection, lost: LostDeliveries, sections: Sequence[Section], moment: Moment) -> Restoration:
    """The database knows what was told; the next update tells every recipient how every open case stands.

    Done twice, it does no more than done once. Koha's log says who decided it.
    """
    meta.lock(conn)
    sent = _mark_sent(conn, lost)
    _set_balances_aside(conn, moment)
    still_open = [case.id for case in cases.listed(conn, states=[CaseState.OPEN])]
    cases.mark_to_report(conn, still_open, flag=True)
    adopted = [_adopt(conn, submission, _speaker(submission, sections), moment) for submission in lost.submissions]
    known = meta.ready(conn)
    meta.write_meta(conn, replace(known, revision=max(known.revision, lost.journal.revision) + 1))
    mended = Restoration(
        sent=sent,
        reported=len(still_open),
        adopted=sum(here for here, _ in adopted),
        gone=sum(gone for _, gone in adopted),
    )
    what = {"option": "restored", "who": moment.who, "sent": sent, "adopted": mended.adopted}
    log_ours(conn, LOGGED_AS, what, moment)
    return mended


def _mark_sent(conn: Connection, lost: LostDeliveries) -> int:
    """Those that the database still has are sent since they were; how many."""
    still_here = {
        delivery.id: delivery for delivery in deliveries.get(conn, [entry.delivery for entry in lost.delivered])
    }
    known = [(still_here[entry.delivery], entry) for entry in lost.delivered if entry.delivery in still_here]
    same = [(delivery, entry) for delivery, entry in known if _is_the_same(conn, delivery, entry)]
    for delivery, entry in same:
        deliveries.sent(conn, delivery, entry.at)
    return len(same)


def _is_the_same(conn: Connection, delivery: Delivery, entry: SentDelivery) -> bool:
    """Whether the number still means what it meant when it was sent."""
    address = delivery.address
    report = report_files.get(conn, delivery.report)
    return entry.identity == (delivery.id, address.channel, address.recipient, report.file_name, report.sha256)


def _set_balances_aside(conn: Connection, moment: Moment) -> None:
    """No update of before the backup goes out any more: a newer one may have arrived, the next one tells it all."""
    deliveries.fall_back(conn, moment.now)
    old = [delivery.id for delivery in deliveries.by_state(conn, *UNDELIVERED) if delivery.keeps_order]
    deliveries.set_aside(conn, old, moment.now)


def _speaker(submission: Submission, sections: Sequence[Section]) -> Section:
    """The section that made it; if that is gone from the settings, the one that keeps up its cases."""
    known = (section for section in sections if submission.section in section.cases_of)
    keeper = next((section for section in sections if section.is_global), sections[0])
    return next(known, keeper)


def _adopt(conn: Connection, submission: Submission, section: Section, moment: Moment) -> tuple[int, int]:
    """The patrons of a lost submission are flagged and have a case, its day has a run; how many, how many are gone.

    No fee is charged: whether the one that is lost shall be charged again is for people to say.
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
        adoption = Adoption(
            candidate=candidate,
            referred_on=submission.day,
            due=ZERO,
            released=False,
            why="referred in a lost submission",
        )
        actions.append(OpenCase(decision=adoption, restriction_type=section.policy.restriction_type))
        actions += set_flag(candidate.patron, section.policy)
        actions += restriction_changes(adoption, holdings[adoption.number], section)
    carry_out_and_log(conn, actions, moment)
    opened = cases.open_new(conn, section=section.name, actions=of(actions, OpenCase), run=run)
    in_place = {opened[action.patron]: action.restriction for action in of(actions, RecordRestriction)}
    cases.record_restrictions(conn, in_place)
    if run is not None:
        counts = RunCounts(
            numbers=dict.fromkeys(("patrons", "referred"), len(submission.rows)), amount=submission.balances
        )
        runs.finish(conn, run, now=moment.now, counts=counts)
    return len(patrons), len(wanted) - len(patrons)
