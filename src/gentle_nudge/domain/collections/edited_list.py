"""A list that staff have edited as a CSV file: its name, its rows, and what is wrong with them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from gentle_nudge.domain.wording import is_blank

if TYPE_CHECKING:
    import _csv

NAME = re.compile(r"review-(\d{4}-\d{2}-\d{2})-(.+)\.csv", re.IGNORECASE)
APPROVED = "-approved"
LEAVE_OUT = "leave out"
NUMBER = re.compile(r"\d{1,10}", re.ASCII)
ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
AS_A_FLOAT = re.compile(r"'?\d+[.,]?\d*e\+?\d+", re.IGNORECASE)
REWRITTEN = (
    "a spreadsheet has rewritten the {} as one with an exponent, so that digits are lost. "
    "Fill in the column number again from the list, or the card as a text."
)


class FileFault(Exception):
    """What is wrong with a file, and in which line, without what stands there: it is told where nobody may be named."""

    def __init__(self, sentence: str, line: int | None = None) -> None:
        super().__init__(sentence)
        self.text = sentence if line is None else f"line {line}: {sentence}"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileName:
    """The day and the section that the name of a file says; several readings if a section may be named so."""

    day: date
    readings: tuple[tuple[str, bool], ...]

    @classmethod
    def parse(cls, name: str) -> FileName:
        """The name read; FileFault if it is not that of a list."""
        named = NAME.fullmatch(name)
        day = day_of(named[1]) if named else None
        if not named or day is None:
            raise FileFault("The name is that of no list. Save it as review-DAY-SECTION.csv, as it was called.")
        section = named[2]
        approved = ((section[: -len(APPROVED)], True),) if section.lower().endswith(APPROVED) else ()
        return cls(day=day, readings=((section, False), *approved))


@dataclass(frozen=True, kw_only=True, slots=True)
class EditedRow:
    """One row of the file; `line` is where it ends there."""

    line: int
    number: int | None
    card: str
    is_left_out: bool
    reason: str
    until: date | None


def edited_rows(content: bytes) -> Iterator[EditedRow]:
    """The rows of the file; FileFault for the first thing that is wrong."""
    text = _decoded(content)
    try:
        reader, columns = _opened(text)
        for cells in reader:
            row = {name: cells[place].strip() for name, place in columns.items() if place < len(cells)}
            if any(cell.strip() for cell in cells):
                yield _row(reader.line_num, row)
    except csv.Error as error:
        raise FileFault(f"This is no CSV file ({error}).") from error


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileFault("The file is neither UTF-8 nor Windows-1252.")


def _opened(text: str) -> tuple[_csv.Reader, dict[str, int]]:
    """A reader behind the line of columns, and the place of each column; comma, semicolon or tab, whichever fits."""
    for delimiter in ",;\t":
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        header = [cell.strip().casefold() for cell in next(reader, [])]
        columns = {name: place for place, name in reversed(list(enumerate(header)))}
        if "decision" in columns and {"number", "card"} & columns.keys():
            return reader, columns
    raise FileFault("There is no line with the columns number (or card) and decision.", 1)


def _row(line: int, row: Mapping[str, str]) -> EditedRow:
    number, until = row.get("number", "").lstrip("'"), row.get("until", "").lstrip("'")
    decision = " ".join(re.sub("[_-]", " ", row.get("decision", "")).casefold().split())
    if AS_A_FLOAT.fullmatch(number):
        raise FileFault(REWRITTEN.format("number"), line)
    if number and not NUMBER.fullmatch(number):
        raise FileFault("the number is none.", line)
    if decision not in {"", LEAVE_OUT}:
        raise FileFault(f"the decision is neither empty nor {LEAVE_OUT}.", line)
    left_out, reason = bool(decision), row.get("reason", "")
    reason = "" if is_blank(reason) else reason
    if left_out and not reason:
        raise FileFault(f"{LEAVE_OUT} needs a reason.", line)
    if not left_out and (reason or until):
        raise FileFault(
            f"a reason or a day stands there without a decision: write {LEAVE_OUT} beside it, or empty it.", line
        )
    last_day = day_of(until)
    if left_out and until and last_day is None:
        raise FileFault("until is no day. Write it as 2026-12-31.", line)
    return EditedRow(
        line=line,
        number=int(number) if number else None,
        card=row.get("card", ""),
        is_left_out=left_out,
        reason=reason,
        until=last_day if left_out else None,
    )


def day_of(text: str) -> date | None:
    """The day in ISO form; None for anything else."""
    try:
        return date.fromisoformat(text) if ISO.fullmatch(text) else None
    except ValueError:
        return None


def is_same_card(written: str, card: str | None) -> bool:
    """Whether what stands in the file may be this card: a spreadsheet takes leading zeros, and makes large floats."""
    if not written or AS_A_FLOAT.fullmatch(written):
        return True
    return _bare(written) == _bare(card or "")


def _bare(card: str) -> str:
    return card.strip().lstrip("'").strip().lstrip("0").casefold()
