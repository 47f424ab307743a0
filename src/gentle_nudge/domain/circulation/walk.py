"""A loan day by day."""

from __future__ import annotations

from gentle_nudge.domain.circulation.event import Road
from gentle_nudge.domain.circulation.loan import Loan, RemindersOfRoad, SubmissionRules
from gentle_nudge.domain.circulation.loss import LongOverdueJob
from gentle_nudge.domain.circulation.snapshot import Snapshot


class NotComputed(ValueError):
    """The road cannot be walked: the sentence and the hint for the user (exit 2)."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.hint = hint


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
    raise NotImplementedError
