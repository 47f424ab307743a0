"""A loan day by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from gentle_nudge.domain.circulation.calendar import DAY
from gentle_nudge.domain.circulation.loan import EarliestSubmission, Event, RemindersOfRoad, SoFar, SubmissionRules, Why
from gentle_nudge.domain.circulation.notices import CourtesyNotice, courtesy_notices
from gentle_nudge.domain.circulation.steps import Steps
from gentle_nudge.domain.circulation.terms import LONGEST, RoadTerms
from gentle_nudge.domain.money import format_amount

BILL = 5
LETTERS = frozenset({"courtesy", "notice", "reminder"})
QUIET = 7  # days besides those of the window after which nothing can count that has not counted before
WITHOUT_SECTION = 90


def walk(terms: RoadTerms, submissions: SubmissionRules, reminders: RemindersOfRoad | None = None) -> Road:
    """The road on these terms, walked to its end; NotComputed for a payment without a LOST charge of that amount."""
    courtesies: defaultdict[date, list[CourtesyNotice]] = defaultdict(list)
    for notice in courtesy_notices(terms.rules, terms.due):
        courtesies[notice.day].append(notice)
    first = terms.loan.checkout or min([terms.due, *courtesies, *filter(None, [terms.loan.returned])])
    steps = Steps(terms=terms, day=first)
    road = Road(terms=terms, submissions=submissions, reminders=reminders, steps=steps, courtesies=courtesies)
    road.walk_to_the_end()
    return road


@dataclass(kw_only=True)
class Road:
    """The road of a loan: when which step is taken, and when it ends. Its last day is that of its `steps`."""

    terms: RoadTerms
    submissions: SubmissionRules
    reminders: RemindersOfRoad | None
    steps: Steps
    courtesies: Mapping[date, list[CourtesyNotice]]
    submission: EarliestSubmission | None = None
    last_reason: str = ""  # why the last submission at which the balance was high enough did not refer
    asked_at: int = 0
    ask_on: date | None = None

    @property
    def events(self) -> list[Event]:
        """Everything that has happened, in order."""
        return self.steps.events

    @property
    def balance(self) -> Decimal:
        """What the lines of the road owe at its end."""
        return self.steps.account.balance

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
        if not self.last_reason:
            return f"the balance reaches the threshold of {format_amount(rules.threshold)} on no day of a submission"
        if self.terms.loan.returned and self.balance < rules.threshold:
            return f"before the return {self.last_reason}, and after it the balance is {format_amount(self.balance)}"
        return self.last_reason

    def walk_to_the_end(self) -> None:
        """Walk day after day, until the submission is found or known never to come, and nothing else is to come."""
        steps, terms = self.steps, self.terms
        horizon = max(filter(None, (terms.due, terms.loan.returned, terms.lost, *terms.notices)))
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
        lines = tuple(line for line in steps.account.lines if line.outstanding)
        sent = tuple(event for event in steps.events if event.kind in LETTERS)
        return SoFar(day=steps.day, lines=lines, balance=self.balance, sent=sent)

    def _submit(self) -> None:
        rules, steps, balance = self.submissions, self.steps, self.balance
        if rules.judge is None or steps.day.weekday() != rules.submit_on or balance < rules.threshold:
            return
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
        self.ask_on = steps.day + DAY
        if verdict.fee > 0:
            steps.account.add(verdict.fee_type, steps.day, verdict.fee, is_our_fee=True)
        what = "the bill" if verdict.level == BILL else f"reminder {verdict.level}"
        notice = {"level": verdict.level, "letter": verdict.letter, "transports": verdict.transports}
        steps.tell("reminder", f"{what} ({verdict.letter})", verdict.why, amount=verdict.fee or None, **notice)
