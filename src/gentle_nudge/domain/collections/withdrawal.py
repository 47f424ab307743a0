"""A referral taken back by staff: what changes in Koha, and what the agency still has to hear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal

from gentle_nudge.domain.actions import OwingFee
from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.case_outcome import CaseFacts
from gentle_nudge.domain.collections.changes import Action, CloseCase, clear_flag, follow_case
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.restriction import Holdings, lift
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.outbox import GOING_OR_GONE, UNDELIVERED, WAITING, Delivery


def withdraw(facts: CaseFacts, holdings: Holdings | None, section: Section, why: str) -> Iterator[Action]:
    """The actions that undo a referral: flag and restriction gone, the case withdrawn.

    Restrictions go whatever `remove_restriction` says: that is about patrons who paid. If `holdings` is None, nothing
    is taken from the patron. If cards were merged, the case follows its heir first.
    """
    case, person = facts.case, facts.person
    if person and holdings:
        if person.number != case.patron:
            yield follow_case(case, person)
        yield from clear_flag(person, facts.records, section)
        yield from lift(holdings, case, facts.records, section)
    yield CloseCase(case=case.id, patron=case.patron or 0, state=CaseState.WITHDRAWN, why=why)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryOutcome:
    """What becomes of the deliveries if a submission is taken back as a whole.

    Its own are `cancelled`. Waiting updates that name its patrons are `set_aside`; the next one takes their place.
    If somebody may have `heard` of these patrons, they need a last row.
    """

    cancelled: tuple[Delivery, ...] = ()
    set_aside: tuple[Delivery, ...] = ()
    heard: bool = True


def outcome_of_deliveries(
    deliveries: Sequence[Delivery], submission: int, *, unsure: AbstractSet[int]
) -> DeliveryOutcome:
    """The outcome of a submission's deliveries, and of those of newer balances of its section.

    `unsure` are those with a try that may have arrived. A strict update leaves in its order, none is left out.
    """
    waiting = tuple(d for d in deliveries if d.report != submission and d.state in WAITING)
    arrived = any(d.state in GOING_OR_GONE or d.id in unsure for d in deliveries)
    heard = arrived or any(d.strict or not d.keeps_order for d in waiting)
    return DeliveryOutcome(
        cancelled=tuple(d for d in deliveries if d.report == submission and d.state in UNDELIVERED),
        set_aside=() if heard else waiting,
        heard=heard,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawnCase:
    """A case that is taken back, with its changes; if it was taken back before, only the fee is left to do."""

    case: Case
    actions: tuple[Action, ...] = ()
    fee: OwingFee | None = None

    @property
    def ends(self) -> bool:
        """Whether the case is closed now."""
        return bool(self.actions)

    @property
    def waived(self) -> Decimal:
        """The waived amount of its fee."""
        return self.fee.outstanding if self.fee else ZERO


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawal:
    """Everything that is taken back in one section; `unheard` cases were reported to nobody and need no last row.

    Its deliveries are `cancelled`; updates that the next one replaces are `set_aside`.
    """

    section: str
    taken: tuple[WithdrawnCase, ...] = ()
    cancelled: tuple[Delivery, ...] = ()
    set_aside: tuple[Delivery, ...] = ()
    unheard: frozenset[int] = frozenset()

    @property
    def to_tell(self) -> tuple[int, ...]:
        """The cases that the next update tells of."""
        return tuple(taken.case.id for taken in self.taken if taken.ends and taken.case.id not in self.unheard)
