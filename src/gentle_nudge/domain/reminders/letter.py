"""Letters: the rows of Koha's notices, which of them is used, what is wrong with one, and the text that is made."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from gentle_nudge.domain.reminders.levels import Transport
from gentle_nudge.domain.wording import counted

DEFAULT = "default"
NAMES = "title surname firstname address address2 city state zipcode country"
PLACEHOLDERS: Mapping[str, str] = {
    "borrowers": f"borrowernumber cardnumber email {NAMES}",
    "addressee": NAMES,
    "branches": "branchcode branchname branchaddress1 branchaddress2 branchaddress3 branchzip branchcity branchstate "
    "branchcountry branchphone branchemail branchurl",
    "debt": "total charges fees fee level since next",
    "line": "date type outstanding title",
}
KNOWN = frozenset(f"{table}.{column}" for table, columns in PLACEHOLDERS.items() for column in columns.split()) | {
    "today"
}
PLACEHOLDER = re.compile(r"<<(.*?)>>", re.DOTALL)
BLOCK = re.compile(r"<debt>(.*?)</debt>", re.DOTALL)
BLOCK_OR_PLACEHOLDER = re.compile(f"{BLOCK.pattern}|{PLACEHOLDER.pattern}", re.DOTALL)
BLOCK_TAG = re.compile(r"</?debt>")
TOOLKIT = "[%"


@dataclass(frozen=True, kw_only=True, slots=True)
class LetterRow:
    """A row of Koha's `letter`; a `branch` of '' is for all branches."""

    id: int
    code: str
    branch: str
    transport: Transport
    language: str
    is_html: bool
    title: str
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BadLetter:
    """A row that cannot be used and why, or with `transport` None: a code that has no row for the branch.

    `patrons`: how many get no letter because of it.
    """

    letter: str
    branch: str
    transport: Transport | None = None
    language: str | None = None
    problem: str
    patrons: int = 0

    @property
    def sentence(self) -> str:
        """The letter, what is wrong, and whom it holds back."""
        branch = f"branch {self.branch}" if self.branch else "all branches"
        where = ", ".join(filter(None, (branch, self.transport, self.language)))
        held = f"; nobody of {counted(self.patrons, 'patron')} gets it" if self.patrons else ""
        return f"letter {self.letter} ({where}): {self.problem}{held}"


def chosen(rows: Iterable[LetterRow], branch: str, transport: Transport, language: str) -> LetterRow | None:
    """The row of a letter that is used: in the language or else the default, for the branch or else for all."""
    by_place = {(row.branch.casefold(), row.language): row for row in rows if row.transport == transport}
    places = ((each, tongue) for tongue in dict.fromkeys((language, DEFAULT)) for each in (branch.casefold(), ""))
    return next((by_place[place] for place in places if place in by_place), None)


def problem_of(row: LetterRow) -> str:
    """What is wrong with a row; empty if it can be used."""
    if not row.content.strip():
        return "the text is empty"
    if TOOLKIT in row.title + row.content:
        return "it is written in Template Toolkit ([% … %]), which is not understood here"
    tags = BLOCK_TAG.findall(row.content)
    if tags != ["<debt>", "</debt>"] * (len(tags) // 2):
        return "<debt> and </debt> do not match"
    if BLOCK_TAG.search(row.title):
        return "<debt> stands in the subject"
    outside = row.title + BLOCK.sub("", row.content)
    for name in PLACEHOLDER.findall(row.title + row.content):
        if name not in KNOWN:
            return f"<<{name}>> is not known"
    stray = next((name for name in PLACEHOLDER.findall(outside) if name.startswith("line.")), None)
    return f"<<{stray}>> stands outside <debt>" if stray else ""


def bad_letters(rows: Iterable[LetterRow]) -> tuple[BadLetter, ...]:
    """The rows that cannot be used."""
    return tuple(
        BadLetter(letter=row.code, branch=row.branch, transport=row.transport, language=row.language, problem=problem)
        for row in rows
        if (problem := problem_of(row))
    )


def rendered(row: LetterRow, values: Mapping[str, str], lines: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    """Subject and content: every placeholder is its value, and the inside of <debt> stands there once per line."""
    escaped = html.escape if row.is_html else str

    def of_line(line: Mapping[str, str], name: re.Match[str]) -> str:
        return escaped({**values, **line}.get(name[1], ""))

    def block_or_value(part: re.Match[str]) -> str:
        if part[1] is None:
            return escaped(values.get(part[2], ""))
        return "\n".join(PLACEHOLDER.sub(partial(of_line, line), part[1]) for line in lines)

    title = PLACEHOLDER.sub(lambda name: values.get(name[1], ""), row.title)
    return title, BLOCK_OR_PLACEHOLDER.sub(block_or_value, row.content)
