"""Apply: one transaction per section that keeps the cases, queues the reports and changes Koha."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from gentle_nudge.columns import a_thousand_at_a_time
from gentle_nudge.domain.case import State
from gentle_nudge.domain.consequences import Holdings, consequences
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.night import adopt
from gentle_nudge.domain.plan import (
    Action,
    ChargeFee,
    ClearFlag,
    CloseCase,
    Decision,
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
from gentle_nudge.jobs.gather import flagged_without_case, holdings_of, with_contacts
from gentle_nudge.jobs.locking import Locked, Outdated, lock_and_judge, view_before
from gentle_nudge.jobs.memory import Memory, remember
from gentle_nudge.jobs.queueing import Office, Queued, queue
from gentle_nudge.koha import audit, effects, lines, patrons
from gentle_nudge.koha.audit import Logs
from gentle_nudge.koha.made import Made
from gentle_nudge.store import cases, runs, schema
from gentle_nudge.store.runs import Claim, RunCounts

if TYPE_CHECKING:
    from sqlalchemy import Connection

A = TypeVar("A")


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A plan, and what we remembered when it was made."""

    plan: Plan
    memory: Memory


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """The runs that this night makes, what their reports share, and which logs Koha keeps."""

    section: Section
    memory: Memory
    moment: Moment
    office: Office
    runs: Mapping[Report, int]
    logs: Logs


def record(conn: Connection, section: Section, decided: Decided, *, moment: Moment, office: Office) -> Plan | None:
    """The plan as carried out, read again under lock; None when another run did the day's work meanwhile.

    First come the rows of our own tables, for which nobody waits; then the patrons are locked, and who is no longer
    as the plan saw them is judged again, and our rows made anew; then Koha is changed, and the locks go with the
    commit. Outdated when the plan must be made anew.
    """
    plan, memory = decided.plan, decided.memory
    note = schema.lock(conn).note
    run_of = claim(conn, section, plan, moment)
    if run_of is None:
        return None
    if memory.note != note:
        raise Outdated
    logs = audit.wanted(conn)
    claimed = Claimed(section=section, memory=memory, moment=moment, office=office, runs=run_of, logs=logs)
    view = view_before(conn, section, plan, moment=moment, memory=memory)
    ours = conn.begin_nested()
    prepare(conn, plan, claimed)
    locked = lock_and_judge(conn, section, plan, view=view, memory=memory)
    if locked.plan.decisions == plan.decisions:
        ours.commit()
    else:
        ours.rollback()
        prepare(conn, locked.plan, claimed)
    change_koha(conn, locked, claimed)
    return locked.plan


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


def prepare(conn: Connection, plan: Plan, claimed: Claimed) -> None:
    """Cases, runs and queued reports are as the plan wants them; of Koha nothing is changed but its log."""
    adopted: dict[int, int] = {}
    for some in a_thousand_at_a_time(plan.decisions):
        adopted |= _keep_cases(conn, plan, some, claimed)
    if run := claimed.runs.get(Report.SUBMISSION):
        _queue_submission(conn, plan, _queued(claimed, run))
    if run := claimed.runs.get(Report.UPDATE):
        _queue_update(conn, plan, adopted, _queued(claimed, run), memory=claimed.memory)


def _keep_cases(conn: Connection, plan: Plan, decisions: Sequence[Decision], claimed: Claimed) -> dict[int, int]:
    """What these decisions mean for the cases, and for Koha's log of those referred; patron -> the case if adopted."""
    section, moment = claimed.section, claimed.moment
    actions = [a for each in decisions for a in consequences(each, _seen(each, moment), section, plan.day)]
    log_changes(conn, actions, moment, claimed.logs)
    cases.follow(conn, of(actions, FollowCase))
    new, update = of(actions, OpenCase), claimed.runs.get(Report.UPDATE)
    referred, adopted = [a for a in new if not a.adopted], [a for a in new if a.adopted]
    cases.open_new(conn, section=section.name, actions=referred, run=claimed.runs.get(Report.SUBMISSION))
    opened = cases.open_new(conn, section=section.name, actions=adopted, run=update)
    closing = [replace(ending, case=ending.case or opened[ending.patron]) for ending in of(actions, CloseCase)]
    cases.close(conn, closing, run=update, day=plan.day, now=moment.now)
    return opened


def _seen(decision: Decision, moment: Moment) -> Holdings | None:
    """A referred patron as the plan saw them; of all others nothing in Koha is touched, or told of, before the lock."""
    if decision.outcome is not Outcome.REFERRED or decision.candidate is None:
        return None
    return Holdings(patron=decision.candidate.patron, today=moment.today)


def _queued(claimed: Claimed, run: int) -> Queued:
    return Queued(section=claimed.section, run=run, moment=claimed.moment, office=claimed.office)


def change_koha(conn: Connection, locked: Locked, claimed: Claimed) -> None:
    """Everything the decisions entail is done in Koha, and the new cases know what was made for them."""
    section, plan, moment = claimed.section, locked.plan, claimed.moment
    ours, logged = tuple(claimed.runs.values()), {decision.patron for decision in plan.of(Outcome.REFERRED)}
    for some in a_thousand_at_a_time(plan.decisions):
        concerned = {decision.follows or decision.patron for decision in some}
        people = {number: locked.people[number] for number in concerned if number in locked.people}
        held = holdings_of(conn, section, claimed.memory, people, today=moment.today)
        actions = [
            action
            for decision in some
            for action in consequences(decision, held.get(decision.follows or decision.patron), section, plan.day)
        ]
        made = carry_out(conn, actions, moment, claimed.logs, logged=logged)
        opened = of(actions, OpenCase)
        cases.complete(conn, section.name, ours, opened, fee=made.fee, restriction=made.restriction)


def adopt_all(conn: Connection, section: Section, wanted: Collection[int], moment: Moment) -> dict[int, int]:
    """Those of the wanted patrons that are still flagged and without a case have one; patron -> case."""
    schema.lock(conn)
    memory = remember(conn, section)
    people = patrons.patrons(conn, section.policy, wanted, lock=True)
    lines.lock_lines(conn, people)
    found = flagged_without_case(conn, section, moment=moment, memory=memory)
    held = holdings_of(conn, section, memory, people, today=moment.today)
    new = [
        action
        for adoptee in found
        if adoptee.candidate.patron.number in held
        for action in consequences(
            replace(adopt(section, adoptee), ends=None), held[adoptee.candidate.patron.number], section, moment.day
        )
    ]
    return cases.open_new(conn, section=section.name, actions=of(new, OpenCase), run=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Carried:
    """The rows that were made in Koha: the restrictions, the fees; None where there was none to make."""

    restriction: Made | None
    fee: Made | None


def carry_out(
    conn: Connection,
    actions: Sequence[Action],
    moment: Moment,
    logs: Logs | None = None,
    *,
    logged: Collection[int] = (),
) -> Carried:
    """The actions are done in Koha, with its own log rows.

    `logs` says which it keeps, if that is known already; it holds the flags and fees of those `logged` already.
    """
    made, gone = of(actions, Restrict), of(actions, LiftRestriction)
    changed, fees = flag_changes(actions), of(actions, ChargeFee)
    restricted = effects.restrict(conn, made, moment.now)
    effects.lift(conn, gone)
    restricted_now = {action.patron for action in made} | {action.patron for action in gone}
    effects.refresh_debarred(conn, restricted_now, moment.today)
    effects.write_flags(conn, changed, moment.now)
    charged = effects.charge(conn, fees, moment.now)
    wanted = logs or audit.wanted(conn)
    if wanted.borrowers:
        created = moment.now.astimezone(moment.zone).strftime("%Y-%m-%d %H:%M:%S")
        if restricted:
            audit.write_restricted(conn, made, restricted, created=created, now=moment.now)
        audit.write(conn, map(audit.lifted, gone), moment.now)
    log_changes(conn, [action for action in (*changed, *fees) if action.patron not in logged], moment, wanted)
    return Carried(restriction=restricted, fee=charged)


def log_changes(conn: Connection, actions: Sequence[Action], moment: Moment, logs: Logs) -> None:
    """Koha's logs, those that it keeps, have a row for every flag changed and every fee charged."""
    if logs.borrowers:
        audit.write_alike(conn, audit.flag_changed, flag_changes(actions), moment.now)
    if logs.fines:
        audit.write_alike(conn, audit.fee_charged, of(actions, ChargeFee), moment.now)


def flag_changes(actions: Sequence[Action]) -> list[SetFlag | ClearFlag]:
    """The flags set, then those cleared, each in order."""
    return [*of(actions, SetFlag), *of(actions, ClearFlag)]


def of(actions: Sequence[Action], kind: type[A]) -> list[A]:
    """The actions of one kind, in order."""
    return [action for action in actions if isinstance(action, kind)]


def _queue_submission(conn: Connection, plan: Plan, queued: Queued) -> None:
    rows = plan.submission()
    fees = sum((row.fee for row in rows), ZERO)
    counts = RunCounts(
        patrons=len(rows), referred=len(rows), amount=sum((row.account.balance for row in rows), ZERO), fees=fees
    )
    stored = queue(conn, Report.SUBMISSION, with_contacts(conn, rows), counts, queued=queued)
    if stored:
        cases.report_referred(conn, stored.id, queued.run)
    runs.finish(conn, queued.run, now=queued.moment.now, counts=counts)


def _queue_update(conn: Connection, plan: Plan, adopted: Mapping[int, int], queued: Queued, *, memory: Memory) -> None:
    rows = plan.update()
    counts = RunCounts(
        patrons=len(rows),
        adopted=len(adopted),
        released=_ended(plan, State.RELEASED),
        paid=_ended(plan, State.PAID),
        withdrawn=_ended(plan, State.WITHDRAWN),
        merged=_ended(plan, State.MERGED),
        deleted=_ended(plan, State.DELETED),
        amount=sum((row.due for row in rows), ZERO),
    )
    stored = queue(conn, Report.UPDATE, rows, counts, queued=queued)
    if stored:
        closed = {d.case.id for d in plan.decisions if d.case} | {case.id for case in memory.last_words}
        cases.report_dues(conn, stored.id, _news(rows, closed, adopted))
    cases.mark_to_report(conn, [case.id for case in memory.last_words], flag=False)
    runs.finish(conn, queued.run, now=queued.moment.now, counts=counts)


def _news(rows: Sequence[UpdateRow], closed: Collection[int], adopted: Mapping[int, int]) -> Iterator[UpdateRow]:
    """The rows that the cases must know of: what is new, and every last word of a closed one.

    Of tonight's referrals the submission has told already.
    """
    for row in rows:
        if row.case is None:
            if row.patron in adopted:
                yield replace(row, case=adopted[row.patron])
        elif row.is_news or row.case in closed:
            yield row


def _ended(plan: Plan, state: State) -> int:
    return sum(decision.ends is state for decision in plan.decisions)
