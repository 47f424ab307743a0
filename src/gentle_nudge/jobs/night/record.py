"""What a night writes: its runs, the cases, the queued reports, and last the changes in Koha."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from gentle_nudge.domain.actions import ChargeFee
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.changes import (
    CloseCase,
    FollowCase,
    OpenCase,
    RecordRestriction,
    ReopenCase,
    flag_changes,
    of,
    planned_changes,
    restriction_changes,
)
from gentle_nudge.domain.collections.plan import Adoption, Plan, Referral, Reopening, heir_of
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.run import RunCounts
from gentle_nudge.jobs.patrons.carry_out import carry_out
from gentle_nudge.jobs.patrons.evidence import holdings_of, with_contacts
from gentle_nudge.jobs.patrons.lock import PlanOutdated
from gentle_nudge.jobs.patrons.recorded_lines import owing_of
from gentle_nudge.jobs.sending.enqueue import Run, queue
from gentle_nudge.koha.write import action_logs
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import cases, meta, runs
from gentle_nudge.store.runs import Claim


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


def write_ours(conn: Connection, run: Run, plan: Plan) -> None:
    """Write cases, runs and queued reports; nothing of Koha changes but its log."""
    section, update = run.section, run.ids.get(ReportKind.UPDATE)
    adopted: dict[int, int] = {}
    for chunk in a_thousand_at_a_time(plan.decisions):
        actions = [action for decision in chunk for action in planned_changes(decision, section)]
        fees = of(actions, ChargeFee)
        action_logs.log_changes(conn, flag_changes(actions), fees, logs=run.logs, moment=run.moment)
        cases.follow(conn, of(actions, FollowCase))
        cases.reopen(conn, of(actions, ReopenCase))
        new = of(actions, OpenCase)
        referred = [action for action in new if isinstance(action.decision, Referral)]
        cases.open_new(conn, section=section.name, actions=referred, run=run.ids.get(ReportKind.SUBMISSION))
        flagged = [action for action in new if isinstance(action.decision, Adoption)]
        opened = cases.open_new(conn, section=section.name, actions=flagged, run=update)
        adopted |= opened
        closing = [replace(ending, case=ending.case or opened[ending.patron]) for ending in of(actions, CloseCase)]
        cases.close(conn, closing, run=update, day=plan.day, now=run.moment.now)
        cases.forget_names_of(conn, [each.patron for each in closing if each.state is CaseState.ANONYMIZED])
    if ReportKind.SUBMISSION in run.ids:
        queue_submission(conn, run, plan)
    if update:
        queue_update(conn, run, plan, adopted)


def queue_submission(conn: Connection, run: Run, plan: Plan) -> None:
    """Store and queue the submission, and record its dues with the new cases."""
    rows = plan.submission()
    balances, fees = sum((row.balance for row in rows), ZERO), sum((row.fee for row in rows), ZERO)
    counts = RunCounts(numbers={"patrons": len(rows), "referred": len(rows)}, amount=balances, fees=fees)
    stored = queue(conn, run, ReportKind.SUBMISSION, with_contacts(conn, rows), counts=counts)
    if stored:
        cases.report_referred(conn, stored.id, run.ids[ReportKind.SUBMISSION])


def queue_update(conn: Connection, run: Run, plan: Plan, adopted: dict[int, int]) -> None:
    """Store and queue the update, and record with the cases their changed and last dues; `adopted`: patron -> case.

    Tonight's referrals are left out: the submission has reported them.
    """
    rows, last_words = plan.update(), {case.id for case in plan.records.last_words} - plan.untold
    closed = {state.value: count for state, count in plan.closes.items()}
    numbers = {"patrons": len(rows), "adopted": len(adopted), "reopened": len(plan.of(Reopening)), **closed}
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


def change_koha(conn: Connection, run: Run, plan: Plan) -> None:
    """Carry out the decisions in Koha, record the new rows with the new cases, and what the closed ones owe."""
    section, moment = run.section, run.moment
    for chunk in a_thousand_at_a_time(plan.decisions):
        patrons = [heir_of(decision) or decision.number for decision in chunk]
        holdings = holdings_of(conn, patrons, moment.today)
        planned = [action for decision in chunk for action in planned_changes(decision, section)]
        blocks = [
            action
            for decision, patron in zip(chunk, patrons, strict=True)
            for action in restriction_changes(decision, holdings[patron], section)
        ]
        made = carry_out(conn, [*planned, *blocks], moment, run.logs)
        opened = [action.patron for action in planned if isinstance(action, OpenCase | ReopenCase)]
        cases.complete(conn, section.cases_of, opened, fee=made.fee, restriction=made.restriction)
        recorded = {action.patron: action for action in of(blocks, RecordRestriction)}
        if recorded:
            new_cases = cases.opened_for(conn, run.ids.values(), recorded)
            in_place = {action.case or new_cases[patron]: action.restriction for patron, action in recorded.items()}
            cases.record_restrictions(conn, in_place)
    if ReportKind.UPDATE in run.ids:
        cases.keep_owing(conn, owing_of(conn, cases.closed_in(conn, run.ids[ReportKind.UPDATE])))
