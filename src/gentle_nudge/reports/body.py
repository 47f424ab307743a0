"""The text that goes with a report: counts and sums, no patron data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.report_row import ReportKind

TITLES = {ReportKind.SUBMISSION: "New submissions", ReportKind.UPDATE: "Update", ReportKind.SYNC: "Sync"}
LATE = "This submission is late: it was due on {was_due}."
REPEAT = """\
THIS IS A REPEAT, sent on {repeated_on}: the attached file is, byte for byte, the one made
on {day}. If you have it already, please do not count it twice."""
GOODBYE = "This message was made by a program; nobody reads answers to it."
LABEL_WIDTH = 23


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """What the text tells about one report.

    `total` is the sum of the balances before any fee (submission) or of the column Due; `fees` the sum of the
    processing fees of a submission; amounts in the library's currency. `was_due` is the day on which a late
    submission should have been made.
    """

    report: ReportKind
    library: str
    day: date
    file_name: str
    rows: int
    total: Decimal = ZERO
    fees: Decimal = ZERO
    was_due: date | None = None


def body(facts: Body) -> str:
    """The text of the message, ending with a line end."""
    return "\n\n".join(_paragraphs(facts)) + "\n"


def as_repeat(text: str, day: date, repeated_on: date) -> str:
    """The text of a report of that day, with the mark of one that is sent again as its first paragraph."""
    title, _, rest = text.partition("\n\n")
    return f"{title}\n\n{REPEAT.format(day=day, repeated_on=repeated_on)}\n\n{rest}"


def _paragraphs(facts: Body) -> Iterator[str]:
    yield f"{TITLES[facts.report]} of {facts.library}, {facts.day}"
    if facts.was_due and facts.was_due != facts.day:
        yield LATE.format(was_due=facts.was_due)
    yield "\n".join(f"{label + ':':{LABEL_WIDTH}}{value}" for label, value in _figures(facts))
    yield GOODBYE


def _figures(facts: Body) -> Iterator[tuple[str, object]]:
    if facts.report is ReportKind.SUBMISSION:
        yield "Patrons referred", facts.rows
        yield "Balances", format_amount(facts.total)
        yield "Processing fees", format_amount(facts.fees)
        yield "Balances with fees", format_amount(facts.total + facts.fees)
    else:
        yield "Patrons listed", facts.rows
        yield "Balances", format_amount(facts.total)
    yield "File", facts.file_name
