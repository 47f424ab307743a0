"""How the crontab runs Koha's longoverdue.pl, which Koha itself does not know: its options, and the keys of [timeline].

Settings are read before every command, so nothing else of circulation is imported here.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

from gentle_nudge.domain.setting import Key, Parsed

MAXDAYS = 366
# The options of longoverdue.pl that take a value, by every name they have, and those that take none.
WITH_VALUE = {
    "--lost": "lost",
    "-l": "lost",
    "--charge": "charge",
    "-c": "charge",
    "--maxdays": "maxdays",
    "--category": "categories",
    "--skip-category": "skip_categories",
    "--library": "libraries",
    "--skip-library": "skip_libraries",
    "--itemtype": "itemtypes",
    "--skip-itemtype": "skip_itemtypes",
    "--skip-lost-value": "skip_lost_values",
}
SWITCHES = {"--mark-returned": "mark_returned", "--confirm": "confirm", "--verbose": "", "-v": "", "--quiet": ""}
PAIRS = (("categories", "skip_categories"), ("libraries", "skip_libraries"), ("itemtypes", "skip_itemtypes"))
LISTS = (*(name for pair in PAIRS for name in pair), "skip_lost_values")


@dataclass(frozen=True, kw_only=True, slots=True)
class LongOverdueJob:
    """How the crontab runs longoverdue.pl: its options, and whether it runs `first` in the night.

    `runs` is preferences (no option given), options, or off. None and () stand for options that are not given.
    """

    runs: Literal["preferences", "options", "off"] = "preferences"
    first: bool = False
    days: int | None = None
    lost: str | None = None
    charge: str | None = None
    categories: tuple[str, ...] = ()
    skip_categories: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    skip_libraries: tuple[str, ...] = ()
    itemtypes: tuple[str, ...] = ()
    skip_itemtypes: tuple[str, ...] = ()
    skip_lost_values: tuple[str, ...] = ()
    mark_returned: bool = False
    maxdays: int = MAXDAYS
    confirm: bool = True

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the setting `longoverdue`; ValueError says what is needed instead. `first` is set by `replace`."""
        if text.strip() in {"", "off"}:
            return cls(runs="off" if text.strip() else "preferences")
        given = _given(shlex.split(text))
        for one, other in PAIRS:
            if given[one] and given[other]:
                names = {value: name for name, value in WITH_VALUE.items()}
                raise ValueError(f"{names[one]} and {names[other]} exclude each other")
        if len(given["lost"]) > 1:
            raise ValueError("--lost may be given once: Koha itself calls several unreliable")
        days, equals, lost = (given["lost"] or [""])[0].partition("=")
        if given["lost"] and not (days.isdecimal() and equals and lost):
            raise ValueError("--lost is written DAYS=VALUE, such as --lost 30=2")
        maxdays = (given["maxdays"] or [str(MAXDAYS)])[-1]
        if not maxdays.isdecimal():
            raise ValueError("--maxdays needs a number of days, such as --maxdays 366")
        lists: dict[str, Any] = {name: tuple(given[name]) for name in LISTS}
        return cls(
            runs="options",
            days=int(days) if days else None,
            lost=lost or None,
            charge=given["charge"][-1] if given["charge"] else None,
            maxdays=int(maxdays),
            mark_returned=bool(given["mark_returned"]),
            confirm=bool(given["confirm"]),
            **lists,
        )


def _given(words: list[str]) -> dict[str, list[str]]:
    """The values of every option in a command line; a switch that is given has one empty value.

    ValueError names a word by its place: no message about settings repeats a value.
    """
    given: dict[str, list[str]] = {name: [] for name in (*WITH_VALUE.values(), *SWITCHES.values())}
    rest = iter(words)
    for place, word in enumerate(rest, start=1):
        option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if word in SWITCHES:
            given[SWITCHES[word]].append("")
        elif option in WITH_VALUE:
            value = value if equals else next(rest, "")
            if not value and not equals:
                raise ValueError(f"{option} needs a value")
            given[WITH_VALUE[option]].append(value)
        else:
            options = ", ".join((*WITH_VALUE, *SWITCHES))
            raise ValueError(f"longoverdue.pl has no such option as number {place} here; it has {options}")
    return given


def parse_options(text: str) -> str:
    """The options of longoverdue.pl, or `off`; ValueError says what is wrong with them."""
    LongOverdueJob.parse(text)
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """What the crontab says of lost items, for the road of a loan."""

    longoverdue: Annotated[
        Annotated[str, Parsed(parse_options)] | None,
        Key(
            'The options that the crontab gives longoverdue.pl, as one text; off: it is not run. Default: "", none, so '
            "that Koha's preferences decide.",
            example='"--lost 90=2 --charge 2 --confirm"',
            or_empty=True,
        ),
    ] = None
    longoverdue_first: Annotated[
        bool, Key("Whether it runs before fines.pl and overdue_notices.pl of the same night.")
    ] = False

    @property
    def job(self) -> LongOverdueJob:
        """How longoverdue.pl is run."""
        return replace(LongOverdueJob.parse(self.longoverdue or ""), first=self.longoverdue_first)
