"""What happened at the desk in the two weeks between the Sundays, told by the part each patron has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import time
from decimal import Decimal

from gentle_nudge.demo.counter import Desk
from gentle_nudge.demo.roles import Role, Sample

OWN_WORDS = "Sent to collections in error? Ask the director before lifting"
LEFT_OWING = Decimal("4.00")
AFTERNOON = time(15, 20)

Numbers = list[int]
Event = Callable[[Desk, Numbers], None]


def those_who(samples: Mapping[int, Sample], role: Role) -> Numbers:
    """The numbers of the patrons with this part, in order."""
    return sorted(number for number, sample in samples.items() if sample.role is role)


def first_week(desk: Desk, samples: Mapping[int, Sample]) -> None:
    """Between the first Sunday and the second."""
    _play(desk, samples, {Role.PAYS_IN_THE_FIRST_WEEK: _pay(10), Role.PAYS_A_PART: _pay(9, all_but=Decimal("30.00"))})
    _play(desk, samples, {Role.FLAG_OFF_IN_THE_FIRST_WEEK: _flag(None)})


def second_week(desk: Desk, samples: Mapping[int, Sample]) -> None:
    """Between the second Sunday and the one shown."""
    events: dict[Role, Event] = {
        Role.PAYS: _pay(4),
        Role.PAYS_NEARLY: _pay(4, all_but=LEFT_OWING),
        Role.PAYS_WITH_EDITED_RESTRICTION: _pay_with_edited_restriction,
        Role.PAYS_AND_FLAG_OFF: _pay_and_flag_off,
        Role.FLAG_OFF: _flag(None),
        Role.FLAG_OVERWRITTEN: _flag("Book club"),
        Role.FLAGGED_BY_HAND: _flag("yes"),
        Role.LEAVES: _leave,
    }
    _play(desk, samples, events)
    for gone, kept in (Role.TWO_CARDS, Role.SECOND_CARD), (Role.TWO_CASES, Role.SECOND_CASE):
        for first, second in zip(those_who(samples, gone), those_who(samples, kept), strict=True):
            desk.merge(first, second)


def _play(desk: Desk, samples: Mapping[int, Sample], events: Mapping[Role, Event]) -> None:
    for role, event in events.items():
        event(desk, those_who(samples, role))


def _pay(ago: int, *, all_but: Decimal = Decimal(0)) -> Event:
    def pay(desk: Desk, numbers: Numbers) -> None:
        for number in numbers:
            desk.pay(number, desk.instant(ago, AFTERNOON), all_but=all_but)

    return pay


def _flag(value: str | None) -> Event:
    def write(desk: Desk, numbers: Numbers) -> None:
        for number in numbers:
            desk.write_flag(number, value)

    return write


def _pay_with_edited_restriction(desk: Desk, numbers: Numbers) -> None:
    for number in numbers:
        desk.rewrite_restriction(number, OWN_WORDS)
    _pay(3)(desk, numbers)


def _pay_and_flag_off(desk: Desk, numbers: Numbers) -> None:
    _pay(2)(desk, numbers)
    _flag(None)(desk, numbers)


def _leave(desk: Desk, numbers: Numbers) -> None:
    for number in numbers:
        desk.delete(number)
