"""How staff have kept a patron back: by holds, and on the lists before referrals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from gentle_nudge.domain.collections.review import ListRow, ReviewList
from gentle_nudge.domain.hold import Hold
from gentle_nudge.views.hold_view import on_list
from gentle_nudge.views.plain import Figure, Note, clock, figures, notes


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
        until = f"until {hold.until}" if hold.until else "without a last day"
        by = f", by {hold.who}" if hold.who else ", in Koha's field"
        ended = f"; ended {clock(hold.ended, zone)} ({hold.ended_by})" if hold.ended else ""
        yield Note(text=f"since {clock(hold.since, zone)}, {until}: {hold.reason}{by}{ended}", level=1)
    yield from notes("Lists") if kept_back.lists else ()
    for each, row in kept_back.lists:
        state = f"section {each.section}, the list is {each.state}{f' by {each.who}' if each.who else ''}"
        here = replace(row, at=row.at and row.at.astimezone(zone))
        yield Note(text=f"{on_list(each.for_day, here)} ({state})", level=1)
