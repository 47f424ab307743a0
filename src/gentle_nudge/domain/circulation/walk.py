"""A loan day by day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

from gentle_nudge.domain.circulation.calendar import DAY
from gentle_nudge.domain.circulation.event import EarliestSubmission, Road, Why
from gentle_nudge.domain.circulation.findings import RoadFacts, findings_of
from gentle_nudge.domain.circulation.loan import (
    Loan,
    NotComputed,
    RemindersOfRoad,
    SentOnRoad,
    SoFar,
    SubmissionRules,
)
from gentle_nudge.domain.circulation.long_overdue import LongOverdueJob
from gentle_nudge.domain.circulation.notices import CourtesyNotice, courtesy_notices
from gentle_nudge.domain.circulation.snapshot import Snapshot
from gentle_nudge.domain.circulation.steps import Steps
from gentle_nudge.domain.circulation.terms import LONGEST, RoadTerms
from gentle_nudge.domain.money import format_amount

__all__ = ["NotComputed", "walk", "walk_on"]

BILL = 5
QUIET = 7  # days besides those of the window after which nothing can count that has not counted before
WITHOUT_SECTION = 90


def walk(
    snapshot: Snapshot,
    loan: Loan,
    job: LongOverdueJob,
    submissions: SubmissionRules,
    *,
    reminders: RemindersOfRoad | None = None,
) -> Road:
    """The road of this loan with all its events and findings.

    NotComputed: no circulation rules, lent by the hour, no open day within 5,000 days, a day of return outside its
    limits, a payment without a LOST charge of that amount. Unknown codes, and options that exclude each other, are
    the caller's to refuse.
    """
    walked = walk_on(RoadTerms.of(snapshot, loan, job), submissions, reminders)
    terms, steps = walked.terms, walked.steps
    return Road(
        triggers=snapshot.layout,
        libraries=terms.rules.libraries,
        checkout=loan.checkout,
        due=terms.due,
        lost=terms.lost,
        lost_charged=steps.lost_charged,
        returned=loan.returned,
        price=terms.price.amount,
        balance=steps.account.balance,
        section=submissions.section,
        submission=walked.submission,
        never=walked.never,
        last_day=steps.day,
        events=tuple(steps.events),
        findings=tuple(findings_of(walked.facts, of_road=True)),
    )


def walk_on(terms: RoadTerms, submissions: SubmissionRules, reminders: RemindersOfRoad | None) -> Walk:
    """The road on these terms, walked to its end."""
    walked = Walk(terms=terms, submissions=submissions, reminders=reminders)
    walked.to_the_end()
    return walked


@dataclass(kw_only=True)
class Walk:
    """A road that is walked: when which step is taken, and when it ends."""

    terms: RoadTerms
    submissions: SubmissionRules
    reminders: RemindersOfRoad | None
    submission: EarliestSubmission | None = None
    reached_threshold: bool = False
    last_reason: str = ""
    asked_at: int = 0
    ask_on: date | None = None
    courtesies: dict[date, list[CourtesyNotice]] = field(default_factory=dict)

    @cached_property
    def steps(self) -> Steps:
        """The loan on its way, from its first day."""
        loan, due = self.terms.loan, self.terms.due
        for notice in courtesy_notices(self.terms.rules, due):
            self.courtesies.setdefault(notice.day, []).append(notice)
        days = [due, *self.courtesies, *filter(None, (loan.returned,))]
        return Steps(terms=self.terms, day=loan.checkout or min(days))

    @property
    def never(self) -> str | None:
        """Why the loan is never referred; None if it is."""
        rules = self.submissions
        if self.submission:
            return None
        if rules.judge is None:
            return rules.none_because or "no section speaks for it"
        if self.terms.is_back_in_time:
            return "the loan is brought back by its due date, so that nothing is owed"
        if not self.reached_threshold:
            return f"the balance reaches the threshold of {format_amount(rules.threshold)} on no day of a submission"
        balance = self.steps.account.balance
        if self.terms.loan.returned and balance < rules.threshold:
            return f"before the return {self.last_reason}, and after it the balance is {format_amount(balance)}"
        return self.last_reason

    @property
    def facts(self) -> RoadFacts:
        """What the findings of this road ask about."""
        steps = self.steps
        return RoadFacts(
            terms=self.terms,
            is_referred=self.submission is not None,
            is_judged=self.submissions.judge is not None,
            threshold=self.submissions.threshold,
            reached_threshold=self.reached_threshold,
            never=self.never or "",
            forgiven=steps.forgiven,
            owed_after_loss=steps.owed_after_loss,
            is_restricted=steps.is_restricted,
            by_maxfine=steps.by_maxfine,
        )

    def to_the_end(self) -> None:
        """Walk day after day, until the submission is found or known never to come, and nothing else is to come."""
        steps, terms = self.steps, self.terms
        horizon = self._horizon
        end = terms.loan.returned if terms.is_back_in_time else None
        search_is_over = end is not None
        while True:
            self._night(is_searching=not search_is_over)
            self._desk()
            search_is_over = search_is_over or self.submission is not None or self._is_known_never
            if end is not None and steps.day >= end:
                return
            if end is None and search_is_over and steps.day >= horizon:
                return
            steps.day += DAY

    @property
    def _horizon(self) -> date:
        """The latest of the days that belong to the road in any case."""
        days = (self.terms.due, self.terms.loan.returned, self.terms.lost, *self.terms.notices)
        return max(day for day in days if day)

    @property
    def _is_known_never(self) -> bool:
        """Whether no later day can refer: nothing is to change any more, and all there is has left the window."""
        day, due, steps, loan = self.steps.day, self.terms.due, self.steps, self.terms.loan
        if (day - due).days >= LONGEST:
            return True
        to_come = (self.terms.lost, loan.returned)
        if steps.fine_may_change or any(each and each > day for each in to_come):
            return False
        newer = self.submissions.count_fees_newer_than if self.submissions.section else WITHOUT_SECTION
        return day >= max(due, steps.account.changed_on or due) + timedelta(days=newer + QUIET)

    def _night(self, *, is_searching: bool) -> None:
        steps, terms, day = self.steps, self.terms, self.steps.day
        is_late = day > terms.due
        if day == terms.lost and terms.job.first:
            steps.lose()
        if is_late:
            steps.fine()
            for level in terms.notices.get(day, ()):
                steps.notice(level)
        elif steps.is_open:
            for notice in self.courtesies.get(day, ()):
                steps.courtesy(notice)
        if day == terms.lost and not terms.job.first:
            steps.lose()
        if is_late and is_searching:
            self._submit()
            self._remind()

    def _desk(self) -> None:
        steps, terms, loan = self.steps, self.terms, self.terms.loan
        if steps.day == loan.checkout:
            steps.tell("checkout", "the item is lent", (Why(source="option", name="--checkout", value=str(steps.day)),))
        if steps.day == loan.returned:
            if loan.paid:
                steps.pay(loan.paid)
            steps.come_back()
        elif steps.day == terms.due:
            steps.tell("due", "the loan is due at 23:59", terms.due_why)
        if steps.account.changed_on == steps.day:
            steps.block()

    @property
    def _so_far(self) -> SoFar:
        steps = self.steps
        return SoFar(day=steps.day, lines=steps.account.outstanding_lines(), sent=tuple(steps.sent))

    def _submit(self) -> None:
        rules, steps = self.submissions, self.steps
        balance = steps.account.balance
        if rules.judge is None or steps.day.weekday() != rules.submit_on or balance < rules.threshold:
            return
        self.reached_threshold = True
        verdict = rules.judge(self._so_far)
        if verdict.reason is not None:
            self.last_reason = verdict.reason
            return
        if verdict.fee > 0:
            steps.account.add(verdict.fee_type, steps.day, verdict.fee, is_our_fee=True)
        self.submission = EarliestSubmission(
            day=steps.day,
            owed=verdict.owed,
            balance=balance,
            fee=verdict.fee,
            balance_after=steps.account.balance,
        )
        owed = f"with {format_amount(verdict.owed)} owed in the window"
        steps.tell("submission", f"earliest submission to the agency, {owed}", verdict.why, amount=verdict.fee)

    def _remind(self) -> None:
        steps = self.steps
        asks_again = self.asked_at != steps.account.changes or (self.ask_on is not None and steps.day >= self.ask_on)
        if self.reminders is None or self.submission or not asks_again:
            return
        verdict = self.reminders(self._so_far)
        self.asked_at, self.ask_on = steps.account.changes, verdict.ask_on
        if verdict.level is None:
            return
        sent = SentOnRoad(letter=verdict.letter, day=steps.day, kind="reminder", level=verdict.level)
        steps.sent.append(sent)
        self.ask_on = steps.day + DAY
        if verdict.fee > 0:
            steps.account.add(verdict.fee_type, steps.day, verdict.fee, is_our_fee=True)
        what = "the bill" if verdict.level == BILL else f"reminder {verdict.level}"
        notice = (verdict.level, verdict.letter, verdict.transports)
        amount = verdict.fee if verdict.fee > 0 else None
        steps.tell("reminder", f"{what} ({verdict.letter})", verdict.why, amount=amount, notice=notice)
