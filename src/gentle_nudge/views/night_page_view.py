"""A night, or a week of nights, as people and programs are shown it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from gentle_nudge.domain.collections.for_a_person import TITLES
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.night_summary import Values
from gentle_nudge.views.night_view import CHANGES
from gentle_nudge.views.plain import Column, Note, Part, View, amounts, column, figures, notes, table

Row = Mapping[str, Any]
KEYS = (
    "section",
    "day",
    "from",
    "well",
    "needs_a_person",
    "figures",
    "reports",
    "referred",
    "changed",
    "not_shown",
    "others",
    "others_changed",
    "list",
    "holds_ending",
)
ABOUT = frozenset({"about"})  # it tells needs apart, and says nothing to a reader

WHO: tuple[Column[Row], ...] = (
    column("number", lambda row: row["number"], "number"),
    column("card", lambda row: row["card"], "word"),
    column("name", lambda row: row["name"], "name"),
)
REPORTS: tuple[Column[Row], ...] = (
    column("file", lambda row: row["file_name"], "word"),
    column("patrons", lambda row: row["rows"], "number"),
    column("sum", lambda row: Decimal(row["amount"]), "money"),
    column("delivered", lambda row: tuple(f"{each['recipient']} {each['state']}" for each in row["deliveries"])),
)
REFERRED: tuple[Column[Row], ...] = (
    *WHO,
    amounts("owed", lambda row: Decimal(row["balance"])),
    amounts("fee", lambda row: Decimal(row["fee"])),
    amounts("told", lambda row: Decimal(row["due"])),
)
HOLDS_ENDING: tuple[Column[Row], ...] = (
    *WHO,
    column("reason", lambda row: row["reason"]),
    column("until", lambda row: row["until"], "day"),
)
CHANGED: tuple[Column[Row], ...] = (
    *WHO,
    column("what happened", lambda row: row["sentence"]),
    column("told", lambda row: None if row["due"] is None else Decimal(row["due"]), "money"),
)


def night_page_view(values: Values) -> View:
    """The values of a night, or of a week, with cards, names and deliveries."""
    needs = [{key: need[key] for key in need if key not in ABOUT} for need in values["needs_a_person"]]
    shown = {key: values[key] for key in KEYS} | {"needs_a_person": needs}
    if "lists" in values:
        shown["lists"] = values["lists"]
    return View(parts=[*figures(**shown), *_for_people(values)])


def _for_people(values: Values) -> Iterator[Part]:
    day, sums = date.fromisoformat(values["day"]), values["figures"]
    is_week = values["from"] != values["day"]
    yield Note(text=f"Section {values['section']}, the {'week to' if is_week else 'night of'} {day:%A} {day}")
    yield Note(
        text="All well." if values["well"] else "Not all is well.", style="plain" if values["well"] else "problem"
    )
    if values["needs_a_person"]:
        yield Note(text="For a person", style="heading")
    for need in values["needs_a_person"]:
        who = " ".join(filter(None, (need["name"], need["card"] or f"number {need['number']}")))
        since = f" (since {need['since']})" if need["since"] != values["day"] else ""
        yield Note(text=f"{who if need['number'] else TITLES[need['kind']]}{since}: {need['sentence']}", style="item")
    yield Note(text="Figures", style="heading")
    paused = f", {sums['paused']} paused" if sums["paused"] else ""
    yield from notes(
        f"{sums['referred']} referred, owing {sums['balance']}; fees {sums['fees']}",
        f"{sums['released_or_paid']} released or paid",
        f"{sums['open_cases']} in collections now, owing {sums['open_due']}{paused}",
        style="item",
    )
    yield table(REPORTS, values["reports"], caption="Reports", empty="No file was made.")
    if is_week:
        yield table(HOLDS_ENDING, values["holds_ending"], caption="Holds that end soon" * bool(values["holds_ending"]))
        return
    yield table(REFERRED, values["referred"], caption=f"Referred: {sums['referred']}" if values["referred"] else "")
    for outcome, title in CHANGES.items():
        rows = [row for row in values["changed"] if row["outcome"] == outcome]
        yield table(CHANGED, rows, caption=f"{title}: {len(rows)}" if rows else "")
    if values["not_shown"]:
        yield Note(text=f"{values['not_shown']} more are not shown here: gentle-nudge cases lists everybody.")
    changed = f"; for {values['others_changed']} of them the amount changed" if values["others_changed"] else ""
    yield Note(text=f"{counted(values['others'], 'other case goes', 'other cases go')} on{changed}.")
