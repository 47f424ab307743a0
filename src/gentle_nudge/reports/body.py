"""The text that goes with a report: counts and sums, no patron data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from gentle_nudge.domain.money import ZERO, written
from gentle_nudge.domain.plan import Report

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """What the text tells about one report.

    `total` is the sum of the balances before any fee (submission) or of the column Due; `fees` the sum of the
    processing fees of a submission; amounts in the library's currency. `was_due` is the day on which a late
    submission should have been made.
    """

    report: Report
    library: str
    day: date
    file_name: str
    rows: int
    total: Decimal = ZERO
    fees: Decimal = ZERO
    was_due: date | None = None


def body(facts: Body) -> str:
    """The text of the message, ending with a line end."""
    return _templates().get_template(f"{facts.report.value}.txt").render(facts=facts)


def as_repeat(text: str, day: date, repeated_on: date) -> str:
    """The text of a report of that day, with the mark of one that is sent again as its first paragraph."""
    title, _, rest = text.partition("\n\n")
    mark = _templates().get_template("repeat.txt").render(day=day, repeated_on=repeated_on)
    return f"{title}\n\n{mark}\n{rest}"


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - a quiet night needs none

    environment = Environment(  # noqa: S701 - plain text, not HTML
        loader=PackageLoader("gentle_nudge.reports"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["amount"] = written
    return environment
