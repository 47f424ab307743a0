"""Who is on hold, why, and until when; and how staff have kept a patron back, by holds and on lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.collections.review import ListRow, ReviewList
from gentle_nudge.domain.hold import Hold
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.plain import (
    WHOLE,
    Column,
    Figure,
    Note,
    View,
    amounts,
    clock,
    column,
    figures,
    notes,
    table,
    unseen,
)


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


def until_when(hold: Hold) -> str:
    """The last day of the hold, in words."""
    return f"until {hold.until}" if hold.until else "without a last day"


def on_list(for_day: date, row: ListRow) -> str:
    """What became of a patron on a list, for people: left out by whom and why, or why nothing came of it."""
    by = f" by {row.who}{f' on {row.at.date()}' if row.at else ''}" if row.who else ""
    why = f": {row.why}" if row.why else ""
    return f"on the list for {for_day}, {row.outcome.replace('_', ' ')}{by}{why}"


def holds_view(holds: Sequence[ListedHold]) -> View:
    """The holds with their cases; a balance is of today."""
    count = notes(counted(len(holds), "hold")) if holds else []
    return View(parts=[table(HOLDS, holds, WHOLE, empty="Nobody is on hold."), *count])


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptBack:
    """The holds of a patron, also past ones, and the lists that the patron was on, each with the row."""

    holds: Sequence[Hold] = ()
    lists: Sequence[tuple[ReviewList, ListRow]] = ()

    def of_section(self, section: str) -> KeptBack:
        """The holds and lists of this section; a hold of all sections is one of each."""
        return KeptBack(
            holds=[hold for hold in self.holds if hold.section in {None, section}],
            lists=[(each, row) for each, row in self.lists if each.section == section],
        )


def for_programs(kept_back: KeptBack, zone: ZoneInfo) -> list[Figure]:
    """The holds, without their notes, and the lists."""
    words = ("section", "reason", "until", "source", "who", "ended_by")
    holds = [
        {word: getattr(hold, word) for word in words}
        | {"since": hold.since and hold.since.astimezone(zone), "ended": hold.ended and hold.ended.astimezone(zone)}
        for hold in kept_back.holds
    ]
    lists = [
        {"for_day": each.for_day, "section": each.section, "state": each.state, "outcome": row.outcome}
        | {"why": row.why, "who": row.who, "at": row.at and row.at.astimezone(zone)}
        for each, row in kept_back.lists
    ]
    return figures(holds=holds, lists=lists)


def for_people(kept_back: KeptBack, zone: ZoneInfo) -> Iterator[Note]:
    """Since when and until when each hold is or was, and what became of the patron on each list."""
    yield from notes("Holds") if kept_back.holds else ()
    for hold in kept_back.holds:
        by = f", by {hold.who}" if hold.who else ", in Koha's field"
        ended = f"; ended {clock(hold.ended, zone)} ({hold.ended_by})" if hold.ended else ""
        yield Note(text=f"since {clock(hold.since, zone)}, {until_when(hold)}: {hold.reason}{by}{ended}", level=1)
    yield from notes("Lists") if kept_back.lists else ()
    for each, row in kept_back.lists:
        state = f"section {each.section}, the list is {each.state}{f' by {each.who}' if each.who else ''}"
        here = replace(row, at=row.at and row.at.astimezone(zone))
        yield Note(text=f"{on_list(each.for_day, here)} ({state})", level=1)
