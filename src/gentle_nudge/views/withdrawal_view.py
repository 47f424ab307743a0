"""What staff withdraw: the cases, and what becomes of the deliveries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gentle_nudge.domain.actions import ClearFlag, LiftRestriction
from gentle_nudge.domain.collections.withdrawal import Withdrawal, WithdrawnCase
from gentle_nudge.domain.money import ZERO
from gentle_nudge.views.plain import Column, Note, Part, View, amounts, column, name, notes, table
from gentle_nudge.views.queue_view import recipient

CASE: tuple[Column[WithdrawnCase], ...] = (
    column("case", lambda row: row.case.id, "number"),
    column("number", lambda row: row.case.number, "number"),
)
PERSON: tuple[Column[WithdrawnCase], ...] = (
    column("card", lambda row: row.case.card, "word"),
    column("name", lambda row: name(row.case.surname, row.case.firstname), "name"),
)
WITHDRAWN: tuple[Column[WithdrawnCase], ...] = (
    column("flags", lambda row: sum(isinstance(action, ClearFlag) for action in row.actions), "number"),
    column(
        "restrictions",
        lambda row: sum(isinstance(action, LiftRestriction) for action in row.actions),
        "number",
        nothing=0,
    ),
    amounts("fee waived", lambda row: row.waived, nothing=ZERO),
)


def withdrawal_view(withdrawals: Sequence[Withdrawal], *, dry_run: bool, names_patrons: bool) -> View:
    """Withdrawals, by section; with cards and names only where somebody looks at them."""
    columns = (*CASE, *(PERSON if names_patrons else ()), *WITHDRAWN)
    parts = [part for withdrawal in withdrawals for part in _section(withdrawal, columns)]
    beginning = notes("Dry run: nothing is written, nothing is sent.") if dry_run else []
    return View(parts=[*beginning, *(parts or notes("Nothing to take back: no case is open."))])


def _section(withdrawal: Withdrawal, columns: Sequence[Column[WithdrawnCase]]) -> Iterator[Part]:
    ending = sum(case.ends for case in withdrawal.taken)
    if withdrawal.taken or withdrawal.cancelled:
        yield table(columns, withdrawal.taken, caption=f"Section {withdrawal.section}: {ending} withdrawn")
    yield from notes(*(f"Cancelled: {each.file_name} to {recipient(each)}" for each in withdrawal.cancelled))
    for delivery in withdrawal.set_aside:
        yield Note(text=f"Left to the next update: {delivery.file_name} to {delivery.address.recipient}")
    if withdrawal.to_tell:
        yield Note(text=f"In the next update, as withdrawn_due says: {len(withdrawal.to_tell)}")
    if unheard := ending - len(withdrawal.to_tell):
        yield Note(text=f"Never reported, so no final row will be sent: {unheard}")
