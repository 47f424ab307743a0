"""What a run of reminders writes: series, fees, restrictions, Koha's queue, and its own row."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import Connection

from gentle_nudge.domain.actions import ChargeFee, LiftRestriction, Restrict
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.reminders.plan import Lift, PlannedLetter, SectionPlan
from gentle_nudge.domain.reminders.series import Message, Reminder, Series
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.run import RunCounts
from gentle_nudge.jobs.koha_log import LOGGED, log_ours
from gentle_nudge.jobs.patrons.carry_out import RowsMade, carry_out
from gentle_nudge.jobs.reminders.compose import Stationery, queued
from gentle_nudge.jobs.reminders.reminded_sections import Reminding
from gentle_nudge.koha.write import action_logs
from gentle_nudge.koha.write.new_rows import NewRows, numbers_of
from gentle_nudge.koha.write.queue_letter import queue_letters
from gentle_nudge.store import meta, reminder_series, runs
from gentle_nudge.store.runs import Claim


def claim(conn: Connection, section: Section, moment: Moment) -> int:
    """The new run of the section; our row stays locked until the transaction ends."""
    meta.lock(conn)
    number = runs.next_number(conn, section=section.name, report=ReportKind.REMIND, day=moment.day)
    wanted = Claim(section=section.name, report=ReportKind.REMIND, day=moment.day, number=number, who=moment.who)
    run = runs.claim(conn, wanted, now=moment.now)
    if run is None:
        raise AssertionError("our row is locked, so nobody else claims a number")
    return run


def write_letters(conn: Connection, reminding: Reminding, plan: SectionPlan, *, run: int, paper: Stationery) -> None:
    """Koha and our tables are as the plan says."""
    moment = paper.moment
    reminder_series.settle(conn, plan.news)
    for closing in plan.closings:
        reminder_series.close(conn, closing.series.id, closing.state, day=plan.day, why=None, who=None)
    lift(conn, plan.lifts, moment)
    series = _series(conn, reminding, plan)
    made = _charge(conn, reminding, plan.letters, moment)
    _record_restrictions(conn, reminding, plan, series=series, made=made.restriction)
    _queue(conn, plan, paper, run=run, series=series, fees=made.fee)
    messages = sum(len(letter.envelopes) for letter in plan.letters)
    numbers = {"patrons": len(plan.letters), "messages": messages, "reprinted": len(plan.reprints)}
    numbers |= {"closed": len(plan.closings), "lifted": len(plan.lifts)}
    totals = sum((letter.facts.total for letter in plan.letters), Decimal(0))
    runs.finish(conn, run, now=moment.now, counts=RunCounts(numbers=numbers, amount=totals, fees=plan.fees))
    info = {"run": run, "section": plan.section, "letters": len(plan.letters), "fees": f"{plan.fees:.2f}"}
    log_ours(conn, LOGGED[ReportKind.REMIND], info, moment)


def lift(conn: Connection, lifts: Iterable[Lift], moment: Moment) -> None:
    """The restrictions are gone, as far as they are still ours."""
    lifts = tuple(lifts)
    actions = [
        LiftRestriction(patron=each.series.patron, restriction=each.restriction) for each in lifts if each.restriction
    ]
    if actions:
        carry_out(conn, actions, moment, action_logs.wanted(conn))
    reminder_series.lifted(conn, [each.series.id for each in lifts], moment.day)


def _series(conn: Connection, reminding: Reminding, plan: SectionPlan) -> dict[int, int]:
    """Patron -> the number of the series, begun with level 1 if there was none."""
    new = [
        Series(
            id=0,
            section=reminding.section.name,
            patron=letter.number,
            since=letter.verdict.since or plan.day,
            opened_on=plan.day,
            used_before=letter.debtor.patron.used_before if letter.debtor.patron else 0,
        )
        for letter in plan.letters
        if letter.debtor.series is None
    ]
    known = {letter.number: letter.debtor.series.id for letter in plan.letters if letter.debtor.series}
    return known | (reminder_series.begin(conn, new) if new else {})


def _charge(conn: Connection, reminding: Reminding, letters: Iterable[PlannedLetter], moment: Moment) -> RowsMade:
    """The fees and restrictions of these letters are there, and Koha has logged them."""
    remind, policy = reminding.remind, reminding.section.policy
    fees, blocks = [], []
    for letter in letters:
        if letter.step.fee:
            own = letter.debtor.patron.branch if letter.debtor.patron else None
            branch = {"none": None, "patron": own}.get(policy.fee_branch, policy.fee_branch)
            what = {"type": remind.fee_debit_type, "description": remind.fee_description}
            fees.append(ChargeFee(patron=letter.number, amount=letter.step.fee, branch=branch, **what))
        if letter.blocks:
            comment = remind.comment(moment.day)
            blocks.append(Restrict(patron=letter.number, type=remind.restriction_type, comment=comment))
    logs = action_logs.wanted(conn)
    made = carry_out(conn, [*fees, *blocks], moment, logs)
    action_logs.log_changes(conn, [], fees, logs=logs, moment=moment)
    return made


def _record_restrictions(
    conn: Connection, reminding: Reminding, plan: SectionPlan, *, series: dict[int, int], made: NewRows | None
) -> None:
    blocked = [letter.number for letter in plan.letters if letter.blocks]
    for patron, restriction in (numbers_of(conn, made, blocked) if made else {}).items():
        reminder_series.restrict(
            conn,
            series[patron],
            restriction,
            type_=reminding.remind.restriction_type,
            comment=reminding.remind.comment(plan.day),
        )


def _queue(
    conn: Connection,
    plan: SectionPlan,
    paper: Stationery,
    *,
    run: int,
    series: dict[int, int],
    fees: NewRows | None,
) -> None:
    """Every message waits in Koha's queue and is recorded with its level."""
    charged = [letter.number for letter in plan.letters if letter.step.fee]
    fee_lines = numbers_of(conn, fees, charged) if fees else {}
    letters = [*plan.letters, *(each.letter for each in plan.reprints)]
    to_queue = [queued(paper, letter) for letter in letters]
    numbers = iter(queue_letters(conn, [each for of_letter in to_queue for each in of_letter], paper.moment.now))
    messages = [_messages(letter, numbers) for letter in letters]
    sent = {
        series[letter.number]: Reminder(
            level=letter.verdict.level or 0,
            day=plan.day,
            letter=letter.step.letter,
            branch=letter.branch,
            charges=letter.facts.debt.charges,
            fee=letter.step.fee,
            fee_line=fee_lines.get(letter.number),
            total=letter.facts.total,
            messages=of_letter,
        )
        for letter, of_letter in zip(plan.letters, messages, strict=False)
    }
    reminder_series.record(conn, sent, run=run, now=paper.moment.now)
    for reprint, (message,) in zip(plan.reprints, messages[len(plan.letters) :], strict=True):
        last = reprint.letter.debtor.series.last if reprint.letter.debtor.series else None
        if last and last.id:
            instead = Message(
                message=message.message,
                addressee=message.addressee,
                transport=message.transport,
                language=message.language,
                replaces=reprint.replaces.message,
            )
            reminder_series.add_messages(conn, {last.id: [instead]})


def _messages(letter: PlannedLetter, numbers: Iterable[int]) -> tuple[Message, ...]:
    return tuple(
        Message(
            message=number,
            addressee=envelope.addressee.number,
            transport=envelope.transport,
            language=envelope.row.language,
        )
        for envelope, number in zip(letter.envelopes, numbers, strict=False)
    )
