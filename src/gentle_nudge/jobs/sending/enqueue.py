"""A report is stored, and queued for everybody who gets it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from gentle_nudge.domain.collections.plan import SubmissionRow
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.collections.submission_day import submits_on
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import Address, Channel, Stored
from gentle_nudge.domain.report_row import ReportKind, UpdateRow
from gentle_nudge.domain.run import RunCounts
from gentle_nudge.jobs.koha_log import LOGGED, log_ours
from gentle_nudge.reports.render import file_name, render, subject
from gentle_nudge.store import deliveries, report_files
from gentle_nudge.texts.environment import Texts

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Office:
    """Who speaks, in which words, and who listens besides the mail recipients: the SFTP server, the archive."""

    library: str
    sftp: str | None = None
    archive: str | None = None
    texts: Texts = field(default_factory=Texts)

    def name_for(self, section: Section) -> str:
        """The name in subjects: the library's, or the section's."""
        return self.library if section.is_global else section.name

    def addresses(self, policy: Policy) -> tuple[Address, ...]:
        """Everybody who gets a report of a section with this policy."""
        mailed = (Address(channel=Channel.EMAIL, recipient=recipient) for recipient in policy.recipients())
        others = ((Channel.SFTP, self.sftp), (Channel.FILE, self.archive))
        return (*mailed, *(Address(channel=channel, recipient=where) for channel, where in others if where))


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """What the reports of one run share; `number` counts the syncs of a day."""

    section: Section
    run: int
    moment: Moment
    office: Office
    number: int = 1


def contents(section: Section, report: ReportKind, rows: Iterable[SubmissionRow | UpdateRow]) -> Iterable[bytes] | None:
    """The report's bytes in chunks; None when the policy wants no report without rows."""
    policy = section.policy
    chunks = render(
        report,
        rows,
        guard=policy.spreadsheet_guard,
        empty=policy.empty_report,
        guardians=policy.minors == "guardian",
    )
    first = next(chunks, None)
    return None if first is None else chain([first], chunks)


def queue(
    conn: Connection,
    report: ReportKind,
    rows: Iterable[SubmissionRow | UpdateRow],
    counts: RunCounts,
    *,
    queued: Queued,
) -> Stored | None:
    """The report is stored, due to everybody who gets it, and logged in Koha; None: there is no report."""
    section, moment, office = queued.section, queued.moment, queued.office
    chunks = contents(section, report, rows)
    if chunks is None:
        return None
    name = file_name(report, moment.day, section.name, queued.number)
    is_submission = report is ReportKind.SUBMISSION
    body = office.texts.render(
        "mail-report.txt",
        report=report,
        library=office.name_for(section),
        day=moment.day,
        was_due=submits_on(section.policy, moment.day) if is_submission else moment.day,
        rows=counts["patrons"],
        balances=counts.amount,
        fees=counts.fees,
        file_name=name,
    )
    stored = report_files.save(
        conn,
        run=queued.run,
        file_name=name,
        subject=subject(report, office.name_for(section)),
        body=body,
        chunks=chunks,
        rows=counts["patrons"],
    )
    deliveries.enqueue(conn, report=stored.id, to=office.addresses(section.policy), now=moment.now)
    info = {"run": queued.run, "file": name, "rows": stored.rows, "sha256": stored.sha256}
    log_ours(conn, LOGGED[report], info, moment)
    return stored
