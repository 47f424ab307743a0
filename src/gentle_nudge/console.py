"""How plans, runs and deliveries look on a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gentle_nudge.domain.money import written
from gentle_nudge.domain.plan import Decision, Outcome, Plan
from gentle_nudge.domain.schedule import submits_on
from gentle_nudge.jobs.history import Told
from gentle_nudge.store.runs import Run

if TYPE_CHECKING:
    from gentle_nudge.domain.policy import Section

CHANGES = (
    (Outcome.ADOPTED, "Adopted: flagged without a case"),
    (Outcome.FOLLOWED, "Merged cards: the case follows"),
    (Outcome.RELEASED, "Released"),
    (Outcome.PAID, "Ended by staff, paid"),
    (Outcome.WITHDRAWN, "Withdrawn by staff"),
    (Outcome.MERGED, "Merged into a patron with an open case"),
    (Outcome.DELETED, "Gone from Koha"),
)


def plan_lines(section: Section, plan: Plan) -> Iterator[str]:
    """A section's plan for a person to read; amounts in the library's currency."""
    yield f"Section {section.name}, {plan.day:%A} {plan.day}"
    yield from _submission_lines(section, plan)
    yield from _left_out_lines(plan)
    yield from _update_lines(plan)
    for refusal in plan.refusals:
        yield f"! {refusal.sentence}"
        yield f"  {refusal.hint}"
    yield from (f"! {named}" for named in plan.named)


def _submission_lines(section: Section, plan: Plan) -> Iterator[str]:
    if not plan.submission_due:
        weekday = f"{submits_on(section.policy, plan.day):%A}"
        yield f"No submission is due (day of the week: {weekday})." if section.enabled else "Submissions are off."
        return
    referred, verb = (plan.of(Outcome.REFERRED), "referred") if plan.submits else (plan.held, "held back")
    owing = sum((decision.amount for decision in referred), Decimal(0))
    fees = sum((decision.fee for decision in referred), Decimal(0))
    late = " (late)" if plan.late else ""
    yield f"Submission{late}: {len(referred)} {verb}, owing {written(owing)}, fees {written(fees)}"
    yield from table(("number", "card", "name", "in window", "balance", "with fee"), map(_referral, referred), money=3)


def _referral(decision: Decision) -> tuple[str, ...]:
    candidate = decision.candidate
    if candidate is None:
        raise AssertionError("a referral has its candidate")
    patron, account = candidate.patron, candidate.account
    amounts = (account.owed, account.balance, account.balance + decision.fee)
    return (str(patron.number), patron.card or "", name(patron.surname, patron.firstname), *map(written, amounts))


def _left_out_lines(plan: Plan) -> Iterator[str]:
    if not plan.submission_due:
        return
    yield f"Left out, though they owe enough in the window: {sum(plan.left_out.values())}"
    yield from table(("patrons", "because"), ((str(n), reason) for reason, n in _counted(plan)), money=0)
    yield f"Others who owe something in the window: {plan.owing_less}"


def _counted(plan: Plan) -> list[tuple[str, int]]:
    return sorted(((reason.value, n) for reason, n in plan.left_out.items()), key=lambda pair: (-pair[1], pair[0]))


def _update_lines(plan: Plan) -> Iterator[str]:
    if not plan.update_due:
        yield "The update of this day has been made before."
        return
    rows = plan.update()
    total = sum((row.due for row in rows), Decimal(0))
    yield f"Update: {len(rows)} in the report, due {written(total)}"
    for outcome, title in CHANGES:
        decisions = plan.of(outcome)
        if decisions:
            yield f"{title}: {len(decisions)}"
            yield from table(("number", "balance", "why"), map(_change, decisions), money=0)


def _change(decision: Decision) -> tuple[str, ...]:
    return str(decision.patron), written(decision.amount), decision.why


def name(surname: str | None, firstname: str | None) -> str:
    """A person's name on one line."""
    return " ".join(", ".join(part for part in (surname, firstname) if part).split())


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, money: int) -> Iterator[str]:
    """The rows under their headers, aligned; the last `money` columns to the right. Nothing without rows."""
    lines = [list(row) for row in rows]
    if not lines:
        return
    widths = [max(map(len, column)) for column in zip(headers, *lines, strict=True)]
    for line in (list(headers), *lines):
        cells = [
            text.rjust(width) if place >= len(headers) - money else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield ("  " + "  ".join(cells)).rstrip()


def run_rows(runs: Iterable[Run]) -> Iterator[tuple[str, ...]]:
    """Runs as rows of a table."""
    for run in runs:
        counts = run.counts
        ended = counts.paid + counts.withdrawn + counts.merged + counts.deleted
        numbers = (counts.patrons, counts.referred, counts.adopted, counts.released, ended)
        what = f"{run.report}{' (late)' if run.late else ''}{f' {run.number}' if run.number > 1 else ''}"
        amounts = (written(counts.amount), written(counts.fees))
        yield (run.day.isoformat(), run.section, what, *map(str, numbers), *amounts, run.who or "")


RUN_HEADERS = ("day", "section", "report", "rows", "referred", "adopted", "released", "ended", "amount", "fees", "who")


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan as plain values; amounts as texts with two decimals."""
    return {
        "section": plan.section,
        "day": plan.day,
        "submission_due": plan.submission_due,
        "late": plan.late,
        "update_due": plan.update_due,
        "referred": [_decision_json(decision) for decision in plan.of(Outcome.REFERRED)],
        "held": [_decision_json(decision) for decision in plan.held],
        **{outcome.value: [_decision_json(d) for d in plan.of(outcome)] for outcome, _ in CHANGES},
        "update_rows": len(plan.update()) if plan.update_due else 0,
        "left_out": {reason.name: n for reason, n in plan.left_out.items()},
        "owing_less": plan.owing_less,
        "refusals": [{"kind": r.kind, "sentence": r.sentence, "hint": r.hint} for r in plan.refusals],
        "named": list(plan.named),
    }


def _decision_json(decision: Decision) -> dict[str, Any]:
    account = decision.candidate.account if decision.candidate else None
    return {
        "number": decision.patron,
        "why": decision.why,
        "balance": decision.amount,
        "fee": decision.fee,
        "owed_in_window": account.owed if account else None,
    }


def as_json(value: object) -> str:
    """Plain values as JSON; days and instants in ISO form, amounts as texts with two decimals."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    match value:
        case Decimal():
            return written(value)
        case date() | datetime():
            return value.isoformat()
        case _:
            raise TypeError(type(value).__name__)


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
