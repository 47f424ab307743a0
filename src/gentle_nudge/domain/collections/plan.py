"""Everything a run intends: the decision about each patron, the rows of the reports, what was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.referral import Account, Candidate, LeftOut, Reason, SectionRecords
from gentle_nudge.domain.collections.submission_day import Refusal
from gentle_nudge.domain.hold import HoldChanges
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import Guardian, Patron
from gentle_nudge.domain.report_row import UpdateRow, case_row, new_case_row

if TYPE_CHECKING:
    from gentle_nudge.domain.collections.case_outcome import CaseFacts
    from gentle_nudge.domain.collections.for_a_person import Need
    from gentle_nudge.domain.collections.review import Draft, ListState, ReviewList


D = TypeVar("D", bound="Decision")
NOT_READ: Mapping[str, str | None] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class NewCase:
    """A patron gets a case, a new one or a closed one opened again."""

    candidate: Candidate
    why: str

    @property
    def patron(self) -> Patron:
        """The patron as the rules saw them."""
        return self.candidate.patron

    @property
    def account(self) -> Account:
        """The account as the rules saw it."""
        return self.candidate.account

    @property
    def number(self) -> int:
        """The borrowernumber."""
        return self.patron.number

    @property
    def balance(self) -> Decimal:
        """The section's balance before the fee."""
        return self.account.balance


@dataclass(frozen=True, kw_only=True, slots=True)
class Referral(NewCase):
    """A patron is handed to the agency; the row of the submission.

    `fee` is the processing fee about to be charged, `guardian` is named for minors only. `contact` holds the columns
    of `borrowers` that the submission asks for, by name; it is filled while the report is written.
    """

    day: date
    fee: Decimal
    guardian: Guardian | None = None
    contact: Mapping[str, str | None] = field(default_factory=lambda: NOT_READ)

    @property
    def total(self) -> Decimal:
        """The balance with the fee."""
        return self.balance + self.fee

    @property
    def row(self) -> UpdateRow:
        """The row of the update."""
        return new_case_row(self.patron, self.total)


@dataclass(frozen=True, kw_only=True, slots=True)
class Adoption(NewCase):
    """A patron flagged before us gets a case, which is closed at once if `released`.

    `referred_on` is the day as far as Koha tells; `due` is reported in the update.
    """

    referred_on: date | None
    due: Decimal
    released: bool

    @property
    def row(self) -> UpdateRow:
        """The row of the update."""
        return new_case_row(self.patron, self.due)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reopening(NewCase):
    """A closed case is opened again for the patron who has its recorded `lines` now; `due` is reported in the update.

    There is no second fee. `case` is the case as it was closed.
    """

    case: Case
    lines: frozenset[int]
    day: date
    due: Decimal

    @property
    def row(self) -> UpdateRow:
        """The row of the update."""
        return replace(case_row(self.case, self.patron, self.due), marked=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedCase:
    """An open case changes."""

    facts: CaseFacts
    why: str

    @property
    def case(self) -> Case:
        """The case as it was before."""
        return self.facts.case

    @property
    def number(self) -> int:
        """The borrowernumber that the case followed until now."""
        return self.case.patron or 0

    @property
    def balance(self) -> Decimal:
        """The section's balance of the patron or heir."""
        return self.facts.balance


@dataclass(frozen=True, kw_only=True, slots=True)
class Succession(ChangedCase):
    """Cards were merged: the case goes on with the heir, the patron who took over its lines.

    `row` is None if nobody may be told of it, or because the heir is on hold.
    """

    row: UpdateRow | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending(ChangedCase):
    """An open case is closed in this state; `row` is None if the agency is told nothing of it.

    `waiting` is the due that the agency is to be told at last, once somebody may be told.
    """

    state: CaseState
    row: UpdateRow | None
    waiting: Decimal | None = None

    @property
    def balance(self) -> Decimal:
        """The section's balance of the patron or heir; zero for a merged case, as the heir has a case of their own."""
        return ZERO if self.state is CaseState.MERGED else self.facts.balance


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause(ChangedCase):
    """The patron is on hold: the agency hears of the open case once, by `row` (None: not at all), and then no more."""

    row: UpdateRow | None
    paused_on: date
    is_by_person: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Resumption(ChangedCase):
    """The hold is over: the agency hears of the open case again, with its balance."""

    row: UpdateRow
    paused_on: None = None


CaseDecision = Succession | Pause | Resumption | Ending
Decision = Referral | Adoption | Reopening | CaseDecision


def heir_of(decision: Decision) -> int | None:
    """The borrowernumber of the heir with whom the case goes on or is released; None if there is no heir."""
    match decision:
        case Succession() | Ending(state=CaseState.RELEASED):
            return decision.facts.heir.number if decision.facts.heir else None
        case Referral() | Adoption() | Reopening() | Pause() | Resumption() | Ending():
            return None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything one section's run intends.

    `decisions` are those that change something, `held` the referrals that a fuse or limit holds back, `kept` the
    update's rows of cases that just go on. `left_out` counts, by first reason, the patrons whose owed in window reaches
    the threshold; `left_out_patrons` are these patrons, if asked for. `owing_less` counts all others who owe something
    in the window. `named` are cases and accounts that staff should look at, `needs` what cases that go on leave to a
    person, `untold` the closed cases whose last word has to wait. `order` ranks patrons as the database collates their
    surnames. `records` is what our own tables knew when the plan was made, `holds` what has become of the holds since
    the last night. A submission is made `under` a list, if there is one, which then ends as `list_ends`; `list_made` is
    a new list.
    """

    section: str
    day: date
    submission_due: bool = False
    update_due: bool = True
    late: bool = False
    decisions: tuple[Decision, ...] = ()
    held: tuple[Referral, ...] = ()
    kept: tuple[UpdateRow, ...] = ()
    left_out: Mapping[Reason, int] = field(default_factory=dict)
    left_out_patrons: tuple[LeftOut, ...] = ()
    owing_less: int = 0
    refusals: tuple[Refusal, ...] = ()
    named: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    untold: frozenset[int] = frozenset()
    order: Mapping[int, int] = field(default_factory=dict)
    records: SectionRecords = field(default_factory=SectionRecords)
    holds: HoldChanges = field(default_factory=HoldChanges)
    under: ReviewList | None = None
    list_ends: ListState | None = None
    list_made: Draft | None = None

    def of(self, kind: type[D]) -> tuple[D, ...]:
        """The decisions of one kind."""
        return tuple(decision for decision in self.decisions if isinstance(decision, kind))

    @property
    def cases(self) -> tuple[Case, ...]:
        """The open cases that change."""
        return tuple(decision.case for decision in self.decisions if isinstance(decision, CaseDecision))

    @property
    def has_work(self) -> bool:
        """Whether a report or a list of the day is still to be made."""
        return self.submission_due or self.update_due or self.list_made is not None

    @property
    def submits(self) -> bool:
        """Whether the run makes a submission."""
        return self.submission_due and not any(refusal.stops_submission for refusal in self.refusals)

    @property
    def closes(self) -> Counter[CaseState]:
        """How many cases it closes, by the state they end in; cases adopted and released at once included."""
        states = Counter(ending.state for ending in self.of(Ending))
        states[CaseState.RELEASED] += sum(adoption.released for adoption in self.of(Adoption))
        return +states  # without zeros

    @property
    def withdrawals(self) -> str:
        """A sentence about the cases that staff ended by taking the flag off; empty if there are none."""
        withdrawn, paid = self.closes[CaseState.WITHDRAWN], self.closes[CaseState.PAID]
        states = [f"{count} {state}" for state, count in (("withdrawn", withdrawn), ("paid", paid)) if count]
        return f"cases ended, for their flag was taken off: {', '.join(states)}" if states else ""

    @property
    def heirs(self) -> frozenset[int]:
        """The patrons that a case follows."""
        return frozenset(heir for decision in self.decisions if (heir := heir_of(decision)))

    @property
    def concerned(self) -> frozenset[int]:
        """The patrons that it changes, heirs included."""
        return self.heirs | {decision.number for decision in self.decisions}

    @property
    def listed(self) -> frozenset[int]:
        """The patrons whom it shows: those that it changes, holds back, keeps in the update, or leaves out by name."""
        left_out = {each.number for each in self.left_out_patrons}
        return self.concerned | left_out | {row.patron for row in self.kept} | {held.number for held in self.held}

    @cached_property
    def submission(self) -> list[Referral]:
        """The submission's rows, by surname as the database collates, then by number."""
        return self.in_order(self.of(Referral))

    def left_out_in_order(self) -> list[LeftOut]:
        """Those who are left out, if asked for: by reason in the order of the rules, then as the files have them."""
        reasons = list(Reason)
        return sorted(
            self.left_out_patrons, key=lambda each: (reasons.index(each.reason), *self._place(each.number, each.number))
        )

    def in_order(self, decisions: Iterable[D]) -> list[D]:
        """Decisions as the files have them: by surname as the database collates, then by number."""
        return sorted(decisions, key=self._place_of)

    def _place_of(self, decision: Decision) -> tuple[bool, int, int]:
        row = decision.row
        if row is None:
            return False, *self._place(decision.number, decision.number)
        return row.gone, *self._place(row.patron, row.number)

    @cached_property
    def update(self) -> list[UpdateRow]:
        """The update's rows, by surname as the database collates, then by number; patrons gone from Koha last.

        Of somebody whose case this run opens, or opens again, the last word of an earlier one is not told.
        """
        changed = [row for decision in self.decisions if (row := decision.row)]
        opening = (each for each in self.decisions if isinstance(each, Referral | Adoption | Reopening))
        opened = {decision.row.number for decision in opening}
        rows = (*(row for row in self.kept if row.number not in opened), *changed)
        return sorted(rows, key=lambda row: (row.gone, *self._place(row.patron, row.number)))

    def _place(self, patron: int, number: int) -> tuple[int, int]:
        return self.order.get(patron, len(self.order)), number
