"""How a release looks: what is taken back, what becomes of the deliveries."""

from __future__ import annotations

from collections.abc import Iterator

from gentle_nudge.domain.actions import ClearFlag, LiftRestriction
from gentle_nudge.domain.collections.changes import of
from gentle_nudge.domain.money import format_amount
from gentle_nudge.jobs.desk.withdraw import Withdrawal, WithdrawnCase
from gentle_nudge.views.terminal import table

HEADERS = ("case", "number", "flags", "restrictions", "fee waived")


def release_lines(release: Withdrawal) -> Iterator[str]:
    """Everything that is taken back in one section; nothing if nothing is."""
    ending = sum(one.ends for one in release.taken)
    cancelled = [delivery for fate in release.fates for delivery in fate.cancelled]
    set_aside = [delivery for fate in release.fates for delivery in fate.set_aside]
    if release.taken or cancelled:
        yield f"Section {release.section}: {ending} withdrawn"
    yield from table(HEADERS, map(_row, release.taken), money=3)
    for delivery in cancelled:
        yield f"Cancelled: {delivery.file_name} to {delivery.address.recipient} ({delivery.address.channel})"
    for delivery in set_aside:
        yield f"Left to the next update: {delivery.file_name} to {delivery.address.recipient}"
    if release.to_tell:
        yield f"In the next update, as withdrawn_due says: {len(release.to_tell)}"
    if ending - len(release.to_tell):
        yield f"Nobody was told of them, so nobody will be: {ending - len(release.to_tell)}"


def _row(one: WithdrawnCase) -> tuple[str, ...]:
    flags, restrictions = len(of(one.actions, ClearFlag)), len(of(one.actions, LiftRestriction))
    return (str(one.case.id), str(one.case.number), str(flags), str(restrictions), format_amount(one.waived))
