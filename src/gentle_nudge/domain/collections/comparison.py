"""Two plans of one night compared: what if the policy said something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from gentle_nudge.domain.collections.plan import Plan, Referral
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Reason
from gentle_nudge.domain.money import ZERO


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The figures of a submission: who is referred, and how many are left out, by first reason."""

    referred: int = 0
    balance: Decimal = ZERO
    fees: Decimal = ZERO
    left_out: Mapping[Reason, int] = field(default_factory=dict)
    owing_less: int = 0

    @property
    def all_left_out(self) -> int:
        """How many are left out for any reason."""
        return sum(self.left_out.values())

    @classmethod
    def of(cls, plan: Plan) -> Figures:
        """The figures of the plan's submission."""
        referrals = plan.of(Referral)
        return cls(
            referred=len(referrals),
            balance=sum((referral.balance for referral in referrals), ZERO),
            fees=sum((referral.fee for referral in referrals), ZERO),
            left_out={reason: plan.left_out[reason] for reason in Reason if reason in plan.left_out},
            owing_less=plan.owing_less,
        )

    def since(self, before: Figures) -> Figures:
        """What was added since (below zero: what is gone), with every reason that occurs on either side."""
        reasons = [reason for reason in Reason if reason in {*self.left_out, *before.left_out}]
        return Figures(
            referred=self.referred - before.referred,
            balance=self.balance - before.balance,
            fees=self.fees - before.fees,
            left_out={reason: self.left_out.get(reason, 0) - before.left_out.get(reason, 0) for reason in reasons},
            owing_less=self.owing_less - before.owing_less,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class WhatIf:
    """A section's plan as the settings are (`now`), and as it would be (`then`) with these values `set`."""

    section: Section
    set: Mapping[str, object]
    now: Plan
    then: Plan

    @property
    def figures(self) -> tuple[Figures, Figures, Figures]:
        """The figures of now and of then, and the difference."""
        now, then = Figures.of(self.now), Figures.of(self.then)
        return now, then, then.since(now)

    @property
    def only_now(self) -> list[Referral]:
        """The referrals of patrons who would not be referred then, in the order of the submission."""
        return _besides(self.now, self.then)

    @property
    def only_then(self) -> list[Referral]:
        """The referrals of patrons who are not referred now, in the order of the submission."""
        return _besides(self.then, self.now)


def _besides(plan: Plan, other: Plan) -> list[Referral]:
    numbers = {referral.number for referral in other.of(Referral)}
    return [referral for referral in plan.submission if referral.number not in numbers]
