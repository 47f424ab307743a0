"""Values as JSON."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal

from gentle_nudge.domain.money import format_amount


def as_json(value: object) -> str:
    """Plain values as JSON; days and instants in ISO form, amounts as texts with two decimals."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    match value:
        case Decimal():
            return format_amount(value)
        case date() | datetime():
            return value.isoformat()
        case _:
            raise TypeError(type(value).__name__)
