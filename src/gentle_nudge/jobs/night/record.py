"""Apply: one transaction per section that keeps the cases, queues the reports and changes Koha."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gentle_nudge.domain.collections.changes import CloseCase, FollowCase, Holdings, OpenCase, consequences
from gentle_nudge.domain.collections.plan import Decision, Outcome, Plan
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.report_row import ReportKind, UpdateRow
from gentle_nudge.domain.run import RunCounts
from gentle_nudge.jobs.patrons.carry_out import carry_out, log_changes, of
from gentle_nudge.jobs.patrons.evidence import holdings_of, line_rules, with_contacts
from gentle_nudge.jobs.patrons.lock import Locked, PlanOutdated, lock_and_judge, ownership_before
from gentle_nudge.jobs.patrons.records import SectionRecords
from gentle_nudge.jobs.sending.enqueue import Queued, queue
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.koha.write import action_logs
from gentle_nudge.koha.write.action_logs import Logs
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import cases, meta, runs
from gentle_nudge.store.runs import Claim

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A plan, and what we remembered when it was made."""

    plan: Plan
    memory: SectionRecords


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """The runs that this night makes, what their reports share, and which logs Koha keeps."""

    section: Section
    memory: SectionRecords
    moment: Moment
    outlets: Outlets
    runs: Mapping[ReportKind, int]
    logs: Logs


def record(conn: Connection, section: Section, decided: Decided, *, moment: Moment, outlets: Outlets) -> Plan | None:
    """The plan as carried out, read again under lock; None when another run did the day's work meanwhile.

    First come the rows of our own tables, for which nobody waits; then the patrons are locked, and who is no longer
    as the plan saw them is judged again, and our rows made anew; then Koha is changed, and the locks go with the
    commit. PlanOutdated when the plan must be made anew.
    """
    plan, memory = decided.plan, decided.memory
    note = meta.lock(conn).revision
    run_of = claim(conn, section, plan, moment)
    if run_of is None:
        return None
    if memory.note != note:
        raise PlanOutdated
    logs = action_logs.wanted(conn)
    claimed = Claimed(section=section, memory=memory, moment=moment, outlets=outlets, runs=run_of, logs=logs)
    ownership, rules = ownership_before(conn, section, plan, memory), line_rules(section, moment, memory)
    ours = conn.begin_nested()
    prepare(conn, plan, claimed)
    locked = lock_and_judge(conn, section, plan, memory=memory, rules=rules, ownership=ownership)
    if locked.plan.decisions == plan.decisions:
        ours.commit()
    else:
        ours.rollback()
        prepare(conn, locked.plan, claimed)
    change_koha(conn, locked, claimed)
    return locked.plan


def claim(conn: Connection, section: Section, plan: Plan, moment: Moment) -> dict[ReportKind, int] | None:
    """The runs that this plan makes are ours; None when one of them has been made before."""
    wanted = [(ReportKind.SUBMISSION, plan.submits, plan.late), (ReportKind.UPDATE, plan.update_due, False)]
    claimed: dict[ReportKind, int] = {}
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
    if run := claimed.runs.get(ReportKind.SUBMISSION):
        _queue_submission(conn, plan, _queued(claimed, run))
    if run := claimed.runs.get(ReportKind.UPDATE):
        _queue_update(conn, plan, adopted, _queued(claimed, run), memory=claimed.memory)


def _keep_cases(conn: Connection, plan: Plan, decisions: Sequence[Decision], claimed: Claimed) -> dict[int, int]:
    """What these decisions mean for the cases, and for Koha's log of those referred; patron -> the case if adopted."""
    section, moment = claimed.section, claimed.moment
    actions = [a for each in decisions for a in consequences(each, _seen(each, moment), section, plan.day)]
    log_changes(conn, actions, moment, claimed.logs)
    cases.follow(conn, of(actions, FollowCase))
    new, update = of(actions, OpenCase), claimed.runs.get(ReportKind.UPDATE)
    referred, adopted = [a for a in new if not a.adopted], [a for a in new if a.adopted]
    cases.open_new(conn, section=section.name, actions=referred, run=claimed.runs.get(ReportKind.SUBMISSION))
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
    return Queued(section=claimed.section, run=run, moment=claimed.moment, outlets=claimed.outlets)


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


def _queue_submission(conn: Connection, plan: Plan, queued: Queued) -> None:
    rows = plan.submission()
    fees = sum((row.fee for row in rows), ZERO)
    numbers = {"patrons": len(rows), "referred": len(rows)}
    counts = RunCounts(numbers=numbers, amount=sum((row.account.balance for row in rows), ZERO), fees=fees)
    stored = queue(conn, ReportKind.SUBMISSION, with_contacts(conn, rows), counts, queued=queued)
    if stored:
        cases.report_referred(conn, stored.id, queued.run)
    runs.finish(conn, queued.run, now=queued.moment.now, counts=counts)


def _queue_update(
    conn: Connection, plan: Plan, adopted: Mapping[int, int], queued: Queued, *, memory: SectionRecords
) -> None:
    rows = plan.update()
    ended = Counter(decision.ends.value for decision in plan.decisions if decision.ends)
    numbers = {"patrons": len(rows), "adopted": len(adopted), **ended}
    counts = RunCounts(numbers=numbers, amount=sum((row.due for row in rows), ZERO))
    stored = queue(conn, ReportKind.UPDATE, rows, counts, queued=queued)
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
