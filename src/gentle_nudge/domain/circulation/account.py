"""The account of a road: the lines that the loan makes, and what is done to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.money import ZERO


@dataclass(kw_only=True, slots=True)
class RoadLine:
    """A line of the road's account; a credit not used up is outstanding below zero.

    `status` is Koha's: UNRETURNED while a fine may still grow. `is_our_fee`: of a reminder or of the referral.
    `credited` is what payments and other credits, but write-offs, took off it.
    """

    number: int
    type: str
    day: date
    amount: Decimal
    outstanding: Decimal
    status: str = ""
    is_our_fee: bool = False
    credited: Decimal = ZERO
    forgiven: Decimal = ZERO

    def settle(self, credit: Decimal) -> Decimal:
        """Apply a credit; what is left of it."""
        applied = min(credit, max(self.outstanding, ZERO))
        self.outstanding -= applied
        self.credited += applied
        return credit - applied


@dataclass(kw_only=True, slots=True)
class RoadAccount:
    """All lines of the road, in the order in which they were made."""

    lines: list[RoadLine] = field(default_factory=list)
    changed_on: date | None = None
    changes: int = 0
    balance: Decimal = ZERO

    def add(self, type_: str, day: date, amount: Decimal, *, is_our_fee: bool = False, status: str = "") -> None:
        """Make a line of this day."""
        line = RoadLine(number=len(self.lines) + 1, type=type_, day=day, amount=amount, outstanding=amount)
        line.status, line.is_our_fee = status, is_our_fee
        self.lines.append(line)
        self.touch(day)

    def touch(self, day: date) -> None:
        """Note that the account has changed on this day."""
        self.changed_on = day
        self.changes += 1
        self.balance = sum((each.outstanding for each in self.lines), ZERO)

    def latest(self, type_: str) -> RoadLine | None:
        """The newest line of this type."""
        return next((line for line in reversed(self.lines) if line.type == type_), None)

    def owing(self, *types: str) -> Decimal:
        """What is outstanding on lines of these types."""
        return sum((line.outstanding for line in self.lines if line.type in types), ZERO)

    def blocking(self, types: frozenset[str]) -> Decimal:
        """What blocks check-outs: the outstanding of these types, less the credits not used up."""
        return sum((line.outstanding for line in self.lines if line.type in types or line.outstanding < 0), ZERO)
