"""Apply: one transaction per section that changes Koha, keeps the cases and queues the reports."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from gentle_nudge.domain.case import Case, State
from gentle_nudge.domain.consequences import Holdings, consequences
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.night import Limits, adopt, judge_night
from gentle_nudge.domain.plan import (
    Action,
    ChargeFee,
    ClearFlag,
    CloseCase,
    FollowCase,
    LiftRestriction,
    OpenCase,
    Outcome,
    Plan,
    Report,
    Restrict,
    SetFlag,
    UpdateRow,
)
from gentle_nudge.domain.policy import Section
from gentle_nudge.errors import AnotherRunIsAtWork
from gentle_nudge.jobs.gather import flagged_without_case, lock_and_gather
from gentle_nudge.jobs.memory import Memory, remember
from gentle_nudge.jobs.queueing import Office, Queued, queue
from gentle_nudge.koha import audit, effects
from gentle_nudge.store import cases, runs, schema
from gentle_nudge.store.runs import Claim, RunCounts

if TYPE_CHECKING:
    from sqlalchemy import Connection

A = TypeVar("A")


class Outdated(AnotherRunIsAtWork):
    """What the plan was made from has changed since: a sync told newer balances, staff closed a case."""

    def __init__(self) -> None:
        super().__init__("What the night was decided from has changed meanwhile.", "Nothing was done; start it again.")


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A plan, and what we remembered when it was made."""

    plan: Plan
    memory: Memory


def record(conn: Connection, section: Section, decided: Decided, *, moment: Moment, office: Office) -> Plan | None:
    """The plan as carried out, judged again under lock; None when another run did the day's work meanwhile.

    Outdated when the plan must be made anew: something of ours has changed, or a card was merged into one not locked.
    """
    plan, memory = decided.plan, decided.memory
    note = schema.lock(conn).note
    claimed = claim(conn, section, plan, moment)
    if claimed is None:
        return None
    if memory.note != note:
        raise Outdated
    locked = lock_and_gather(conn, section, plan, moment=moment, memory=memory)
    plan = judge_again(plan, judge_night(section, plan.day, locked.evidence, _no_limits(plan)))
    if any(decision.follows and decision.follows not in locked.holdings for decision in plan.decisions):
        raise Outdated
    opened = apply(conn, section, plan, holdings=locked.holdings, moment=moment, claimed=claimed)
    if run := claimed.get(Report.SUBMISSION):
        queued = Queued(section=section, run=run, moment=moment, office=office)
        _queue_submission(conn, plan, opened, queued)
    if run := claimed.get(Report.UPDATE):
        queued = Queued(section=section, run=run, moment=moment, office=office)
        _queue_update(conn, plan, opened, queued, memory=memory)
    return plan


def claim(conn: Connection, section: Section, plan: Plan, moment: Moment) -> dict[Report, int] | None:
    """The runs that this plan makes are ours; None when one of them has been made before."""
    wanted = [(Report.SUBMISSION, plan.submits, plan.late), (Report.UPDATE, plan.update_due, False)]
    claimed: dict[Report, int] = {}
    for report, is_due, late in wanted:
        if is_due:
            new = Claim(section=section.name, report=report, day=plan.day, late=late, who=moment.who)
            run = runs.claim(conn, new, now=moment.now)
            if run is None:
                return None
            claimed[report] = run
    return claimed


def _no_limits(plan: Plan) -> Limits:
    return Limits(submission_due=plan.submits, late=plan.late, update_due=plan.update_due)


def judge_again(plan: Plan, again: Plan) -> Plan:
    """The plan with the second judgement of everybody it would change."""
    kept = (*plan.kept, *again.kept)
    return replace(plan, decisions=again.decisions, kept=kept, named=tuple(dict.fromkeys((*plan.named, *again.named))))


def apply(
    conn: Connection,
    section: Section,
    plan: Plan,
    *,
    holdings: Mapping[int, Holdings],
    moment: Moment,
    claimed: Mapping[Report, int],
) -> dict[int, int]:
    """Everything the decisions entail is done in Koha and in our cases; patron -> the case opened."""
    actions = [
        action
        for decision in plan.decisions
        for action in consequences(decision, holdings.get(decision.follows or decision.patron), section, plan.day)
    ]
    restricted, charged = carry_out(conn, actions, moment)
    cases.follow(conn, of(actions, FollowCase))
    opened: dict[int, int] = {}
    for adopted, report in ((False, Report.SUBMISSION), (True, Report.UPDATE)):
        new = [action for action in of(actions, OpenCase) if action.adopted == adopted]
        if new:
            opened |= cases.open_new(
                conn,
                section=section.name,
                actions=new,
                run=claimed[report],
                fee_lines=charged,
                restrictions=restricted,
            )
    closing = [replace(ending, case=ending.case or opened[ending.patron]) for ending in of(actions, CloseCase)]
    cases.close(conn, closing, run=claimed.get(Report.UPDATE), day=plan.day, now=moment.now)
    return opened


def adopt_all(conn: Connection, section: Section, wanted: Collection[int], moment: Moment) -> dict[int, int]:
    """Those of the wanted patrons that are still flagged and without a case have one; patron -> case."""
    schema.lock(conn)
    memory = remember(conn, section)
    found = flagged_without_case(conn, section, moment=moment, memory=memory)
    decisions = tuple(
        replace(adopt(section, adoptee), ends=None) for adoptee in found if adoptee.candidate.patron.number in wanted
    )
    plan = Plan(section=section.name, day=moment.day, update_due=False, decisions=decisions)
    held = lock_and_gather(conn, section, plan, moment=moment, memory=memory).holdings
    actions = [
        action
        for decision in decisions
        if decision.patron in held
        for action in consequences(decision, held[decision.patron], section, moment.day)
    ]
    new = of(actions, OpenCase)
    return cases.open_new(conn, section=section.name, actions=new, run=None, fee_lines={}, restrictions={})


def carry_out(conn: Connection, actions: Sequence[Action], moment: Moment) -> tuple[dict[int, int], dict[int, int]]:
    """The actions are done in Koha, with its own log rows; the restrictions and the fees made, by patron."""
    made, gone = of(actions, Restrict), of(actions, LiftRestriction)
    changed: list[SetFlag | ClearFlag] = [*of(actions, SetFlag), *of(actions, ClearFlag)]
    fees = of(actions, ChargeFee)
    restricted = effects.restrict(conn, made, moment.now)
    effects.lift(conn, gone)
    restricted_now = {action.patron for action in made} | {action.patron for action in gone}
    effects.refresh_debarred(conn, restricted_now, moment.today)
    effects.write_flags(conn, changed, moment.now)
    charged = effects.charge(conn, fees, moment.now)
    wanted = audit.wanted(conn)
    created = moment.now.astimezone(moment.zone).strftime("%Y-%m-%d %H:%M:%S")
    if wanted.borrowers:
        audit.write_restricted(conn, made, restricted, created=created, now=moment.now)
        audit.write_alike(conn, audit.lifted, gone, moment.now)
        audit.write_alike(conn, audit.flag_changed, changed, moment.now)
    if wanted.fines:
        audit.write_alike(conn, audit.fee_charged, fees, moment.now)
    return restricted, charged


def of(actions: Sequence[Action], kind: type[A]) -> list[A]:
    """The actions of one kind, in order."""
    return [action for action in actions if isinstance(action, kind)]


def _queue_submission(conn: Connection, plan: Plan, opened: Mapping[int, int], queued: Queued) -> None:
    rows = plan.submission()
    fees = sum((row.fee for row in rows), ZERO)
    counts = RunCounts(
        patrons=len(rows), referred=len(rows), amount=sum((row.account.balance for row in rows), ZERO), fees=fees
    )
    stored = queue(conn, Report.SUBMISSION, rows, counts, queued=queued)
    if stored:
        cases.report_dues(conn, stored.id, with_cases([row.told() for row in rows], opened), {})
    runs.finish(conn, queued.run, now=queued.moment.now, counts=counts)


def _queue_update(conn: Connection, plan: Plan, opened: Mapping[int, int], queued: Queued, *, memory: Memory) -> None:
    rows = plan.update()
    counts = RunCounts(
        patrons=len(rows),
        adopted=len(plan.of(Outcome.ADOPTED)),
        released=_ended(plan, State.RELEASED),
        paid=_ended(plan, State.PAID),
        withdrawn=_ended(plan, State.WITHDRAWN),
        merged=_ended(plan, State.MERGED),
        deleted=_ended(plan, State.DELETED),
        amount=sum((row.due for row in rows), ZERO),
    )
    stored = queue(conn, Report.UPDATE, rows, counts, queued=queued)
    if stored:
        previous = {case.id: case for case in (*memory.open_cases, *memory.last_words, *_just_told(plan, opened))}
        cases.report_dues(conn, stored.id, with_cases(rows, opened), previous)
    cases.mark_to_report(conn, [case.id for case in memory.last_words], flag=False)
    runs.finish(conn, queued.run, now=queued.moment.now, counts=counts)


def _just_told(plan: Plan, opened: Mapping[int, int]) -> Iterator[Case]:
    """The cases of tonight's submission, with what it told of them."""
    for submitted in plan.submission():
        told = submitted.told()
        yield Case(
            id=opened[told.patron],
            section=plan.section,
            patron=told.patron,
            number=told.number,
            last_due=told.due,
            surname=told.surname,
            firstname=told.firstname,
            card=told.card,
        )


def _ended(plan: Plan, state: State) -> int:
    return sum(decision.ends is state for decision in plan.decisions)


def with_cases(rows: Sequence[UpdateRow], opened: Mapping[int, int]) -> Iterator[UpdateRow]:
    """The rows, those of new cases with the case's id."""
    return (row if row.case is not None else replace(row, case=opened[row.patron]) for row in rows)
