"""Letters: the rows of Koha's notices, which of them is used, what is wrong with one, and the text that is made."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gentle_nudge.domain.reminders.levels import Transport

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
    """A row that cannot be used, and why."""

    row: LetterRow
    problem: str

    @property
    def sentence(self) -> str:
        """The row and what was found in it."""
        branch = f"branch {self.row.branch}" if self.row.branch else "all branches"
        return f"letter {self.row.code} ({branch}, {self.row.transport}, {self.row.language}): {self.problem}"


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
    judged = ((row, problem_of(row)) for row in rows)
    return tuple(BadLetter(row=row, problem=problem) for row, problem in judged if problem)


def rendered(row: LetterRow, values: Mapping[str, str], lines: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    """Subject and content: every placeholder is its value, and the inside of <debt> stands there once per line."""

    def filled(text: str, of: Mapping[str, str], *, escape: bool) -> str:
        def value(name: re.Match[str]) -> str:
            found = of.get(name[1], "")
            return html.escape(found) if escape else found

        return PLACEHOLDER.sub(value, text)

    def block(inside: re.Match[str]) -> str:
        return "\n".join(filled(inside[1], {**values, **line}, escape=row.is_html) for line in lines)

    parts, end = [], 0
    for each in BLOCK.finditer(row.content):
        parts += [filled(row.content[end : each.start()], values, escape=row.is_html), block(each)]
        end = each.end()
    parts.append(filled(row.content[end:], values, escape=row.is_html))
    return filled(row.title, values, escape=False), "".join(parts)
