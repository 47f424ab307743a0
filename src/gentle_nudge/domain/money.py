"""Amounts: Decimal from end to end, rounded to the cent once, written one way."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


ZERO = Decimal("0.00")


def round_to_cent(amount: Decimal | int | None) -> Decimal:
    """The amount rounded to the cent, half up (half away from zero, as MariaDB's ROUND); None is zero."""
    if amount is None:
        return ZERO
    rounded = Decimal(amount).quantize(CENT, rounding=ROUND_HALF_UP)
    return rounded or ZERO


def format_amount(amount: Decimal) -> str:
    """The amount as reports and screens show it: two decimals, a point, no thousands separator."""
    return f"{round_to_cent(amount):f}"
