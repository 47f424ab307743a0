"""What may change in Koha: one class for each kind of change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import Flag, FlagRow, Restriction


@dataclass(frozen=True, kw_only=True, slots=True)
class Restrict:
    """Block borrowing; for ever unless until a day."""

    patron: int
    type: str
    comment: str
    until: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveRestriction:
    """Let a restriction of ours end on another day, or never."""

    patron: int
    restriction: Restriction
    until: date | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LiftRestriction:
    """Delete a restriction of ours."""

    patron: int
    restriction: Restriction


@dataclass(frozen=True, kw_only=True, slots=True)
class SetFlag:
    """Make the flag say yes: `before` is the attribute row or sort field to change, row None and attribute: insert."""

    patron: int
    flag: Flag
    before: FlagRow


@dataclass(frozen=True, kw_only=True, slots=True)
class ClearFlag:
    """Make one row of the flag say no."""

    patron: int
    flag: Flag
    before: FlagRow


@dataclass(frozen=True, kw_only=True, slots=True)
class ChargeFee:
    """Charge the processing fee as a debit."""

    patron: int
    amount: Decimal
    type: str
    description: str
    branch: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OwingFee:
    """A processing fee as Koha has it now: its line and the amount outstanding."""

    line: int
    patron: int
    outstanding: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class ForgiveFee:
    """Waive what a patron still owes of these fees."""

    patron: int
    fees: tuple[OwingFee, ...]

    @property
    def amount(self) -> Decimal:
        """The amount waived."""
        return sum((fee.outstanding for fee in self.fees), ZERO)
