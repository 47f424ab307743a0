"""Runs, cases, and all that happened to a case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from gentle_nudge.domain.case import Case, CasePause, CaseState, by_state
from gentle_nudge.domain.collections.policy import GLOBAL
from gentle_nudge.domain.ledger import Line
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.outbox import Attempt, Delivery, DeliveryAttempts
from gentle_nudge.domain.patron import NamedPatron
from gentle_nudge.domain.report_row import ReportedDue, ReportKind
from gentle_nudge.domain.run import RecordedRun
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.plain import (
    Column,
    Note,
    Part,
    View,
    clock,
    column,
    figures,
    name,
    notes,
    table,
    unseen,
)
from gentle_nudge.views.queue_view import TRIES, attempt_line, decision, place, recipient

FACTS: tuple[Column[Case], ...] = (
    *unseen(case="id", section="section", number="number", patron="patron", card="card"),
    *unseen(surname="surname", firstname="firstname", referred_on="referred_on", adopted="adopted"),
    *unseen(owed_in_window="owed", balance="balance", fee="fee"),
    *unseen(state="state", closed_on="closed_on", why="why", last_due="last_due"),
)

MATCHES: tuple[Column[NamedPatron], ...] = (
    column("number", lambda patron: patron.number, "number"),
    column("card", lambda patron: patron.card, "word"),
    column("name", lambda patron: name(patron.surname, patron.firstname), "name"),
)
MATCHES_SHOWN = 20

DONE = ("referred", "adopted", "reopened", "released", "ended")


def _count(what: str, run: RecordedRun) -> int:
    return run.counts.ended if what == "ended" else run.counts[what]


def _counted(runs: Sequence[RecordedRun]) -> str:
    counts = {what: sum(_count(what, run) for run in runs) for what in DONE}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


RUNS: tuple[Column[RecordedRun], ...] = (
    column("day", lambda run: run.day, "day"),
    column("section", lambda run: run.section, "word", nothing=GLOBAL),
    *unseen(report="report"),
    column(
        "report",
        lambda run: f"{run.report}{' (late)' * run.late}{f' {run.number}' if run.number > 1 else ''}",
        key=None,
    ),
    column("rows", lambda run: run.counts["patrons"], "number"),
    column("what was done", lambda run: _counted([run]), key=None),
    *(column(None, partial(_count, what), key=what) for what in ("referred", "adopted", "released", "ended")),
    column("amount", lambda run: run.counts.amount, "money"),
    column("fees", lambda run: run.counts.fees, "money", nothing=ZERO),
    *unseen(late="late"),
    column("who", lambda run: run.who),
    column(None, partial(_count, "reopened"), key="reopened"),
    *unseen(number="number", started="started", finished="finished"),
    column("reason", lambda run: run.reason),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One delivery of a report that told what a case owes."""

    case: Case
    due: ReportedDue
    delivery: Delivery
    attempts: Sequence[Attempt]


TOLD: tuple[Column[Told], ...] = (
    *unseen(case="case.id", section="case.section", number="case.number"),
    *unseen(day="due.day", report="due.kind", due="due.due", file="due.file_name"),
    *unseen(channel="delivery.address.channel", recipient="delivery.address.recipient", state="delivery.state"),
    *unseen(since="delivery.since", went_to="delivery.went_to", reason="delivery.reason", who="delivery.who"),
    column(None, lambda told: table(TRIES, told.attempts), "nested", key="tries"),
)

PAUSES: tuple[Column[CasePause], ...] = (
    column("paused from", lambda pause: pause.since, "day", key="since"),
    column("told again from", lambda pause: pause.until, "day", key="until"),
)


def matches_view(patrons: Sequence[NamedPatron]) -> View:
    """The first of the patrons who have a name that somebody looked for."""
    more = len(patrons) - MATCHES_SHOWN
    return View(parts=[table(MATCHES, patrons[:MATCHES_SHOWN]), *notes(*(f"and {more} more" for _ in range(more > 0)))])


def cases_view(
    cases: Sequence[Case],
    now: Mapping[int, Decimal],
    held_until: Mapping[int, date | None],
    more: Sequence[Column[Case]] = (),
) -> View:
    """Cases with their amounts at the referral, the section's balance of today, and the due that was last told.

    `now` holds the balances of today by id of the case, `held_until` the last days of holds, `more` further columns.
    """
    shown: tuple[Column[Case], ...] = (
        column("case", lambda case: case.id, "number", key=None),
        column("section", lambda case: case.section, "word", key=None, nothing=GLOBAL),
        column("card", lambda case: case.card or f"number:{case.number}" * bool(case.number), "word", key=None),
        column("name", lambda case: name(case.surname, case.firstname), "name", key=None),
        column("referred", lambda case: case.referred_on, "day", key=None),
        column("then", lambda case: case.balance, "money", key=None),
        column("now", lambda case: now.get(case.id), "money", key=None),
        column("told", lambda case: case.last_due, "money", key=None),
        column("paused", lambda case: case.paused_on, "day", key=None),
        column("state", lambda case: f"{case.state} {case.closed_on or ''}".rstrip(), key=None),
        *FACTS,
        column(None, lambda case: now.get(case.id), key="balance_now"),
        *unseen(paused_on="paused_on"),
        column(None, lambda case: held_until.get(case.id), key="hold_until"),
        *more,
    )
    totals = {
        "balance": _sum(case.balance for case in cases),
        "balance_now": _sum(now.get(case.id) for case in cases),
        "last_due": _sum(case.last_due for case in cases),
        "fee": _sum(case.fee for case in cases),
    }
    then, today, told, fees = map(format_amount, totals.values())
    states = by_state(case.state for case in cases)
    sums = f"{counted(len(cases), 'case')} ({states}): then {then}, now {today}, told {told}, fees {fees}"
    return View(
        parts=[
            table(shown, cases, "cases", empty="No such case."),
            *figures(totals={"cases": len(cases), **totals}),
            *(notes(sums) if cases else []),
        ]
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum(filter(None, amounts), ZERO)


def runs_view(runs: Sequence[RecordedRun], *, since: date | None, until: date) -> View:
    """Runs with counts and sums; the amount of all is that of the submissions, for updates tell of it again."""
    totals = {what: sum(_count(what, run) for run in runs) for what in ("referred", "adopted", "released", "ended")}
    submitted = _sum(run.counts.amount for run in runs if run.report is ReportKind.SUBMISSION)
    fees = _sum(run.counts.fees for run in runs)
    done = _counted(runs) or "nothing was done"
    sums = f"submissions {format_amount(submitted)}, fees {format_amount(fees)}"
    return View(
        parts=[
            *figures(since=since, until=until),
            table(RUNS, runs, "runs", empty="No run yet."),
            *figures(totals={"runs": len(runs), **totals, "amount": submitted, "fees": fees}),
            *(notes(f"{counted(len(runs), 'run')}: {done}; {sums}") if runs else []),
        ]
    )


def case_view(
    case: Case,
    *,
    lines: Sequence[Line],
    dues: Sequence[ReportedDue],
    pauses: Sequence[CasePause],
    deliveries: Mapping[int, Sequence[DeliveryAttempts]],
    zone: ZoneInfo,
) -> View:
    """What happened to one case: the lines at referral, each reported due, its pauses, the deliveries of each report.

    `deliveries` are by the id of their report, repeats included.
    """
    ended = case.closed_on
    heading = f"Case {case.id}, section {case.section}, patron {case.patron}, reported as {case.number}: {case.state}"
    facts = {column.key: column.value(case) for column in FACTS if column.key}
    told = [
        Told(case=case, due=due, delivery=entry.delivery, attempts=entry.attempts)
        for due in dues
        for entry in deliveries[due.report]
    ]
    parts: list[Part] = [*figures(**facts, lines=[asdict(line) for line in lines], paused_on=case.paused_on)]
    parts += figures(pauses=[{"since": each.since, "until": each.until} for each in pauses])
    parts += [table(TOLD, told, "told"), *notes(heading), *notes(*_beginning(case, lines), level=1)]
    for due in (due for due in dues if ended is None or due.day < ended):
        parts += _reported(due, deliveries[due.report], zone)
    if case.why and not ended:
        parts += notes(case.why, level=1)
    if ended:
        parts += notes(f"closed on {ended}: {case.why or 'the reason has been forgotten'}", level=1)
    for due in (due for due in dues if ended and due.day >= ended):
        parts += _reported(due, deliveries[due.report], zone)
    parts.append(table(PAUSES, pauses, level=1))
    if case.paused_on:
        parts += notes(f"paused since {case.paused_on}: the agency hears no more of it while the hold lasts", level=1)
    if case.to_report:
        parts += notes("the next update tells of it", level=1)
    return View(parts=parts)


def _beginning(case: Case, lines: Iterable[Line]) -> Iterator[str]:
    yield f"{'adopted; ' if case.adopted else ''}referred on {case.referred_on or 'unknown'}"
    if case.balance is not None:
        owed, fee = format_amount(case.owed or ZERO), format_amount(case.fee or ZERO)
        yield f"owed in window {owed}, balance {format_amount(case.balance)}, fee {fee}"
    for line in lines:
        counted = "counted" if line.counted else "not counted"
        yield f"line {line.id} of {line.day}, {line.type}: {format_amount(line.outstanding)}, {counted}"


def _reported(due: ReportedDue, deliveries: Iterable[DeliveryAttempts], zone: ZoneInfo) -> Iterator[Note]:
    yield Note(text=f"{due.day} {due.kind}: told {format_amount(due.due)} ({due.file_name})", level=1)
    for entry in deliveries:
        delivery = entry.delivery
        yield Note(text=f"to {recipient(delivery)}: {delivery.state}, {clock(delivery.since, zone)}", level=2)
        yield from notes(*filter(None, [decision(delivery), place(delivery)]), level=3)
        yield from notes(*(attempt_line(attempt, zone) for attempt in entry.attempts), level=3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """A stored report that still holds a person, the folders with a copy of it, and when it may go."""

    file_name: str
    folders: tuple[Path, ...]
    kept_until: date


def forgotten_view(cases: Sequence[Case], holding: Sequence[Holding]) -> View:
    """How many cases have lost name and card, and which stored reports still hold the person."""
    parts = notes(f"Name and card are forgotten (cases: {len(cases)}).")
    if any(case.state is CaseState.OPEN for case in cases):
        parts += notes("A case is open: the next update records them again.")
    if not holding:
        return View(parts=parts + notes("No stored report holds this person."))
    parts += notes("These stored reports still hold this person, the submissions with the address:")
    for report in holding:
        where = "".join(f", copy in {folder}" for folder in report.folders)
        kept = f"kept until {report.kept_until}, or until delivered"
        parts += notes(f"{report.file_name} in the database{where}; {kept}", level=1)
    return View(parts=parts)
