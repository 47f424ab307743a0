"""The account of a road: the lines that the loan makes, and what is done to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.circulation.loan import RoadLine
from gentle_nudge.domain.money import ZERO


@dataclass(kw_only=True, slots=True)
class DebitOrCredit:
    """A line while the road is walked; `credited` is what payments and other credits, but write-offs, took off it."""

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

    lines: list[DebitOrCredit] = field(default_factory=list)
    changed_on: date | None = None
    changes: int = 0
    balance: Decimal = ZERO

    def add(
        self, type_: str, day: date, amount: Decimal, *, is_our_fee: bool = False, status: str = ""
    ) -> DebitOrCredit:
        """A new line of this day."""
        line = DebitOrCredit(
            number=len(self.lines) + 1,
            type=type_,
            day=day,
            amount=amount,
            outstanding=amount,
            status=status,
            is_our_fee=is_our_fee,
        )
        self.lines.append(line)
        self.touch(day)
        return line

    def touch(self, day: date) -> None:
        """Note that the account has changed on this day."""
        self.changed_on = day
        self.changes += 1
        self.balance = sum((each.outstanding for each in self.lines), ZERO)

    def latest(self, type_: str) -> DebitOrCredit | None:
        """The newest line of this type."""
        return next((line for line in reversed(self.lines) if line.type == type_), None)

    def owing(self, *types: str) -> Decimal:
        """What is outstanding on lines of these types."""
        return sum((line.outstanding for line in self.lines if line.type in types), ZERO)

    def blocking(self, types: frozenset[str]) -> Decimal:
        """What blocks check-outs: the outstanding of these types, less the credits not used up."""
        return sum((line.outstanding for line in self.lines if line.type in types or line.outstanding < 0), ZERO)

    def outstanding_lines(self) -> tuple[RoadLine, ...]:
        """The lines with something outstanding, as other systems see them."""
        return tuple(
            RoadLine(
                number=line.number,
                type=line.type,
                day=line.day,
                outstanding=line.outstanding,
                status=line.status,
                is_our_fee=line.is_our_fee,
            )
            for line in self.lines
            if line.outstanding
        )
