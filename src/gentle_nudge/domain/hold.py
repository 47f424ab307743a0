"""A hold: who is kept back from collections, why, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from gentle_nudge.domain.patron import FlagRow, FlagState, Patron, flag_state

REASONS = ("bankruptcy", "dispute", "plan", "deceased", "hardship", "error", "other")
WITHOUT_END = ("bankruptcy", "deceased")


class HoldSource(StrEnum):
    """Where a hold was made: by a command (or by staff in Koha, as a wish), by an edited list, or in Koha's field."""

    COMMAND = "command"
    FILE = "file"
    KOHA = "koha"


class HoldEnd(StrEnum):
    """What ended a hold."""

    RESUME = "resume"
    DATE = "date"
    FIELD = "field"
    REPLACED = "replaced"
    RELEASED = "released"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A row of `gentle_nudge_hold`, or what a patron's field in Koha says.

    `section` is None for all sections. The `reason` is one of the words for people, or the value of Koha's field. The
    last day is `until`; None: until somebody ends it.
    """

    id: int | None = None
    patron: int
    section: str | None = None
    reason: str
    note: str | None = None
    until: date | None = None
    source: HoldSource
    who: str | None = None
    since: datetime | None = None
    ended: datetime | None = None
    ended_by: HoldEnd | None = None

    @property
    def is_by_person(self) -> bool:
        """Whether somebody made it by a command or file, and not in Koha's field."""
        return self.source is not HoldSource.KOHA

    @property
    def open_key(self) -> str:
        """What only one open hold may have."""
        return f"{self.patron} {self.source} {self.section or ''}".rstrip()

    def is_in_force(self, day: date) -> bool:
        """Whether it keeps the patron back on this day; the last day is included."""
        return self.until is None or day <= self.until


def hold_in_field(patron: Patron, section: str | None = None) -> Hold | None:
    """The hold that the patron's field in Koha says, whether or not its last day is over; None if it says no.

    Of several values the first that is not a no is the reason.
    """
    values = [row.value or "" for row in patron.hold if flag_state((row,)) is not FlagState.NO]
    if not values:
        return None
    until, source = last_day(patron.hold_until), HoldSource.KOHA
    return Hold(patron=patron.number, section=section, reason=values[0].strip(), until=until, source=source)


def last_day(rows: tuple[FlagRow, ...]) -> date | None:
    """The last of these days; None if there is none, or if one of the values is no day: then it keeps back for good."""
    days = _filled(rows)
    return max(map(date.fromisoformat, days), default=None) if all(map(is_day, days)) else None


def is_day(text: str) -> bool:
    """Whether this is a day, written as 2026-12-31."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _filled(rows: tuple[FlagRow, ...]) -> list[str]:
    return [value for row in rows if (value := (row.value or "").strip())]


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldChanges:
    """What a night records of holds: which begin, and which end, each with what has ended it.

    In the field of the patrons with the numbers in `still_set` a hold stands that is over; in that of the `unreadable`
    ones a last day that is none.
    """

    begun: tuple[Hold, ...] = ()
    ended: tuple[Hold, ...] = ()
    still_set: tuple[int, ...] = ()
    unreadable: tuple[int, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """A sentence about each patron on hold who is gone from Koha: only staff know with whom a card was merged."""
        gone = sorted({hold.patron for hold in self.ended if hold.ended_by is HoldEnd.CLOSED})
        what = "was on hold and is gone from Koha; if the card was merged, put the patron who was kept on hold"
        return tuple(f"patron number {number} {what}" for number in gone)


NO_CHANGES = HoldChanges()


def hold_changes(
    recorded: Iterable[Hold],
    in_koha: Iterable[Patron],
    section: str,
    day: date,
    *,
    gone: AbstractSet[int] = frozenset(),
) -> HoldChanges:
    """What has changed since the holds were recorded; `in_koha` are the patrons in whose field something stands.

    The patrons who are `gone` from Koha have no case.
    """
    patrons = {patron.number: patron for patron in in_koha}
    in_field = {number: hold for number, patron in patrons.items() if (hold := hold_in_field(patron, section))}
    in_force = {number: hold for number, hold in in_field.items() if hold.is_in_force(day)}
    ended_by = {
        hold: HoldEnd.CLOSED if hold.patron in gone else _ended_by(hold, in_field.get(hold.patron), day)
        for hold in recorded
    }
    going_on = {hold.patron for hold, by in ended_by.items() if by is None and not hold.is_by_person}
    return HoldChanges(
        begun=tuple(hold for number, hold in in_force.items() if number not in going_on),
        ended=tuple(replace(hold, ended_by=by) for hold, by in ended_by.items() if by),
        still_set=tuple(sorted(in_field.keys() - in_force.keys())),
        unreadable=tuple(number for number in in_field if not all(map(is_day, _filled(patrons[number].hold_until)))),
    )


def _ended_by(recorded: Hold, in_field: Hold | None, day: date) -> HoldEnd | None:
    """What has ended the hold; None if it goes on. One of Koha's field ends when its reason or last day changes."""
    if recorded.is_by_person:
        return None if recorded.is_in_force(day) else HoldEnd.DATE
    if in_field is None:
        return HoldEnd.FIELD
    if not in_field.is_in_force(day):
        return HoldEnd.DATE
    is_the_same = (in_field.reason, in_field.until) == (recorded.reason, recorded.until)
    return None if is_the_same else HoldEnd.REPLACED
