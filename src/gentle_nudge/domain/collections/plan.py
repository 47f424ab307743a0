"""Everything a run intends: the decision about each patron, the actions they need, the rows of the reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.referral import Candidate, Reason
from gentle_nudge.domain.ledger import Account
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import Patron
from gentle_nudge.domain.report_row import UpdateRow, new_case_row


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionRow:
    """One referred patron in the submission; `fee` is the processing fee about to be charged."""

    patron: Patron
    account: Account
    fee: Decimal

    @property
    def total(self) -> Decimal:
        """The balance with the fee."""
        return self.account.balance + self.fee

    def told(self) -> UpdateRow:
        """What the agency is told by it: number, name, card, and the balance with the fee."""
        return new_case_row(self.patron, self.total)


class Outcome(StrEnum):
    """What a run does with a patron."""

    REFERRED = "referred"
    ADOPTED = "adopted"
    KEPT = "kept"
    FOLLOWED = "followed"
    RELEASED = "released"
    PAID = "paid"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"
    DELETED = "deleted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What becomes of one patron tonight, and why.

    `amount` is the section's balance, `fee` what is charged on top; `case` is None while none is open. `row` is
    None when the update says nothing of them, or no more than their row in the submission. `candidate` is what the
    rules saw of a patron to refer or adopt. `follows` is the patron that took over the lines of a merged one.
    """

    patron: int
    outcome: Outcome
    why: str
    amount: Decimal
    fee: Decimal = ZERO
    case: Case | None = None
    candidate: Candidate | None = None
    follows: int | None = None
    referred_on: date | None = None
    ends: CaseState | None = None
    row: UpdateRow | None = None
    submission: SubmissionRow | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A fuse or limit that stopped part of the night: what happened, the way out."""

    kind: Literal["fuse", "adoptions", "withdrawals", "plugin"]
    sentence: str
    hint: str

    @property
    def stops_submission(self) -> bool:
        """Whether the submission is not made because of it."""
        return self.kind != "withdrawals"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything one section's run intends.

    `decisions` are those that change something, `held` the referrals that a fuse or limit holds back, `kept` the
    update's rows of cases that just go on. `left_out` counts, by first reason, the patrons whose owed in window
    reaches the threshold; `owing_less` all others who owe something in the window. `named` are cases that staff
    should look at. `order` ranks patrons as the database collates their surnames.
    """

    section: str
    day: date
    submission_due: bool = False
    update_due: bool = True
    late: bool = False
    decisions: tuple[Decision, ...] = ()
    held: tuple[Decision, ...] = ()
    kept: tuple[UpdateRow, ...] = ()
    left_out: Mapping[Reason, int] = field(default_factory=dict)
    owing_less: int = 0
    refusals: tuple[Refusal, ...] = ()
    named: tuple[str, ...] = ()
    order: Mapping[int, int] = field(default_factory=dict)

    def of(self, *outcomes: Outcome) -> tuple[Decision, ...]:
        """The decisions with one of these outcomes."""
        return tuple(decision for decision in self.decisions if decision.outcome in outcomes)

    @property
    def submits(self) -> bool:
        """Whether the run makes a submission."""
        return self.submission_due and not any(refusal.stops_submission for refusal in self.refusals)

    def submission(self) -> list[SubmissionRow]:
        """The submission's rows, by surname as the database collates, then by number."""
        rows = (decision.submission for decision in self.of(Outcome.REFERRED))
        return sorted((row for row in rows if row), key=lambda row: self._place(row.patron.number, row.patron.number))

    def update(self) -> list[UpdateRow]:
        """The update's rows, by surname as the database collates, then by number; patrons gone from Koha last.

        Of somebody whose case this run opens, the last word of an earlier one is not told.
        """
        referred = [row.told() for row in self.submission()]
        changed = [decision.row for decision in self.decisions if decision.row] + referred
        opened = {row.number for row in changed if row.case is None}
        rows = (*(row for row in self.kept if row.number not in opened), *changed)
        return sorted(rows, key=lambda row: (row.gone, *self._place(row.patron, row.number)))

    def _place(self, patron: int, number: int) -> tuple[int, int]:
        return self.order.get(patron, len(self.order)), number
