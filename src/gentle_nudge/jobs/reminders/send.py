"""What a run of reminders writes: series, fees, restrictions, Koha's queue, and its own row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

from sqlalchemy import Connection

from gentle_nudge.domain.actions import ChargeFee, LiftRestriction, Restrict
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.reminders.plan import Lift, PlannedLetter, SectionPlan, written
from gentle_nudge.domain.reminders.series import Message, Reminder, Series
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.run import RunCounts
from gentle_nudge.jobs.koha_log import LOGGED, log_ours
from gentle_nudge.jobs.patrons.carry_out import RowsMade, carry_out
from gentle_nudge.jobs.reminders.compose import Stationery
from gentle_nudge.jobs.reminders.reminded_sections import Reminding
from gentle_nudge.koha.write import action_logs
from gentle_nudge.koha.write.new_rows import NewRows, numbers_of
from gentle_nudge.koha.write.queue_letter import queue_letters
from gentle_nudge.store import reminder_series, runs
from gentle_nudge.store.runs import Claim


def write_letters(conn: Connection, reminding: Reminding, plan: SectionPlan, *, paper: Stationery) -> None:
    """Koha and our tables are as the plan says; our row is locked, so that nobody else claims the number of the run."""
    moment, section, report = paper.moment, reminding.section.name, ReportKind.REMIND
    number = runs.next_number(conn, section=section, report=report, day=plan.day)
    claim = Claim(section=section, report=report, day=plan.day, number=number, who=moment.who)
    run = runs.claim(conn, claim, now=moment.now)
    if run is None:
        raise AssertionError("our row is locked, so nobody else claims a number")
    reminder_series.settle(conn, plan.news)
    for verdict in plan.closings:
        if verdict.debtor.series and verdict.ends:
            reminder_series.close(conn, verdict.debtor.series.id, verdict.ends, day=plan.day)
    lift(conn, plan.lifts, moment)
    series = _series(conn, reminding, plan)
    made = _charge(conn, reminding, plan.letters, moment)
    blocked = [letter.number for letter in plan.letters if letter.blocks]
    for patron, restriction in (numbers_of(conn, made.restriction, blocked) if made.restriction else {}).items():
        reminder_series.restrict(conn, series[patron], _block(reminding, patron, plan.day), restriction)
    _queue(conn, plan, paper, run=run, series=series, fees=made.fee)
    messages = sum(len(letter.envelopes) for letter in plan.letters)
    numbers = {"patrons": len(plan.letters), "messages": messages, "reprinted": len(plan.reprints)}
    numbers |= {"closed": len(plan.closings), "lifted": len(plan.lifts)}
    totals = sum((letter.total for letter in plan.letters), ZERO)
    runs.finish(conn, run, now=moment.now, counts=RunCounts(numbers=numbers, amount=totals, fees=plan.fees))
    info = {"run": run, "section": section, "letters": len(plan.letters), "fees": f"{plan.fees:.2f}"}
    log_ours(conn, LOGGED[report], info, moment)


def lift(conn: Connection, lifts: Collection[Lift], moment: Moment) -> None:
    """The restrictions are gone, as far as they are still ours."""
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
            section=reminding.section.name,
            patron=letter.number,
            since=letter.since or plan.day,
            opened_on=plan.day,
            used_before=letter.debtor.patron.used_before if letter.debtor.patron else 0,
        )
        for letter in plan.letters
        if letter.debtor.series is None
    ]
    reminder_series.begin(conn, new)
    return reminder_series.open_ones(conn, reminding.section.names, [letter.number for letter in plan.letters])


def _block(reminding: Reminding, patron: int, day: date) -> Restrict:
    return Restrict(patron=patron, type=reminding.remind.restriction_type, comment=reminding.remind.comment(day))


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
            blocks.append(_block(reminding, letter.number, moment.day))
    logs = action_logs.wanted(conn)
    made = carry_out(conn, [*fees, *blocks], moment, logs)
    action_logs.log_changes(conn, [], fees, logs=logs, moment=moment)
    return made


def _queue(
    conn: Connection,
    plan: SectionPlan,
    paper: Stationery,
    *,
    run: int,
    series: Mapping[int, int],
    fees: NewRows | None,
) -> None:
    """Every message waits in Koha's queue and is recorded with its level."""
    charged = [letter.number for letter in plan.letters if letter.step.fee]
    fee_lines = numbers_of(conn, fees, charged) if fees else {}
    texts = [text for letter in plan.written for text in written(letter, paper.correspondence)]
    numbers = queue_letters(conn, texts, paper.moment.now)
    sent = {
        series[letter.number]: Reminder(
            level=letter.level,
            day=plan.day,
            letter=letter.step.letter,
            branch=letter.branch,
            charges=letter.debtor.debt.charges,
            fee=letter.step.fee,
            fee_line=fee_lines.get(letter.number),
            total=letter.total,
            messages=_messages(letter, numbers),
        )
        for letter in plan.letters
    }
    reminder_series.record(conn, sent, run=run, now=paper.moment.now)
    for letter in plan.reprints:
        if letter.debtor.last and letter.debtor.last.id:
            reminder_series.add_messages(conn, {letter.debtor.last.id: _messages(letter, numbers)})


def _messages(letter: PlannedLetter, numbers: Iterator[int]) -> tuple[Message, ...]:
    replaces = letter.replaces.message if letter.replaces else None
    return tuple(
        Message(
            message=next(numbers),
            addressee=envelope.addressee.number,
            transport=envelope.row.transport,
            language=envelope.row.language,
            replaces=replaces,
        )
        for envelope in letter.envelopes
    )
