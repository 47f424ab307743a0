"""The keys of [outcomes]: what the agency bills, and how its work is counted."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from annotated_types import Interval

from gentle_nudge.domain.money import MOST
from gentle_nudge.domain.setting import LONGEST_AGE, Addresses, Amount, Key

RunningDays = Annotated[int, Interval(ge=1, le=LONGEST_AGE)]
GroupSize = Annotated[int, Interval(ge=2, le=MOST)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcomes:
    """What collections brought in."""

    price_per_case: Annotated[
        Amount, Key("What the agency bills for each case; shown beside what came in, never taken off.")
    ] = Decimal("0.00")
    running_days: Annotated[
        RunningDays, Key("Days for which the agency works on a case; younger months are marked as not over yet.")
    ] = 130
    smallest_group: Annotated[
        GroupSize, Key("Groups by branch, category or age with fewer cases than this are put together.")
    ] = 5
    send_to: Annotated[Addresses, Key("Who gets the page of the month by mail. Default, when empty: nobody.")] = ()
