"""Release: staff take referrals back, one patron's or a whole submission's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from gentle_nudge.domain.actions import ForgiveFee, OwingFee
from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.case_outcome import CaseFacts
from gentle_nudge.domain.collections.changes import CloseCase, FollowCase, Holdings, of
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.withdrawal import (
    DeliveryOutcome,
    Withdrawal,
    WithdrawnCase,
    outcome_of_deliveries,
    withdraw,
)
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.outbox import Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.history import known_cases
from gentle_nudge.jobs.patrons.carry_out import carry_out_and_log
from gentle_nudge.jobs.patrons.evidence import case_facts, holdings_of, line_rules, with_accounts
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.koha.read import borrowers
from gentle_nudge.koha.write import action_logs, charge
from gentle_nudge.store import cases, deliveries, meta, report_files

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawalRequest:
    """What is to be taken back, and why: the case of a patron, or the submission of a day (of these sections)."""

    reason: str
    card: str | None = None
    day: date | None = None
    sections: tuple[str, ...] = ()
    waive_fee: bool = False

    @property
    def is_submission(self) -> bool:
        """Whether a whole submission is meant."""
        return self.day is not None


def concerned(conn: Connection, sections: Sequence[Section], wanted: WithdrawalRequest) -> list[Section]:
    """The sections in which something is to be taken back.

    UserError for a card or a submission that we know nothing of, and for a patron with cases in several sections.
    """
    meta.ready(conn)
    if wanted.day and not report_files.find(
        conn, report=ReportKind.SUBMISSION, day=wanted.day, sections=wanted.sections
    ):
        raise UserError(f"There is no submission of {wanted.day}.", "gentle-nudge history shows every run.")
    found = [section for section in sections if _chosen(conn, section, wanted) or _submissions(conn, section, wanted)]
    if len(found) > 1 and not wanted.is_submission:
        names = ", ".join(section.name for section in found)
        raise UserError(f"This patron has cases in several sections: {names}.", "Name one of them with --library.")
    return found


def _chosen(conn: Connection, section: Section, wanted: WithdrawalRequest) -> list[Case]:
    """The cases of this section that are meant: the open ones; for a waiver those withdrawn before as well."""
    if wanted.day:
        known = cases.of_submission(conn, day=wanted.day, sections=wanted.sections)
    else:
        known = known_cases(conn, wanted.card or "")
    ours = [case for case in known if case.section in section.cases_of]
    still_open = [case for case in ours if case.state is CaseState.OPEN]
    withdrawn = [case for case in ours if case.state is CaseState.WITHDRAWN] if wanted.waive_fee else []
    return [*still_open, *withdrawn] if wanted.is_submission else (still_open or withdrawn[-1:])


def withdraw_cases(
    conn: Connection, section: Section, wanted: WithdrawalRequest, *, moment: Moment, dry_run: bool = False
) -> Withdrawal:
    """What is wanted is taken back, once: the same again finds nothing left to do."""
    if not dry_run:
        meta.lock(conn)
    chosen = _chosen(conn, section, wanted)
    seen = _look(conn, section, chosen, moment=moment, lock=not dry_run)
    taken = _taken_back(conn, section, seen, wanted=wanted, moment=moment)
    found = _with_fates(conn, section, taken, wanted)
    if not dry_run:
        _apply(conn, found, wanted, moment)
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedCases:
    """The cases with what Koha says of them, and what their patrons have."""

    cases: tuple[CaseFacts, ...]
    holdings: Mapping[int, Holdings]


def _look(conn: Connection, section: Section, chosen: Sequence[Case], *, moment: Moment, lock: bool) -> LockedCases:
    """Everything about these cases; `lock` locks their patrons, then the lines of these, before it is read."""
    records = read_records(conn, section)
    numbers = {facts.person.number for facts in case_facts(conn, section, records, chosen) if facts.person}
    patrons = borrowers.patrons(conn, section.policy.patron_fields, numbers, lock=lock).values()
    rules = line_rules(section, moment, records)
    read = with_accounts(conn, section, records, patrons, rules=rules, lock=lock)
    candidates = {candidate.patron.number: candidate for candidate in read}
    return LockedCases(
        cases=case_facts(conn, section, records, chosen, candidates=candidates),
        holdings=holdings_of(conn, candidates, moment.today),
    )


def _taken_back(
    conn: Connection, section: Section, seen: LockedCases, *, wanted: WithdrawalRequest, moment: Moment
) -> tuple[WithdrawnCase, ...]:
    """The cases with what they change; of several that lead to one heir the first alone takes the flag off."""
    lines = (one.case.fee_line for one in seen.cases if one.case.fee_line) if wanted.waive_fee else ()
    fees = {line: fee for line, fee in charge.owing(conn, lines).items() if fee.patron in seen.holdings}
    heirs: set[int] = set()
    taken = []
    for facts in seen.cases:
        holdings = seen.holdings.get(facts.person.number) if facts.person else None
        if facts.heir and (facts.heir.number in heirs or facts.records.has_case(section)):
            holdings = None
        elif facts.heir:
            heirs.add(facts.heir.number)
        fee = fees.get(facts.case.fee_line or 0)
        actions = withdraw(facts, holdings, section, _why(wanted, moment, fee))
        ends = facts.case.state is CaseState.OPEN
        taken.append(WithdrawnCase(case=facts.case, actions=tuple(actions) if ends else (), fee=fee))
    return tuple(taken)


def _why(wanted: WithdrawalRequest, moment: Moment, fee: OwingFee | None) -> str:
    return f"{wanted.reason} (released by {moment.who or 'nobody'}{_waived(fee)})"


def _waived(fee: OwingFee | None) -> str:
    return f"; {format_amount(fee.outstanding)} of the fee waived" if fee else ""


def _with_fates(
    conn: Connection, section: Section, taken: tuple[WithdrawnCase, ...], wanted: WithdrawalRequest
) -> Withdrawal:
    """With what becomes of the submissions: those taken back as a whole are cancelled where they have not arrived."""
    ending = {one.case.id for one in taken if one.ends}
    runs = {one.case.opened_run for one in taken if one.case.opened_run and not one.case.adopted}
    fates, unheard = [], set[int]()
    for submission in _submissions(conn, section, wanted) or report_files.of_runs(conn, runs):
        referred = cases.opened_by(conn, [submission.run])
        gone = all(case.id in ending or case.state is CaseState.WITHDRAWN for case in referred)
        if submission.report is ReportKind.SUBMISSION and (wanted.is_submission or gone):
            fates.append(_fate(conn, section, submission))
            unheard |= set() if fates[-1].heard else {case.id for case in referred}
    return Withdrawal(section=section.name, taken=taken, fates=tuple(fates), unheard=frozenset(unheard))


def _submissions(conn: Connection, section: Section, wanted: WithdrawalRequest) -> list[Stored]:
    """The submissions of this section that are to be taken back as a whole."""
    names = set(section.cases_of) & set(wanted.sections)
    return report_files.find(conn, report=ReportKind.SUBMISSION, day=wanted.day, sections=names) if wanted.day else []


def _fate(conn: Connection, section: Section, submission: Stored) -> DeliveryOutcome:
    told = deliveries.since(conn, submission.id, {submission.section, *section.cases_of})
    unsure = deliveries.unsure(conn, [delivery.id for delivery in told])
    return outcome_of_deliveries(told, submission.id, unsure=unsure, strictly=section.policy.update_lists == "changed")


def _apply(conn: Connection, found: Withdrawal, wanted: WithdrawalRequest, moment: Moment) -> None:
    """Koha, the cases and the queue are as the release says."""
    actions = [action for one in found.taken for action in one.actions]
    carry_out_and_log(conn, actions, moment)
    cases.follow(conn, of(actions, FollowCase))
    cases.close(conn, of(actions, CloseCase), run=None, day=moment.day, now=moment.now)
    _forgive(conn, [one for one in found.taken if one.fee], moment)
    cases.mark_to_report(conn, found.to_tell, flag=True)
    cases.mark_to_report(conn, found.unheard, flag=False)
    for each in found.fates:
        ids = [delivery.id for delivery in each.cancelled]
        deliveries.cancel(conn, ids, now=moment.now, reason=wanted.reason, who=moment.who)
        deliveries.set_aside(conn, [delivery.id for delivery in each.set_aside], moment.now)


def _forgive(conn: Connection, taken: Sequence[WithdrawnCase], moment: Moment) -> None:
    """The fees owe nothing, Koha has logged it and lifted what it lifts after a payment."""
    fees: defaultdict[int, list[OwingFee]] = defaultdict(list)
    for one in taken:
        if one.fee:
            fees[one.fee.patron].append(one.fee)
    waivers = [ForgiveFee(patron=patron, fees=tuple(theirs)) for patron, theirs in sorted(fees.items())]
    charge.forgive(conn, waivers, moment.now)
    if action_logs.wanted(conn).fines:
        action_logs.write(conn, map(action_logs.fee_forgiven, waivers), moment.now)
    carry_out_and_log(conn, charge.lifted_by_payment(conn, fees), moment)
    before = {one.case.id: f"{one.case.why}{_waived(one.fee)}" for one in taken if not one.ends}
    cases.set_reason(conn, {number: f"{why}, by {moment.who}" for number, why in before.items()})
