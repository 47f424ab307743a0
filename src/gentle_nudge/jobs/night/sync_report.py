"""Sync: every open case with its balance but those on hold, on request; changes nothing in Koha or in the cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from sqlalchemy import Connection, Engine

from gentle_nudge.domain.collections.case_outcome import as_before, is_in_syncs
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.section_facts import Evidence, passed_over, passing_over
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.report_row import ReportKind, UpdateRow
from gentle_nudge.domain.run import RunCounts
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.jobs.koha_log import log_errors
from gentle_nudge.jobs.night.preview import report_file
from gentle_nudge.jobs.patrons.evidence import open_case_facts
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.jobs.sections import refuse_shared_patrons
from gentle_nudge.jobs.sending.enqueue import Run, queue
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.transaction import writing
from gentle_nudge.koha.read.borrowers import order
from gentle_nudge.store import meta, runs
from gentle_nudge.store.runs import Claim


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncRows:
    """The rows of a sync, in the order of the update; `named` are accounts that are passed over."""

    rows: Sequence[UpdateRow]
    named: tuple[str, ...]


def rows_of(conn: Connection, section: Section, day: date) -> SyncRows:
    """The rows of a sync of this day; UserError if a patron has open cases in several sections and must not."""
    refuse_shared_patrons(conn, [section])
    too_large: set[int] = set()
    cases = open_case_facts(conn, section, read_records(conn, section))
    evidence = passing_over(section, Evidence(cases=cases), too_large)
    told = (facts for facts in evidence.cases if facts.case.section not in section.frees and is_in_syncs(facts, day))
    rows = [as_before(facts, section.policy) for facts in told]
    ranks = order(conn, {row.patron for row in rows if not row.gone})
    return SyncRows(
        rows=sorted(rows, key=lambda row: (row.gone, ranks.get(row.patron, len(ranks)), row.number)),
        named=passed_over(too_large),
    )


def sync_or_log(engine: Engine, section: Section, moment: Moment, outlets: Outlets) -> SyncRows:
    """As `sync`, in a transaction of its own; a failure is logged in Koha."""
    try:
        return writing(engine, partial(sync, section=section, moment=moment, outlets=outlets))
    except GentleNudgeError as failure:
        log_errors(engine, ReportKind.SYNC, [{"section": section.name, "error": failure.sentence}], moment)
        raise


def sync(conn: Connection, section: Section, moment: Moment, outlets: Outlets) -> SyncRows:
    """Store and queue one more sync of the day; its rows."""
    meta.lock(conn)
    number = runs.next_number(conn, section=section.name, report=ReportKind.SYNC, day=moment.day)
    claim = Claim(section=section.name, report=ReportKind.SYNC, day=moment.day, number=number, who=moment.who)
    claimed = runs.claim(conn, claim, now=moment.now)
    if claimed is None:
        raise AssertionError("our lock is held, so nobody else can have taken the number")
    run = Run(section=section, moment=moment, outlets=outlets, ids={ReportKind.SYNC: claimed}, number=number)
    listed = rows_of(conn, section, moment.day)
    rows = listed.rows
    counts = RunCounts(numbers={"patrons": len(rows)}, amount=sum((row.due for row in rows), ZERO))
    queue(conn, run, ReportKind.SYNC, rows, counts=counts)
    return listed


def file_of(section: Section, rows: Sequence[UpdateRow], moment: Moment) -> Iterator[tuple[str, Iterable[bytes]]]:
    """The file a dry run shows, if there is one: exactly what the first sync of the day would queue."""
    return report_file(section, ReportKind.SYNC, rows, moment.day)
