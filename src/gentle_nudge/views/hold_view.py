"""Who is on hold, why, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.collections.review import ListRow
from gentle_nudge.domain.hold import Hold
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.plain import WHOLE, Column, View, amounts, column, notes, table, unseen


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedHold:
    """A hold with the patron's card, open case and whole balance today; None if there is none."""

    hold: Hold
    card: str | None
    case: Case | None
    balance: Decimal | None


HOLDS: tuple[Column[ListedHold], ...] = (
    column("hold", lambda row: row.hold.id, "number"),
    column("number", lambda row: row.hold.patron, "number"),
    column("card", lambda row: row.card, "word"),
    column("section", lambda row: row.hold.section, "word"),
    column("reason", lambda row: row.hold.reason),
    column("note", lambda row: row.hold.note),
    column("until", lambda row: row.hold.until, "day"),
    column("source", lambda row: row.hold.source, "word"),
    column("who", lambda row: row.hold.who, "word"),
    *unseen(since="hold.since", ended="hold.ended"),
    column("ended by", lambda row: row.hold.ended_by, "word", key="ended_by"),
    column("case", lambda row: row.case and row.case.id, "number"),
    column("paused", lambda row: row.case and row.case.paused_on, "day", key="paused_on"),
    amounts("balance", lambda row: row.balance),
)


def on_list(for_day: date, row: ListRow) -> str:
    """What became of a patron on a list, for people: left out by whom and why, or why nothing came of it."""
    by = f" by {row.who}{f' on {row.at.date()}' if row.at else ''}" if row.who else ""
    why = f": {row.why}" if row.why else ""
    return f"on the list for {for_day}, {row.outcome.replace('_', ' ')}{by}{why}"


def holds_view(holds: Sequence[ListedHold]) -> View:
    """The holds with their cases; a balance is of today."""
    count = notes(counted(len(holds), "hold")) if holds else []
    return View(parts=[table(HOLDS, holds, WHOLE, empty="Nobody is on hold."), *count])
