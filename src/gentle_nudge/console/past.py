"""How the past looks on a terminal: runs, and what happened to a case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from gentle_nudge.console.outbox import attempt_line, clock, decision
from gentle_nudge.domain.money import written
from gentle_nudge.jobs.history import Told
from gentle_nudge.store.cases import Due
from gentle_nudge.store.runs import Run

RUN_HEADERS = ("day", "section", "report", "rows", "referred", "adopted", "released", "ended", "amount", "fees", "who")


def run_rows(runs: Iterable[Run]) -> Iterator[tuple[str, ...]]:
    """Runs as rows of a table."""
    for run in runs:
        counts = run.counts
        ended = counts.paid + counts.withdrawn + counts.merged + counts.deleted
        numbers = (counts.patrons, counts.referred, counts.adopted, counts.released, ended)
        what = f"{run.report}{' (late)' if run.late else ''}{f' {run.number}' if run.number > 1 else ''}"
        amounts = (written(counts.amount), written(counts.fees))
        yield (run.day.isoformat(), run.section, what, *map(str, numbers), *amounts, run.who or "")


def case_lines(told: Told, zone: ZoneInfo) -> Iterator[str]:
    """All that happened to one case, with every report that told of it and how that travelled."""
    case = told.case
    yield f"Case {case.id}, section {case.section}, patron {case.patron}, reported as {case.number}: {case.state}"
    yield from _beginning(told)
    ended = case.closed_on
    for due in told.dues:
        if ended is None or due.day < ended:
            yield from _due_lines(due, told, zone)
    if ended:
        yield f"  closed on {ended}: {case.why or 'the reason has been forgotten'}"
    for due in told.dues:
        if ended and due.day >= ended:
            yield from _due_lines(due, told, zone)
    if case.to_report:
        yield "  the next update tells of it"


def _beginning(told: Told) -> Iterator[str]:
    case = told.case
    referred = case.referred_on.isoformat() if case.referred_on else "unknown"
    yield f"  {'adopted; ' if case.adopted else ''}referred on {referred}"
    if case.balance is not None:
        owed, fee = written(case.owed or Decimal(0)), written(case.fee or Decimal(0))
        yield f"  owed in window {owed}, balance {written(case.balance)}, fee {fee}"
    for line in told.lines:
        counted = "counted" if line.counted else "not counted"
        yield f"  line {line.id} of {line.day}, {line.type}: {written(line.outstanding)}, {counted}"


def _due_lines(due: Due, told: Told, zone: ZoneInfo) -> Iterator[str]:
    yield f"  {due.day} {due.kind}: told {written(due.due)} ({due.file_name})"
    for one in told.travels[due.report]:
        delivery = one.delivery
        to = f"{delivery.address.recipient} ({delivery.address.channel})"
        yield f"    to {to}: {delivery.state}, {clock(delivery.since, zone)}"
        if decided := decision(delivery):
            yield f"      {decided}"
        yield from (f"      {attempt_line(attempt, zone)}" for attempt in one.attempts)
