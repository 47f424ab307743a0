"""What the ends and merges of cases mean for the holds that people have made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.plan import Ending, Plan, Succession
from gentle_nudge.domain.hold import Hold, HoldEnd


def ended_with_cases(plan: Plan) -> Iterator[Hold]:
    """The holds that end with the last open case of their patron, each with what has ended it."""
    for ending in plan.of(Ending):
        records = plan.records.of(ending.number)
        if ending.facts.heir is None and records.open_cases <= {ending.case.section}:
            by = HoldEnd.RELEASED if ending.state is CaseState.RELEASED else HoldEnd.CLOSED
            yield from (replace(hold, ended_by=by) for hold in records.holds)


def inherited_holds(plan: Plan) -> tuple[Hold, ...]:
    """The holds of merged cards as they go over to the patron who was kept, and those that they replace.

    Only one hold of a kind can be open: the one that lasts longest stays.
    """
    inherited: defaultdict[str, list[Hold]] = defaultdict(list)
    for decision in (*plan.of(Succession), *plan.of(Ending)):
        heir = decision.facts.heir
        if heir and heir.number != decision.number:
            moved = (replace(hold, patron=heir.number) for hold in plan.records.of(decision.number).holds)
            for hold in moved:
                inherited[hold.open_key].append(hold)
    own = {hold.open_key: hold for key in inherited for hold in plan.records.of(inherited[key][0].patron).holds}
    over: list[Hold] = []
    for key, holds in inherited.items():
        rivals = sorted((*holds, *filter(None, [own.get(key)])), key=lambda hold: hold.until or date.max)
        over += (replace(hold, ended_by=HoldEnd.REPLACED) for hold in rivals[:-1])
        over += rivals[-1:]
    return tuple(over)
