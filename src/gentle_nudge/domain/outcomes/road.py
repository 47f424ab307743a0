"""The road of a lost item from its due date to the settlement: how many days each step takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from gentle_nudge.domain.outcomes.figures import CaseFigures
from gentle_nudge.domain.outcomes.totals import median_days


@dataclass(frozen=True, kw_only=True, slots=True)
class RoadStep:
    """A step with the number of cases that have both ends, and their median of whole days."""

    step: str
    cases: int
    days: int | None


STEPS = ("due_to_charged", "due_to_notice", "charged_to_referred", "referred_to_settled")


def road(cases: Iterable[CaseFigures], notices: Mapping[int, Collection[date]]) -> list[RoadStep]:
    """The steps of these cases; `notices` are the days on which a notice was sent, by number of the patron."""
    taken: dict[str, list[int]] = {step: [] for step in STEPS}
    for each in cases:
        stops = stops_of(each, notices.get(each.case.number or 0, ()))
        for step in STEPS:
            start, _, end = step.partition("_to_")
            first, last = stops[start], stops[end]
            if first is not None and last is not None:
                taken[step].append((last - first).days)
    return [RoadStep(step=step, cases=len(days), days=median_days(days)) for step, days in taken.items()]


def stops_of(case: CaseFigures, notices: Collection[date]) -> dict[str, date | None]:
    """The days of a case: due, charged, first notice between due and referral, referred, settled."""
    due = min(filter(None, (line.share.due_on for line in case.lost)), default=None)
    referred = case.case.referred_on
    between = [day for day in notices if due is not None and referred is not None and due <= day <= referred]
    return {
        "due": due,
        "charged": min(filter(None, (line.share.day for line in case.lost)), default=None),
        "notice": min(between, default=None),
        "referred": referred,
        "settled": case.settled_on,
    }
