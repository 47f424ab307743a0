"""The account lines that a patron owes: which count, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line still owing something (or a credit not used up), as it was at referral."""

    id: int
    day: date | None
    type: str | None
    outstanding: Decimal
    counted: bool
