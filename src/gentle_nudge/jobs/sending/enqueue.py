"""Enqueue: store a report, and queue it for everybody who gets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import chain

from sqlalchemy import Connection

from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.submission_day import submits_on
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import Address, Stored
from gentle_nudge.domain.report_row import ReportKind, UpdateRow
from gentle_nudge.domain.run import RunCounts
from gentle_nudge.jobs.koha_log import LOGGED, log_ours
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.koha.write.action_logs import Logs
from gentle_nudge.reports.render import file_name, page_subject, render, subject
from gentle_nudge.store import deliveries, report_files, runs
from gentle_nudge.store.runs import Claim


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What the run of a section carries along.

    Set once it is claimed: the `ids` of its rows in our tables, its `number` (of several syncs a day), and the `logs`
    that Koha keeps.
    """

    section: Section
    moment: Moment
    outlets: Outlets
    ids: Mapping[ReportKind, int] = field(default_factory=dict)
    number: int = 1
    logs: Logs = Logs(borrowers=False, fines=False)  # noqa: RUF009 - frozen


def contents(section: Section, report: ReportKind, rows: Iterable[Referral | UpdateRow]) -> Iterable[bytes] | None:
    """The report's bytes in chunks; None if it has no rows and the policy wants no empty report."""
    policy = section.policy
    guardians = policy.minors == "guardian"
    chunks = render(report, rows, guard=policy.spreadsheet_guard, empty=policy.empty_report, guardians=guardians)
    first = next(chunks, None)
    return None if first is None else chain([first], chunks)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page for staff, about this day, with the text of the message that it is attached to."""

    kind: ReportKind
    day: date
    file_name: str
    content: bytes
    body: str


def queue_page(conn: Connection, run: Run, page: Page, to: Iterable[Address], *, made_on: date) -> Stored:
    """The page is stored and queued for these addresses, with a run of its own that bears the day `made_on`.

    Our lock has to be held. Koha's log does not hear of pages.
    """
    section, moment = run.section, run.moment
    number = runs.next_number(conn, section=section.name, report=page.kind, day=made_on)
    wanted = Claim(section=section.name, report=page.kind, day=made_on, number=number)
    claimed = runs.claim(conn, wanted, now=moment.now)
    if claimed is None:
        raise AssertionError("our lock is held, so nobody else can have taken the number")
    runs.finish(conn, claimed, now=moment.now, counts=RunCounts())
    stored = report_files.save(
        conn,
        run=claimed,
        file_name=page.file_name,
        subject=page_subject(page.kind, page.day, run.outlets.name_for(section)),
        body=page.body,
        chunks=[page.content],
        rows=0,
    )
    deliveries.enqueue(conn, report=stored.id, to=to, now=moment.now)
    return stored


def queue(
    conn: Connection, run: Run, report: ReportKind, rows: Iterable[Referral | UpdateRow], *, counts: RunCounts
) -> Stored | None:
    """The run is finished, and its report stored, queued and logged in Koha; None if there is no report."""
    section, moment, outlets, run_id = run.section, run.moment, run.outlets, run.ids[report]
    runs.finish(conn, run_id, now=moment.now, counts=counts)
    chunks = contents(section, report, rows)
    if chunks is None:
        return None
    library, name = outlets.name_for(section), file_name(report, moment.day, section.name, run.number)
    body = outlets.texts.render(
        "mail-report.txt",
        report=report,
        library=library,
        day=moment.day,
        was_due=submits_on(section.policy, moment.day) if report is ReportKind.SUBMISSION else moment.day,
        rows=counts["patrons"],
        balances=counts.amount,
        fees=counts.fees,
        file_name=name,
    )
    stored = report_files.save(
        conn,
        run=run_id,
        file_name=name,
        subject=subject(report, library),
        body=body,
        chunks=chunks,
        rows=counts["patrons"],
    )
    addresses, strict = outlets.addresses(section, report), section.policy.update_lists == "changed"
    deliveries.enqueue(conn, report=stored.id, to=addresses, now=moment.now, strict=strict)
    facts = {"run": run_id, "file": name, "rows": stored.rows, "sha256": stored.sha256}
    as_the_plugin = {"filename": name, "count": stored.rows}
    log_ours(conn, LOGGED[report], facts | as_the_plugin, moment)
    return stored
