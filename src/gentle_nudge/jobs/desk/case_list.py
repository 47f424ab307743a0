"""Cases: listed for people, and moved to another section."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.policy import GLOBAL, Section
from gentle_nudge.errors import UserError
from gentle_nudge.koha.read import borrowers
from gentle_nudge.settings import Settings
from gentle_nudge.store import cases, meta
from gentle_nudge.store.cases import Moved


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which cases: in these states (none: all), referred in the month of this day, of these sections (None: all)."""

    states: tuple[CaseState, ...] = ()
    month: date | None = None
    sections: tuple[str, ...] | None = None


def listed(conn: Connection, wanted: Filter) -> list[Case]:
    """The cases wanted, in order of id."""
    meta.ready(conn)
    referred = _month(wanted.month) if wanted.month else None
    return cases.listed(conn, states=wanted.states, referred=referred, sections=wanted.sections)


def _month(day: date) -> tuple[date, date]:
    _, last = calendar.monthrange(day.year, day.month)
    return day.replace(day=1), day.replace(day=last)


def move(conn: Connection, settings: Settings, sections: tuple[Section, ...], *, old: str, new: str) -> Moved:
    """The open cases of the section `old` are of `new`; those of patrons with an open case there stay.

    UserError for a section that the settings do not know, for one without open cases, and for one that looks for
    the flag in another field. `sections` is empty while the settings are incomplete.
    """
    meta.lock(conn)
    name = _known(settings, new)
    going = list(cases.open_cases(conn, [old]))
    if not going:
        raise UserError(f"Section {old} has no open case.", "gentle-nudge cases --state open shows every one.")
    for section in sections:
        if section.name == name:
            _refuse_another_flag(conn, going, section)
    return cases.move(conn, old=old, new=name)


def _known(settings: Settings, name: str) -> str:
    """The name as the settings write it."""
    names = [keys.name for keys in settings.section_keys] + [GLOBAL] * settings.libraries.others
    for known in names:
        if known.casefold() == name.casefold():
            return known
    raise UserError(f"There is no section {name}.", f"The sections are: {', '.join(names)}.")


def _refuse_another_flag(conn: Connection, going: Sequence[Case], target: Section) -> None:
    """UserError if most of these patrons are not flagged where the section looks: the night would withdraw them."""
    flagged = borrowers.flagged(conn, target.policy.flag)
    without = sum(case.patron not in flagged for case in going)
    if without * 2 > len(going):
        raise UserError(
            f"Of the {len(going)} patrons {without} have no flag in {target.policy.flag}, the field of section "
            f"{target.name}: after the move they would look as if staff had taken the flag off.",
            f"Give section {target.name} the flag field of the section it takes over from.",
        )
