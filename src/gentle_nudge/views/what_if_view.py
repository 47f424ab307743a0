"""A night as the settings are, and as it would be with others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from operator import attrgetter

from gentle_nudge.domain.collections.comparison import Figures, WhatIf
from gentle_nudge.views.night_view import REFERRED, night_view, who_is_left_out, why_none_is_due
from gentle_nudge.views.plain import Column, Part, View, column, figures, notes, table
from gentle_nudge.views.structured import written

Figure3 = tuple[str, Decimal | int, Decimal | int, Decimal | int]

COMPARED: tuple[Column[Figure3], ...] = (
    column("what", lambda row: row[0]),
    column("now", lambda row: row[1], "money"),
    column("then", lambda row: row[2], "money"),
    column("difference", lambda row: row[3] and f"{row[3]:+}", "money"),
)


def what_if_view(what_if: WhatIf, *, left_out: bool) -> View:
    """For people: both submissions in figures, who is in one of them alone, and if asked who is left out now."""
    section, now, then = what_if.section, what_if.now, what_if.then
    assumed = ", ".join(f"{key} = {written(value)}" for key, value in what_if.set.items())
    parts: list[Part] = [*notes(f"Section {section.name}, {now.day:%A} {now.day}, if {assumed}")]
    parts += [] if now.submission_due else notes(f"Now: {why_none_is_due(section, now.day)} Ask with --day.")
    parts += [table(COMPARED, _figures(what_if), level=1)]
    for title, referrals in (("Referred only now", what_if.only_now), ("Referred only then", what_if.only_then)):
        parts += [table(REFERRED, referrals, caption=f"{title}: {len(referrals)}")]
    parts += who_is_left_out(now) if left_out else ()
    said_now = [*notes(*(f"! {named}" for named in now.named), style="warning")]
    only_then = (f"! then: {named}" for named in then.named if named not in now.named)
    return View(parts=[*parts, *said_now, *notes(*only_then, style="warning")])


def _figures(what_if: WhatIf) -> Iterator[Figure3]:
    now, then, difference = what_if.figures
    for words, attribute in (
        ("patrons referred", "referred"),
        ("their balance", "balance"),
        ("fees", "fees"),
        ("left out, though they owe enough", "all_left_out"),
    ):
        yield words, *map(attrgetter(attribute), what_if.figures)
    for reason, changed in difference.left_out.items():
        yield f"- {reason}", now.left_out.get(reason, 0), then.left_out.get(reason, 0), changed
    yield "owing less", now.owing_less, then.owing_less, difference.owing_less


def what_if_for_programs(what_if: WhatIf, *, left_out: bool) -> View:
    """For programs: the night as it is, and the same figures, with numbers of patrons alone."""
    now, then, difference = map(_plain, what_if.figures)
    only_now, only_then = (sorted(each.number for each in side) for side in (what_if.only_now, what_if.only_then))
    both = {"now": now, "then": then, "difference": difference, "only_now": only_now, "only_then": only_then}
    tonight = night_view(what_if.section, what_if.now, left_out=left_out)
    return View(parts=[*tonight.parts, *figures(what_if={"set": what_if.set, **both})])


def _plain(figures: Figures) -> dict[str, object]:
    return {**asdict(figures), "left_out": {reason.name: count for reason, count in figures.left_out.items()}}
