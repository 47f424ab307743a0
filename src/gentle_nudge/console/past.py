"""How the past looks on a terminal: runs, and what happened to a case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from gentle_nudge.domain.money import written
from gentle_nudge.jobs.history import Told
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


def case_lines(told: Told) -> Iterator[str]:
    """All that happened to one case."""
    case = told.case
    referred = case.referred_on.isoformat() if case.referred_on else "unknown"
    yield f"Case {case.id}, section {case.section}, patron {case.patron}, reported as {case.number}: {case.state}"
    yield f"  {'adopted; ' if case.adopted else ''}referred on {referred}"
    if case.balance is not None:
        owed, fee = written(case.owed or Decimal(0)), written(case.fee or Decimal(0))
        yield f"  owed in window {owed}, balance {written(case.balance)}, fee {fee}"
    for line in told.lines:
        counted = "counted" if line.counted else "not counted"
        yield f"  line {line.id} of {line.day}, {line.type}: {written(line.outstanding)}, {counted}"
    for due in told.dues:
        yield f"  {due.day} {due.kind}: told {written(due.due)} ({due.file_name})"
    if case.closed_on:
        yield f"  closed on {case.closed_on}: {case.why}"
