"""What is asked about outcomes, and the answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from dateutil.relativedelta import relativedelta

from gentle_nudge.domain.outcomes.figures import CaseFigures, LineFigures
from gentle_nudge.domain.outcomes.invoice import ReadInvoice
from gentle_nudge.domain.outcomes.road import RoadStep
from gentle_nudge.domain.outcomes.threshold_study import SettledWithin, ThresholdStudy
from gentle_nudge.domain.outcomes.totals import By, Figures


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Which cases: referred in the months from `first` to `last` (their first days), of these sections.

    Without `sections`: of all that have cases. `thresholds` are the amounts of --if-threshold.
    """

    first: date
    last: date
    sections: tuple[str, ...] = ()
    by: By = "month"
    thresholds: tuple[Decimal, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PeriodOutcomes:
    """The answer; `cases` are those of the period, `finished` those of them that are over.

    `adopted` are all that were flagged before us. `began` is the day of the first night; None: there was none.
    """

    question: Question
    sections: tuple[str, ...]
    as_of: datetime | None
    complete_from: date
    began: date | None
    rows: tuple[tuple[str, Figures], ...]
    total: Figures
    before_us: Figures
    thresholds: tuple[ThresholdStudy, ...]
    finished: tuple[CaseFigures, ...]
    how_soon: tuple[SettledWithin, ...]
    road: tuple[RoadStep, ...]
    invoices: tuple[ReadInvoice, ...]
    cases: tuple[CaseFigures, ...]
    adopted: tuple[CaseFigures, ...]

    @property
    def over(self) -> int:
        """How many cases of the period are over."""
        return len(self.finished)

    @property
    def begins_late(self) -> Literal["within", "after"] | None:
        """Where the first night was, if the period has days before it: within the period, or after it."""
        if self.began is None or self.began <= self.question.first:
            return None
        return "within" if self.began <= self.question.last + relativedelta(day=31) else "after"

    @property
    def does_not_add_up(self) -> list[tuple[int, LineFigures]]:
        """The lines, fees too, that changed in Koha without a trace, each with its case."""
        return with_difference((*self.cases, *self.adopted))

    @property
    def unseen(self) -> list[LineFigures]:
        """The lines that left Koha with something left of them between two nights."""
        return unseen_lines((*self.cases, *self.adopted))


def with_difference(cases: Iterable[CaseFigures]) -> list[tuple[int, LineFigures]]:
    """The lines, fees too, that have a difference, each with its case."""
    return [(each.case.id, line) for each in cases for line in each.lines if line.amounts.difference]


def unseen_lines(cases: Iterable[CaseFigures]) -> list[LineFigures]:
    """The lines of which something was settled between two nights, unseen; fees are left out."""
    return [line for each in cases for line in each.lines if line.unseen and not line.share.is_fee]
