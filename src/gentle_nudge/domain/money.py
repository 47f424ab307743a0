"""Amounts: rounding, output and input."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

PLAIN = re.compile(r"[+-]?[0-9]*\.?[0-9]*")
CENT = Decimal("0.01")
ZERO = Decimal("0.00")
MOST = 10**9
# Less than this is owed in one account. Ten million such sums still fit a column of 28 digits, six of them decimals.
TOO_LARGE = 10**15
# A sum of Koha's amounts may have more digits than the 28 of Python's own context.
WIDE = Context(prec=60)


def round_to_cent(amount: Decimal | int | None) -> Decimal:
    """The amount rounded to the cent, half up (half away from zero, as MariaDB's ROUND); None is zero."""
    if amount is None:
        return ZERO
    rounded = Decimal(amount).quantize(CENT, rounding=ROUND_HALF_UP, context=WIDE)
    return rounded or ZERO


def can_be_kept(amount: Decimal) -> bool:
    """Whether a sum is so small that it, and the sum of all like it, fits our tables."""
    return abs(amount) < TOO_LARGE


def format_amount(amount: Decimal) -> str:
    """The amount as reports and screens show it: two decimals, a point, no thousands separator."""
    return f"{round_to_cent(amount):f}"


def for_people(amount: Decimal) -> str:
    """The amount as sentences and pages show it: `1,602.48`."""
    return f"{round_to_cent(amount):,f}"


def parse_amount(text: str) -> Decimal:
    """An amount of 0 or more with at most two decimals; ValueError says what is needed instead."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError("an amount is needed, such as 25.00, with a point and without a currency sign") from None
    if not amount.is_finite() or not 0 <= amount < MOST:
        raise ValueError("an amount of 0 or more is needed, such as 25.00")
    if amount != round_to_cent(amount):
        raise ValueError("an amount has at most two decimals")
    if not PLAIN.fullmatch(text.strip()):
        raise ValueError("an amount is written in digits, such as 25.00, without an exponent")
    return round_to_cent(amount)
