"""Release: withdraw the referral of one patron, or of everybody in a submission."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from sqlalchemy import Connection

from gentle_nudge.domain.actions import ForgiveFee, OwingFee
from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.case_outcome import CaseFacts
from gentle_nudge.domain.collections.changes import CloseCase, FollowCase, of
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.restriction import Holdings
from gentle_nudge.domain.collections.withdrawal import Withdrawal, WithdrawnCase, outcome_of_deliveries, withdraw
from gentle_nudge.domain.hold import HoldEnd
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.outbox import Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.find_patron import for_each_card, known_cases
from gentle_nudge.jobs.patrons.accounts import line_rules, with_accounts
from gentle_nudge.jobs.patrons.carry_out import carry_out_and_log
from gentle_nudge.jobs.patrons.evidence import case_facts, holdings_of
from gentle_nudge.jobs.patrons.recorded_lines import owing_of
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.koha.read import borrowers
from gentle_nudge.koha.write import action_logs, charge
from gentle_nudge.store import cases, deliveries, holds, meta, report_files


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawalRequest:
    """What to withdraw, and why: the cases of patrons (`cards`) or the submission of a `day`, of sections so named."""

    reason: str
    cards: tuple[str, ...] = ()
    day: date | None = None
    sections: tuple[str, ...] = ()
    waive_fee: bool = False


def withdraw_cases(
    conn: Connection, sections: Sequence[Section], wanted: WithdrawalRequest, *, moment: Moment, dry_run: bool = False
) -> list[Withdrawal]:
    """What the request withdraws in each section; the same request again finds nothing left to do.

    UserError, and nothing is done, for an unknown card or submission and for a patron with cases in several sections.
    """
    meta.ready(conn) if dry_run else meta.lock(conn)
    submissions: list[Stored] = []
    referred: list[Case] = []
    if wanted.day:
        submissions = report_files.find(conn, report=ReportKind.SUBMISSION, day=wanted.day, sections=wanted.sections)
        referred = cases.of_submission(conn, day=wanted.day, sections=wanted.sections)
        if not submissions:
            raise UserError(f"There is no submission of {wanted.day}.", "gentle-nudge history shows every run.")
    of_cards = for_each_card(wanted.cards, partial(_of_patron, conn, sections, wanted))
    named = {case.id: case for ours in of_cards for case in ours}.values()
    withdrawals = []
    for section in sections:
        chosen = [case for case in (named or _still_to_do(referred, wanted)) if case.section in section.may_end]
        whole = [each for each in submissions if each.section in section.may_end]
        if chosen or whole:
            facts, holdings = _look(conn, section, chosen, moment=moment, lock=not dry_run)
            taken = tuple(_withdrawn(conn, section, facts, holdings, wanted=wanted, moment=moment))
            withdrawals.append(_with_deliveries(conn, section, taken, whole, by_day=bool(wanted.day)))
            if not dry_run:
                _apply(conn, withdrawals[-1], wanted, moment)
    return withdrawals


def _of_patron(conn: Connection, sections: Sequence[Section], wanted: WithdrawalRequest, card: str) -> list[Case]:
    """What is to be withdrawn of one patron; UserError for an unknown one, and for cases in several sections."""
    known, ours = known_cases(conn, card), list[Case]()
    for section in sections:
        may_end = set(section.may_end).intersection(wanted.sections or section.may_end)
        ours += _still_to_do([case for case in known if case.section in may_end], wanted)
    names = sorted({case.section for case in ours})
    if len(names) > 1:
        listed = ", ".join(names)
        raise UserError(f"This patron has cases in several sections: {listed}.", "Name one of them with --library.")
    return ours


def _still_to_do(ours: Sequence[Case], wanted: WithdrawalRequest) -> list[Case]:
    """The open ones of these cases; if the fee is waived, also cases that are withdrawn already."""
    still_open = [case for case in ours if case.state is CaseState.OPEN]
    withdrawn = [case for case in ours if case.state is CaseState.WITHDRAWN] if wanted.waive_fee else []
    return [*still_open, *withdrawn] if wanted.day else (still_open or withdrawn[-1:])


def _look(
    conn: Connection, section: Section, chosen: Sequence[Case], *, moment: Moment, lock: bool
) -> tuple[tuple[CaseFacts, ...], dict[int, Holdings]]:
    """The facts of these cases, and what their patrons have; with `lock` patrons and lines are locked first."""
    records = read_records(conn, section)
    numbers = {facts.person.number for facts in case_facts(conn, section, records, chosen) if facts.person}
    patrons = borrowers.patrons(conn, section.policy.patron_fields, numbers, lock=lock).values()
    rules = line_rules(section, moment, records)
    read = with_accounts(conn, section, records, patrons, rules=rules, lock=lock)
    candidates = {candidate.patron.number: candidate for candidate in read}
    facts = case_facts(conn, section, records, chosen, candidates=candidates)
    return facts, holdings_of(conn, candidates, moment.today)


def _withdrawn(
    conn: Connection,
    section: Section,
    facts_of_cases: Sequence[CaseFacts],
    holdings: Mapping[int, Holdings],
    *,
    wanted: WithdrawalRequest,
    moment: Moment,
) -> Iterator[WithdrawnCase]:
    """The cases with their actions; of several cases with one heir only the first takes the flag off."""
    lines = (facts.case.fee_line for facts in facts_of_cases if facts.case.fee_line) if wanted.waive_fee else ()
    fees = {line: fee for line, fee in charge.owing(conn, lines).items() if fee.patron in holdings}
    heirs: set[int] = set()
    for facts in facts_of_cases:
        case, person, heir = facts.case, facts.person, facts.heir
        has_more_cases = heir is not None and (heir.number in heirs or facts.records.has_case(section))
        if heir:
            heirs.add(heir.number)
        to_undo = holdings.get(person.number) if person and not has_more_cases else None
        fee = fees.get(case.fee_line or 0)
        why = f"{wanted.reason} (released by {moment.who or 'nobody'}{_waived(fee)})"
        actions = tuple(withdraw(facts, to_undo, section, why)) if case.state is CaseState.OPEN else ()
        yield WithdrawnCase(case=case, actions=actions, fee=fee)


def _waived(fee: OwingFee | None) -> str:
    return f"; {format_amount(fee.outstanding)} of the fee waived" if fee else ""


def _with_deliveries(
    conn: Connection, section: Section, taken: tuple[WithdrawnCase, ...], whole: Sequence[Stored], *, by_day: bool
) -> Withdrawal:
    """These cases, with the outcome of the submissions that are withdrawn as a whole, by day or by their cases."""
    ending = {withdrawn.case.id for withdrawn in taken if withdrawn.ends}
    runs = {each.case.opened_run for each in taken if each.case.opened_run and not each.case.adopted}
    outcomes, unheard = [], set[int]()
    for submission in whole or report_files.of_runs(conn, runs):
        referred = cases.opened_by(conn, [submission.run])
        all_withdrawn = all(case.id in ending or case.state is CaseState.WITHDRAWN for case in referred)
        if submission.report is ReportKind.SUBMISSION and (by_day or all_withdrawn):
            told = deliveries.since(conn, submission.id, {submission.section, *section.may_end})
            unsure = deliveries.unsure(conn, [delivery.id for delivery in told])
            outcomes.append(outcome_of_deliveries(told, submission.id, unsure=unsure))
            if not outcomes[-1].heard:
                unheard.update(case.id for case in referred)
    return Withdrawal(
        section=section.name,
        taken=taken,
        cancelled=tuple(delivery for outcome in outcomes for delivery in outcome.cancelled),
        set_aside=tuple(delivery for outcome in outcomes for delivery in outcome.set_aside),
        unheard=frozenset(unheard),
    )


def _apply(conn: Connection, withdrawal: Withdrawal, wanted: WithdrawalRequest, moment: Moment) -> None:
    """Koha, the cases and the queue are as the withdrawal says."""
    actions = [action for withdrawn in withdrawal.taken for action in withdrawn.actions]
    carry_out_and_log(conn, actions, moment)
    cases.follow(conn, of(actions, FollowCase))
    cases.close(conn, of(actions, CloseCase), run=None, day=moment.day, now=moment.now)
    _forgive(conn, withdrawal.taken, moment)
    cases.keep_owing(conn, owing_of(conn, [withdrawn.case for withdrawn in withdrawal.taken if withdrawn.ends]))
    _end_holds(conn, {each.case.patron for each in withdrawal.taken if each.ends}, moment)
    cases.mark_to_report(conn, withdrawal.to_tell, flag=True)
    cases.mark_to_report(conn, withdrawal.unheard, flag=False)
    ids = [delivery.id for delivery in withdrawal.cancelled]
    deliveries.cancel(conn, ids, now=moment.now, reason=wanted.reason, who=moment.who)
    deliveries.set_aside(conn, [delivery.id for delivery in withdrawal.set_aside], moment.now)


def _end_holds(conn: Connection, patrons: AbstractSet[int | None], moment: Moment) -> None:
    """The holds that people have made of these patrons are over, unless another case of theirs is open."""
    over = [hold for hold in holds.open_holds(conn) if hold.is_by_person and hold.patron in patrons]
    in_collections = cases.open_case_patrons(conn) if over else {}
    ended = [replace(hold, ended_by=HoldEnd.CLOSED) for hold in over if hold.patron not in in_collections]
    holds.end(conn, ended, moment.now)


def _forgive(conn: Connection, taken: Sequence[WithdrawnCase], moment: Moment) -> None:
    """The fees owe nothing, Koha has logged it, and restrictions are gone that Koha lifts after a payment."""
    fees: defaultdict[int, list[OwingFee]] = defaultdict(list)
    for fee in (withdrawn.fee for withdrawn in taken if withdrawn.fee):
        fees[fee.patron].append(fee)
    waivers = [ForgiveFee(patron=patron, fees=tuple(owed)) for patron, owed in sorted(fees.items())]
    charge.forgive(conn, waivers, moment)
    if action_logs.wanted(conn).fines:
        action_logs.write(conn, map(action_logs.fee_forgiven, waivers), moment)
    carry_out_and_log(conn, charge.lifted_by_payment(conn, fees), moment)
    closed_before = (withdrawn for withdrawn in taken if withdrawn.fee and not withdrawn.ends)
    reasons = {each.case.id: f"{each.case.why}{_waived(each.fee)}, by {moment.who}" for each in closed_before}
    cases.set_reason(conn, reasons)
