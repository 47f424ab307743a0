"""What happened at the desk in the two weeks between the Sundays, told by the part each patron has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from decimal import Decimal

from gentle_nudge.demo.counter import Desk
from gentle_nudge.demo.roles import Role, Sample

OWN_WORDS = "Sent to collections in error? Ask the director before lifting"
A_PART_IS_LEFT, A_LITTLE_IS_LEFT = Decimal("30.00"), Decimal("4.00")
AFTERNOON = time(15, 20)


def those_who(samples: Mapping[int, Sample], role: Role) -> list[int]:
    """The numbers of the patrons with this part, in order."""
    return sorted(number for number, sample in samples.items() if sample.role is role)


def first_week(desk: Desk, samples: Mapping[int, Sample]) -> None:
    """Between the first Sunday and the second."""
    for number in those_who(samples, Role.PAYS_IN_THE_FIRST_WEEK):
        desk.pay(number, desk.instant(10, AFTERNOON))
    for number in those_who(samples, Role.PAYS_A_PART):
        desk.pay(number, desk.instant(9, AFTERNOON), all_but=A_PART_IS_LEFT)
    for number in those_who(samples, Role.FLAG_OFF_IN_THE_FIRST_WEEK):
        desk.write_flag(number, None)


def second_week(desk: Desk, samples: Mapping[int, Sample]) -> None:
    """Between the second Sunday and the one shown."""
    for number in those_who(samples, Role.PAYS_WITH_EDITED_RESTRICTION):
        desk.rewrite_restriction(number, OWN_WORDS)
    payments = {
        Role.PAYS: (4, Decimal(0)),
        Role.PAYS_NEARLY: (4, A_LITTLE_IS_LEFT),
        Role.PAYS_WITH_EDITED_RESTRICTION: (3, Decimal(0)),
        Role.PAYS_AND_FLAG_OFF: (2, Decimal(0)),
    }
    for role, (ago, left) in payments.items():
        for number in those_who(samples, role):
            desk.pay(number, desk.instant(ago, AFTERNOON), all_but=left)
    flags = {
        Role.PAYS_AND_FLAG_OFF: None,
        Role.FLAG_OFF: None,
        Role.FLAG_OVERWRITTEN: "Book club",
        Role.FLAGGED_BY_HAND: "yes",
    }
    for role, value in flags.items():
        for number in those_who(samples, role):
            desk.write_flag(number, value)
    for number in those_who(samples, Role.LEAVES):
        desk.delete(number)
    for gone, kept in (Role.TWO_CARDS, Role.SECOND_CARD), (Role.TWO_CASES, Role.SECOND_CASE):
        for first, second in zip(those_who(samples, gone), those_who(samples, kept), strict=True):
            desk.merge(first, second)
