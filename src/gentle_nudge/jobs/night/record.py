"""What a night writes: its runs, the cases, the queued reports, and last the changes in Koha."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from gentle_nudge.domain.actions import ChargeFee, LiftRestriction
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.changes import (
    Action,
    CloseCase,
    FollowCase,
    OpenCase,
    PauseCase,
    ReopenCase,
    flag_changes,
    of,
    planned_changes,
)
from gentle_nudge.domain.collections.hold_ends import ended_with_cases, inherited_holds
from gentle_nudge.domain.collections.plan import Adoption, Ending, Pause, Plan, Referral, Reopening, Resumption, heir_of
from gentle_nudge.domain.collections.restriction import RecordRestriction, is_still_restricted, restriction_changes
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.outbox import Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.run import RunCounts
from gentle_nudge.jobs.patrons.carry_out import carry_out
from gentle_nudge.jobs.patrons.evidence import holdings_of, with_contacts
from gentle_nudge.jobs.patrons.lock import PlanOutdated
from gentle_nudge.jobs.patrons.recorded_lines import follow_lines, owing_of
from gentle_nudge.jobs.sending.enqueue import Run, queue
from gentle_nudge.koha.write import action_logs
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import cases, holds, meta, night_values, runs
from gentle_nudge.store.runs import Claim
from gentle_nudge.views.night_summary import Done, read, values_of, with_submission


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """The new cases by patron, and the reports that were stored."""

    opened: Mapping[int, int]
    reports: tuple[Stored, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Restrictions:
    """The decisions, by number, that lifted a restriction of ours, and after which one stays though all is paid."""

    lifted: frozenset[int]
    blocked: frozenset[int]


def claim_run(conn: Connection, run: Run, plan: Plan) -> Run | None:
    """The run with the reports of this plan claimed; None if one of them has been made before.

    Our row stays locked until the transaction ends. PlanOutdated if our tables have changed since the plan was made.
    """
    revision = meta.lock(conn).revision
    ids: dict[ReportKind, int] = {}
    for report, is_due, late in (
        (ReportKind.SUBMISSION, plan.submits, plan.late),
        (ReportKind.UPDATE, plan.update_due, False),
    ):
        if not is_due:
            continue
        claim = Claim(section=plan.section, report=report, day=plan.day, late=late, who=run.moment.who)
        claimed = runs.claim(conn, claim, now=run.moment.now)
        if claimed is None:
            return None
        ids[report] = claimed
    if plan.records.revision != revision:
        raise PlanOutdated
    return replace(run, ids=ids, logs=action_logs.wanted(conn))


def write_ours(conn: Connection, run: Run, plan: Plan) -> Written:
    """Write cases, runs and queued reports; nothing of Koha changes but its log."""
    section, update = run.section, run.ids.get(ReportKind.UPDATE)
    adopted: dict[int, int] = {}
    referred: dict[int, int] = {}
    for chunk in a_thousand_at_a_time(plan.decisions):
        actions = [action for decision in chunk for action in planned_changes(decision, section)]
        fees = of(actions, ChargeFee)
        action_logs.log_changes(conn, flag_changes(actions), fees, logs=run.logs, moment=run.moment)
        cases.follow(conn, of(actions, FollowCase))
        cases.pause(conn, {action.case: action.since for action in of(actions, PauseCase)}, plan.day)
        cases.reopen(conn, of(actions, ReopenCase))
        new = of(actions, OpenCase)
        referrals = [action for action in new if isinstance(action.decision, Referral)]
        submission = run.ids.get(ReportKind.SUBMISSION)
        referred |= cases.open_new(conn, section=section.name, actions=referrals, run=submission)
        flagged = [action for action in new if isinstance(action.decision, Adoption)]
        opened = cases.open_new(conn, section=section.name, actions=flagged, run=update)
        adopted |= opened
        closing = [replace(ending, case=ending.case or opened[ending.patron]) for ending in of(actions, CloseCase)]
        cases.close(conn, closing, run=update, day=plan.day, now=run.moment.now)
        cases.forget_names_of(conn, [each.patron for each in closing if each.state is CaseState.ANONYMIZED])
    record_holds(conn, plan, run.moment.now)
    submitted = queue_submission(conn, run, plan) if ReportKind.SUBMISSION in run.ids else None
    updated = queue_update(conn, run, plan, adopted) if update else None
    return Written(opened=adopted | referred, reports=tuple(filter(None, (submitted, updated))))


def record_holds(conn: Connection, plan: Plan, now: datetime) -> None:
    """Holds have begun, ended and gone over to heirs, as the plan says."""
    inherited = inherited_holds(plan)
    holds.end(conn, (*plan.holds.ended, *ended_with_cases(plan), *(each for each in inherited if each.ended_by)), now)
    holds.move(conn, [hold for hold in inherited if hold.ended_by is None])
    holds.begin(conn, plan.holds.begun, now)
    holds.forget(conn, [each.number for each in plan.of(Ending) if each.state is CaseState.ANONYMIZED])


def queue_submission(conn: Connection, run: Run, plan: Plan) -> Stored | None:
    """Store and queue the submission, if there is one, and record its dues with the new cases."""
    rows = plan.submission
    balances, fees = sum((row.balance for row in rows), ZERO), sum((row.fee for row in rows), ZERO)
    counts = RunCounts(numbers={"patrons": len(rows), "referred": len(rows)}, amount=balances, fees=fees)
    stored = queue(conn, run, ReportKind.SUBMISSION, with_contacts(conn, rows), counts=counts)
    if stored:
        cases.report_referred(conn, stored.id, run.ids[ReportKind.SUBMISSION])
    return stored


def queue_update(conn: Connection, run: Run, plan: Plan, adopted: dict[int, int]) -> Stored | None:
    """Store and queue the update, if there is one, and record with the cases their changed and last dues.

    `adopted`: patron -> case. Tonight's referrals are left out: the submission has reported them.
    """
    rows, last_words = plan.update, {case.id for case in plan.records.last_words} - plan.untold
    closed = {state.value: count for state, count in plan.closes.items()}
    others = {"reopened": plan.of(Reopening), "paused": plan.of(Pause), "resumed": plan.of(Resumption)}
    opened = {"adopted": len(adopted), **{what: len(decisions) for what, decisions in others.items()}}
    numbers = {"patrons": len(rows), **opened, **closed}
    counts = RunCounts(numbers=numbers, amount=sum((row.due for row in rows), ZERO))
    stored = queue(conn, run, ReportKind.UPDATE, rows, counts=counts)
    if stored:
        always = {*last_words, *(case.id for case in plan.cases)}
        with_case = (row if row.case else replace(row, case=adopted.get(row.patron)) for row in rows)
        news = [row for row in with_case if row.case and (row.is_news or row.case in always)]
        cases.report_dues(conn, stored.id, news)
        cases.tell_of_newer(conn, {row.number for row in news if row.case in last_words}, but=run.section.may_end)
    in_vain = cases.marked_in_vain(conn, run.section.may_end, run.section.heard)
    cases.mark_to_report(conn, {*last_words, *in_vain}, flag=False)
    return stored


def change_koha(conn: Connection, run: Run, plan: Plan, opened: Mapping[int, int]) -> Restrictions:
    """Carry out the decisions in Koha, record the new rows with the cases `opened`, and what the closed ones owe."""
    section, moment = run.section, run.moment
    lifted: set[int] = set()
    blocked: set[int] = set()
    for chunk in a_thousand_at_a_time(plan.decisions):
        patrons = [heir_of(decision) or decision.number for decision in chunk]
        holdings = holdings_of(conn, patrons, moment.today)
        planned = [action for decision in chunk for action in planned_changes(decision, section)]
        blocks: list[Action] = []
        for decision, patron in zip(chunk, patrons, strict=True):
            actions = list(restriction_changes(decision, holdings[patron], section))
            blocks += actions
            if of(actions, LiftRestriction):
                lifted.add(decision.number)
            if is_still_restricted(decision, holdings[patron], section):
                blocked.add(decision.number)
        made = carry_out(conn, [*planned, *blocks], moment, run.logs)
        new = [action.patron for action in planned if isinstance(action, OpenCase | ReopenCase)]
        cases.complete(conn, section.cases_of, new, fee=made.fee, restriction=made.restriction)
        follow_lines(conn, [opened[action.patron] for action in of(planned, OpenCase)])
        recorded = of(blocks, RecordRestriction)
        cases.record_restrictions(conn, {each.case or opened[each.patron]: each.restriction for each in recorded})
    if ReportKind.UPDATE in run.ids:
        cases.keep_owing(conn, owing_of(conn, cases.closed_in(conn, run.ids[ReportKind.UPDATE])))
    return Restrictions(lifted=frozenset(lifted), blocked=frozenset(blocked))


def keep_values(conn: Connection, run: Run, plan: Plan, *, written: Written, restrictions: Restrictions) -> None:
    """Keep the values of the night's page, to which a submission made later on the same day is added."""
    section, now_open = run.section, cases.how_many_open(conn, run.section.cases_of)
    done = Done(
        opened=written.opened,
        lifted=restrictions.lifted,
        blocked=restrictions.blocked,
        reports=written.reports,
        open_cases=now_open.count,
        open_due=now_open.due,
        paused=now_open.paused,
    )
    values = values_of(plan, section, done, before=read(night_values.needs_before(conn, section.names, plan.day)))
    earlier = None if plan.update_due else night_values.of_day(conn, section.name, plan.day)
    if earlier:
        values = with_submission(earlier.content, values)
    night_values.keep(conn, section.name, plan.day, values, now=run.moment.now)
