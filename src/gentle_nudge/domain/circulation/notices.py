"""Which notices go out, when, and by which transports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from gentle_nudge.domain.circulation.calendar import day_of_open_age
from gentle_nudge.domain.circulation.loan import Why
from gentle_nudge.domain.circulation.precedence import LoanRules, as_number, rule_why
from gentle_nudge.domain.circulation.snapshot import Closures, RuleRow, Snapshot, small
from gentle_nudge.domain.wording import counted

DELAY = re.compile(r"overdue_(\d+)_delay")
OLDER_LEVELS = (1, 2, 3)
FURTHEST_AHEAD = 30  # days before the due date on which a courtesy notice may still be wished for
PARTS = ("delay", "notice", "mtt", "restrict")


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeLevel:
    """A level as configured for one loan: after `delay` days this letter by these transports.

    `with_letter` are the transports for which Koha has the letter; `has_letter`: it is there for any transport.
    """

    level: int
    delay: int
    letter: str
    transports: tuple[str, ...]
    restricts: bool
    has_letter: bool
    with_letter: tuple[str, ...]
    why: tuple[Why, ...]

    @property
    def restricts_now(self) -> bool:
        """Whether it restricts, for which its letter must exist."""
        return self.restricts and self.has_letter


def notice_levels(rules: LoanRules) -> tuple[NoticeLevel, ...]:
    """The levels of this loan in order, whether the category gets notices or not."""
    if rules.snapshot.layout == "overduerules":
        rows = ((level, _older_rows(rules, level)) for level in OLDER_LEVELS)
    else:
        named = sorted(int(match[1]) for match in map(DELAY.fullmatch, rules.snapshot.triggers_by_name) if match)
        rows = ((level, _newer_rows(rules, level)) for level in named)
    are_levels = ((level, parts) for level, parts in rows if _delay(parts) and "notice" in parts)
    return tuple(_level(rules, level, parts) for level, parts in are_levels if parts["notice"].value.strip())


def _delay(parts: dict[str, RuleRow]) -> int:
    return int(as_number(parts["delay"].value) or 0) if "delay" in parts else 0


def _level(rules: LoanRules, level: int, parts: dict[str, RuleRow]) -> NoticeLevel:
    letter = parts["notice"].value.strip()
    listed = parts["mtt"].value.split(",") if "mtt" in parts else []
    transports = tuple(dict.fromkeys(filter(None, map(str.strip, listed))))
    there = transports_of_letter(rules.snapshot, letter, rules.libraries.notices)
    calendar = [rules.preference(name) for name in CALENDAR if rules.snapshot.is_on(name)]
    if calendar:
        calendar.append(Why(source="calendar", name="open days late", value=str(_delay(parts))))
    return NoticeLevel(
        level=level,
        delay=_delay(parts),
        letter=letter,
        transports=transports,
        restricts="restrict" in parts and parts["restrict"].value.strip() not in {"", "0"},
        has_letter=bool(there),
        with_letter=tuple(transport for transport in transports if transport in there),
        why=(*(rule_why(row, "trigger") for row in parts.values()), *calendar),
    )


def _newer_rows(rules: LoanRules, level: int) -> dict[str, RuleRow]:
    """The winning row of each part of a level; every part is resolved by itself."""
    named = {part: rules.row(f"overdue_{level}_{part}") for part in PARTS}
    return {part: row for part, row in named.items() if row}


def libraries_with_triggers(snapshot: Snapshot) -> frozenset[str | None]:
    """The libraries with a row of `overduerules` that has its first delay, None for the default's."""
    return frozenset(library for library, _, _ in snapshot.triggers_by_name.get("overdue_1_delay", {}))


def _older_rows(rules: LoanRules, level: int) -> dict[str, RuleRow]:
    """The cells of a level in the row of the library, or of the default if the library has no row of any category.

    A row without transports takes the default's.
    """
    snapshot, category, library = rules.snapshot, rules.loan.category, rules.libraries.notices
    own = library if small(library) in libraries_with_triggers(snapshot) else None
    cells = {part: _cell(snapshot, f"overdue_{level}_{part}", own, category) for part in PARTS}
    cells["mtt"] = cells["mtt"] or _cell(snapshot, f"overdue_{level}_mtt", None, category)
    first = _cell(snapshot, "overdue_1_delay", own, category)
    return {part: row for part, row in cells.items() if row} if first else {}


def _cell(snapshot: Snapshot, name: str, library: str | None, category: str) -> RuleRow | None:
    """The cell of exactly this library and category."""
    return snapshot.triggers_by_name.get(name, {}).get((small(library), small(category), None))


def is_default_hidden(rules: LoanRules) -> bool:
    """Whether the library's own rows take the default for this category away, in the older layout."""
    snapshot, category, library = rules.snapshot, rules.loan.category, rules.libraries.notices
    if snapshot.layout != "overduerules" or small(library) not in libraries_with_triggers(snapshot):
        return False
    own, default = (_cell(snapshot, "overdue_1_delay", each, category) for each in (library, None))
    return own is None and default is not None


def has_loss_by_triggers(snapshot: Snapshot) -> bool:
    """Whether a trigger makes items lost, as a branch of Koha's development does."""
    return any(re.fullmatch(r"overdue_\d+_lost", name) for name in snapshot.rules_by_name)


def transports_of_letter(snapshot: Snapshot, code: str, library: str) -> frozenset[str]:
    """The transports for which Koha has this letter, the library's own or the one for all."""
    places = snapshot.letters.get(code.casefold(), {})
    return places.get(library.casefold(), frozenset()) | places.get("", frozenset())


CALENDAR = ("OverdueNoticeCalendar", "OverdueTriggersCalendar")  # two names of one preference


def counts_open_days(snapshot: Snapshot) -> bool:
    """Whether notices count open days, and none goes out on a closed day."""
    return any(map(snapshot.is_on, CALENDAR))


def day_of_notice(closures: Closures, due: date, delay: int, *, open_only: bool) -> date:
    """The day on which a loan has this age in days, or in open days on an open day."""
    return day_of_open_age(closures, due, delay) if open_only else due + timedelta(days=delay)


@dataclass(frozen=True, kw_only=True, slots=True)
class CourtesyNotice:
    """A courtesy notice on a day, by the transports that were chosen and have its letter."""

    day: date
    letter: str
    transports: tuple[str, ...]
    text: str
    why: tuple[Why, ...]


def courtesy_notices(rules: LoanRules, due: date) -> Iterator[CourtesyNotice]:
    """The courtesy notices of this loan; that of the night of the check-out ran before it."""
    snapshot, loan = rules.snapshot, rules.loan
    for each in loan.courtesies if snapshot.is_on("EnhancedMessagingPreferences") else ():
        day = due - timedelta(days=each.days)
        letter = ("PREDUE" if each.days else "DUE") + ("DGST" if each.is_digest else "")
        there = transports_of_letter(snapshot, letter, loan.patron_library if each.is_digest else loan.library)
        transports = tuple(transport for transport in each.transports if transport in there)
        if not transports or each.days > FURTHEST_AHEAD or (loan.checkout and day <= loan.checkout):
            continue
        when = f"{counted(each.days, 'day')} before" if each.days else "on"
        told = f"{letter} goes out {when} the due date"
        why = [Why(source="message", name="Advance_Notice" if each.days else "Item_Due", value=str(each.days))]
        if each.patrons is not None:
            told += f", if the patron has chosen it: {each.patrons:,} of the category have one for that day"
            chosen = f"{counted(each.patrons, 'patron')} of the category"
            why.append(Why(source="assumption", name="opt-in, chosen by", value=chosen))
        yield CourtesyNotice(day=day, letter=letter, transports=transports, text=told, why=tuple(why))
