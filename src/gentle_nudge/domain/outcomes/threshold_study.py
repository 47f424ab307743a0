"""What had come back with a higher threshold, and how soon cases are settled: of the cases that are over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.outcomes.figures import CaseFigures
from gentle_nudge.domain.outcomes.terms import Outcomes
from gentle_nudge.domain.outcomes.totals import share_of

SOON = (30, 60, 90)
FOLDS = tuple(map(Decimal, ("1.2", "1.6", "2", "3", "4")))


@dataclass(frozen=True, kw_only=True, slots=True)
class ThresholdStudy:
    """The cases of which at least `threshold` was owed; `of_100` is their part of all that came back."""

    threshold: Decimal
    cases: int
    came_back: Decimal
    of_100: Decimal | None
    items_back: int
    price: Decimal


def threshold_studies(
    over: Sequence[CaseFigures], in_force: Decimal, others: Iterable[Decimal], terms: Outcomes
) -> Iterator[ThresholdStudy]:
    """What came back with the threshold in force, then with each of the others."""
    whole = sum((each.came_back for each in over if (each.case.owed or ZERO) >= in_force), ZERO)
    for threshold in (in_force, *others):
        cases = [each for each in over if (each.case.owed or ZERO) >= threshold]
        came_back = sum((each.came_back for each in cases), ZERO)
        yield ThresholdStudy(
            threshold=threshold,
            cases=len(cases),
            came_back=came_back,
            of_100=share_of(came_back, whole),
            items_back=sum(each.items_back for each in cases),
            price=terms.price_per_case * len(cases),
        )


def higher_thresholds(in_force: Decimal) -> list[Decimal]:
    """Multiples of the threshold in force to look back with, in whole units; only those above it, each once."""
    whole = {(in_force * fold).quantize(Decimal(1), ROUND_HALF_UP) for fold in FOLDS}
    return sorted(each for each in whole if each > in_force)


@dataclass(frozen=True, kw_only=True, slots=True)
class SettledWithin:
    """How many cases were settled within so many days of their referral."""

    days: int
    settled: int


def how_soon(over: Iterable[CaseFigures], terms: Outcomes) -> list[SettledWithin]:
    """How many of the cases that are over were settled within 30, 60, 90 days, and while the agency was at work."""
    after = [each.settled_after for each in over if each.settled_after is not None]
    limits = [*(days for days in SOON if days < terms.running_days), terms.running_days]
    return [SettledWithin(days=limit, settled=sum(days <= limit for days in after)) for limit in limits]
