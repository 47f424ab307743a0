"""What happens at the desk in the two weeks between the Sundays, by the part each patron has."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from gentle_nudge.demo.counter import Desk
from gentle_nudge.demo.roles import Role, Sample
from gentle_nudge.domain.money import ZERO

OWN_WORDS = "Sent to collections in error? Ask the director before lifting"

# Who pays, and what they owe afterwards.
PAYMENTS = {
    Role.PAYS: ZERO,
    Role.PAYS_A_PART: Decimal("30.00"),
    Role.PAYS_NEARLY: Decimal("4.00"),
    Role.PAYS_WITH_EDITED_RESTRICTION: ZERO,
    Role.PAYS_AND_FLAG_OFF: ZERO,
}
FLAGS = {
    Role.PAYS_AND_FLAG_OFF: None,
    Role.FLAG_OFF: None,
    Role.FLAG_OVERWRITTEN: "Book club",
    Role.FLAGGED_BY_HAND: "yes",
}
MERGERS = {Role.TWO_CARDS: Role.SECOND_CARD, Role.TWO_CASES: Role.SECOND_CASE}


def those_of(samples: Mapping[int, Sample], week: int) -> dict[int, Sample]:
    """The patrons to whom something happens in a week: 0 is the last one before the Sunday shown, 1 the one before."""
    return {number: sample for number, sample in samples.items() if sample.ago and sample.ago // 7 == week}


def go_by(desk: Desk, samples: Mapping[int, Sample], week: int) -> None:
    """Let the week pass at the desk."""
    for number, sample in those_of(samples, week).items():
        role = sample.role
        if role is Role.PAYS_WITH_EDITED_RESTRICTION:
            desk.rewrite_restriction(number, OWN_WORDS)
        if role in PAYMENTS:
            desk.pay(number, sample.ago, all_but=PAYMENTS[role])
        if role in FLAGS:
            desk.write_flag(number, FLAGS[role])
        if role in MERGERS:
            desk.merge(number, next(keep for keep, each in samples.items() if each.role is MERGERS[role]))
        if role is Role.LEAVES:
            desk.delete(number)
