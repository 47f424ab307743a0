"""What a patron owes a section, as reminders count it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate

from gentle_nudge.domain.ledger import OwedLine
from gentle_nudge.domain.money import ZERO, round_to_cent
from gentle_nudge.domain.reminders.levels import Remind


@dataclass(frozen=True, kw_only=True, slots=True)
class Debt:
    """What a patron owes a section: `open` charges by day, `older` ones, our `fees`, and unused `credits`."""

    open: tuple[OwedLine, ...] = ()
    older: tuple[OwedLine, ...] = ()
    fees: tuple[OwedLine, ...] = ()
    credits: tuple[OwedLine, ...] = ()

    @property
    def charges(self) -> Decimal:
        """The open charges less the unused credits, at least 0: what is compared with the minimum."""
        return max(ZERO, _owed((*self.open, *self.credits)))

    @property
    def charges_of_any_age(self) -> Decimal:
        """The same with the charges that are too old."""
        return max(ZERO, _owed((*self.older, *self.open, *self.credits)))

    @property
    def owing_fees(self) -> Decimal:
        """What is owing of our fees."""
        return _owed(self.fees)

    def since(self, minimum: Decimal) -> date | None:
        """The day of the open charge with which the sum first reaches the minimum; None: it does not."""
        lines = (*self.credits, *self.open)
        sums = zip(lines, accumulate(line.outstanding for line in lines), strict=True)
        reached = (line.day for line, owed in sums if line.outstanding > 0 and round_to_cent(owed) >= minimum)
        return next(reached, None)


def debt_of(lines: Iterable[OwedLine], remind: Remind, day: date, stopped_on: date | None = None) -> Debt:
    """The debt as it is reminded on this day; charges up to the day on which staff stopped a series do not count."""
    in_order = sorted(lines, key=lambda line: (line.day or date.min, line.id))
    first, ended = day - timedelta(days=remind.max_age_days), stopped_on or date.min
    debits = [(line.day, line) for line in in_order if line.outstanding > 0 and not (line.is_fee or line.out)]
    counting = [(of, line) for of, line in debits if of and ended < of <= day]
    return Debt(
        open=tuple(line for of, line in counting if of >= first),
        older=tuple(line for of, line in counting if of < first),
        fees=tuple(line for line in in_order if line.is_fee and line.outstanding > 0),
        credits=tuple(line for line in in_order if line.outstanding < 0),
    )


def _owed(lines: Iterable[OwedLine]) -> Decimal:
    return round_to_cent(sum((line.outstanding for line in lines), ZERO))
