"""A report is stored, and queued for everybody who gets it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.plan import Report, SubmissionRow, UpdateRow
from gentle_nudge.domain.policy import Policy, Section
from gentle_nudge.domain.queue import Address, Channel, Stored
from gentle_nudge.domain.schedule import submits_on
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.jobs.transaction import writing
from gentle_nudge.koha import audit
from gentle_nudge.reports.body import Body, body
from gentle_nudge.reports.render import file_name, render, subject
from gentle_nudge.store import outbox, reports
from gentle_nudge.store.runs import RunCounts

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

LOGGED = {Report.SUBMISSION: "NEW_SUBMISSIONS", Report.UPDATE: "UPDATES", Report.SYNC: "SYNC"}
LOG_MODULE = "GENTLENUDGE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Office:
    """Who speaks and who listens besides the mail recipients: the library's name, the SFTP server, the archive."""

    library: str
    sftp: str | None = None
    archive: str | None = None

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


def contents(section: Section, report: Report, rows: Iterable[SubmissionRow | UpdateRow]) -> Iterable[bytes] | None:
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
    report: Report,
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
    facts = Body(
        report=report,
        library=office.name_for(section),
        day=moment.day,
        file_name=name,
        rows=counts.patrons,
        total=counts.amount,
        fees=counts.fees,
        was_due=_was_due(section.policy, report, moment),
    )
    stored = reports.save(
        conn,
        run=queued.run,
        file_name=name,
        subject=subject(report, office.name_for(section)),
        body=body(facts),
        chunks=chunks,
        rows=counts.patrons,
    )
    outbox.enqueue(conn, report=stored.id, to=office.addresses(section.policy), now=moment.now)
    info = {"run": queued.run, "file": name, "rows": stored.rows, "sha256": stored.sha256}
    log_ours(conn, LOGGED[report], info, moment)
    return stored


def _was_due(policy: Policy, report: Report, moment: Moment) -> date | None:
    due = submits_on(policy, moment.day)
    return due if report is Report.SUBMISSION and due != moment.day else None


def log_ours(conn: Connection, action: str, info: object, moment: Moment) -> None:
    """Our own row in Koha's log: which run, which file; nothing about a patron."""
    row = audit.LogRow(module=LOG_MODULE, action=action, object=None, info=audit.pretty(info))
    audit.write(conn, [row], moment.now)


@dataclass(frozen=True, kw_only=True, slots=True)
class Error:
    """A report of a section that was not made, and why; nothing about a patron."""

    report: Report
    section: str
    sentence: str


def log_errors(engine: Engine, errors: Sequence[Error], moment: Moment) -> None:
    """Koha's log tells of these errors; a log that cannot be written is no further trouble."""
    if errors:
        with suppress(GentleNudgeError, SQLAlchemyError):
            writing(engine, partial(_log_all, errors=errors, moment=moment))


def _log_all(conn: Connection, errors: Sequence[Error], moment: Moment) -> None:
    for error in errors:
        log_ours(conn, f"{LOGGED[error.report]}_ERROR", {"section": error.section, "error": error.sentence}, moment)
