"""A referral taken back by staff: what changes in Koha, and what the agency still has to hear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal

from gentle_nudge.domain.actions import OwingFee
from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.case_outcome import CaseFacts
from gentle_nudge.domain.collections.changes import Action, CloseCase, FollowCase, Holdings, clear_flag, lift
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.outbox import UNDELIVERED, Delivery, DeliveryState

ON_THEIR_WAY_OR_THERE = (DeliveryState.SENDING, DeliveryState.SENT)


WAITING = (DeliveryState.DUE, DeliveryState.FAILED)


def withdraw(facts: CaseFacts, holdings: Holdings | None, section: Section, why: str) -> Iterator[Action]:
    """The actions that undo a referral: flag and restriction gone, the case withdrawn.

    Restrictions go whatever `remove_restriction` says: that is about patrons who paid. `holdings` is None when nobody
    is left to take them from. Where cards were merged the case follows its heir first.
    """
    case, person = facts.case, facts.person
    if person and holdings:
        if person.number != case.patron:
            yield FollowCase(case=case.id, patron=person.number)
        yield from clear_flag(person, facts.records, section)
        yield from lift(holdings, case, facts.records, section)
    yield CloseCase(case=case.id, patron=case.patron or 0, state=CaseState.WITHDRAWN, why=why)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryOutcome:
    """What becomes of the deliveries that tell of a submission which is taken back as a whole.

    `cancelled` are the submission's own, `set_aside` the waiting updates that name its patrons (the next one takes
    their place). `heard`: somebody may know these patrons, so they need a last row.
    """

    cancelled: tuple[Delivery, ...] = ()
    set_aside: tuple[Delivery, ...] = ()
    heard: bool = True


def outcome_of_deliveries(
    told: Sequence[Delivery], submission: int, *, unsure: AbstractSet[int], strictly: bool
) -> DeliveryOutcome:
    """What becomes of these deliveries (of the submission, and of newer balances of its section).

    `unsure` are those with a try that may have arrived. `strictly`: updates leave in order, none is left out.
    """
    own = tuple(delivery for delivery in told if delivery.report == submission)
    waiting = tuple(d for d in told if d.report != submission and d.state in WAITING)
    arrived = any(d.state in ON_THEIR_WAY_OR_THERE or d.id in unsure for d in told)
    heard = arrived or any(strictly or not d.keeps_order for d in waiting)
    return DeliveryOutcome(
        cancelled=tuple(delivery for delivery in own if delivery.state in UNDELIVERED),
        set_aside=() if heard else waiting,
        heard=heard,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawnCase:
    """A case that is taken back (or was before, if nothing but the fee is left to do), and what that changes."""

    case: Case
    actions: tuple[Action, ...] = ()
    fee: OwingFee | None = None

    @property
    def ends(self) -> bool:
        """Whether the case is closed now."""
        return bool(self.actions)

    @property
    def waived(self) -> Decimal:
        """What is forgiven of its fee."""
        return self.fee.outstanding if self.fee else ZERO


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawal:
    """Everything that is taken back in one section: the cases, and what becomes of the deliveries.

    `unheard` are the cases that nobody outside was told of, so that they need no last row.
    """

    section: str
    taken: tuple[WithdrawnCase, ...] = ()
    fates: tuple[DeliveryOutcome, ...] = ()
    unheard: frozenset[int] = field(default_factory=frozenset)

    @property
    def to_tell(self) -> tuple[int, ...]:
        """The cases that the next update tells of."""
        return tuple(one.case.id for one in self.taken if one.ends and one.case.id not in self.unheard)

    @property
    def cancelled(self) -> tuple[Delivery, ...]:
        """The deliveries that are cancelled."""
        return tuple(delivery for fate in self.fates for delivery in fate.cancelled)

    @property
    def set_aside(self) -> tuple[Delivery, ...]:
        """The updates that the next one takes the place of."""
        return tuple(delivery for fate in self.fates for delivery in fate.set_aside)
