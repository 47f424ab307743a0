"""A report read back from its file: whom a submission referred and what the agency was told they owe, who is listed."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.collections.policy import GLOBAL
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.reports.columns import GUARDIANS
from gentle_nudge.reports.render import STEMS

# A number at the end is one that the archive gave to a file whose name was taken: no section's name ends so.
NAME = re.compile(rf"{STEMS[ReportKind.SUBMISSION]}-(\d{{4}}-\d\d-\d\d)(?:-([A-Za-z][A-Za-z0-9-]*?))?(?:-\d+)?\.csv")


@dataclass(frozen=True, kw_only=True, slots=True)
class Referred:
    """One row of a submission: the borrowernumber, the balance before the fee, the fee."""

    number: int
    balance: Decimal
    fee: Decimal


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A submission as its file shows it; `section` is the section's name then."""

    day: date
    section: str
    rows: tuple[Referred, ...]

    @property
    def balances(self) -> Decimal:
        """What the patrons owed in all, before the fees."""
        return sum((row.balance for row in self.rows), ZERO)


def read_dues(content: bytes) -> dict[int, Decimal]:
    """Borrowernumber -> due, as an update or a sync says it; nothing if it has no rows."""
    return {int(row["borrowernumber"]): Decimal(row["Due"]) for row in _rows(content) if "Due" in row}


def _rows(content: bytes) -> csv.DictReader[str]:
    return csv.DictReader(io.StringIO(content.decode(), newline=""))


# The fields of a submission as a person calls them, each with its columns.
GIVEN: dict[str, tuple[str, ...]] = {
    "name": ("surname", "firstname"),
    "card": ("cardnumber",),
    "address": ("address", "address2", "city", "zipcode", "state"),
    "telephone": ("phone", "mobile", "Alt Ph 1", "Alt Ph 2"),
    "email": ("email",),
    "date_of_birth": ("dateofbirth",),
    "amount": ("Total_Due",),
    "guardian": tuple(column.header for column in GUARDIANS),
}


def read_given(content: bytes, number: int) -> tuple[str, ...]:
    """The fields that a submission gave of this borrowernumber, without empty ones; none if it is not there."""
    for row in _rows(content):
        if row.get("borrowernumber") == str(number):
            return tuple(field for field, columns in GIVEN.items() if any(map(row.get, columns)))
    return ()


def read_submission(file_name: str, content: bytes) -> Submission | None:
    """The submission of a file with this name; None if it is none. A file without rows refers nobody."""
    named = NAME.fullmatch(file_name)
    if named is None:
        return None
    return Submission(
        day=date.fromisoformat(named[1]),
        section=named[2] or GLOBAL,
        rows=tuple(
            Referred(
                number=int(row["borrowernumber"]),
                balance=Decimal(row["Total_Due"]),
                fee=Decimal(row["Total_Plus_Fee"]) - Decimal(row["Total_Due"]),
            )
            for row in _rows(content)
            if "Total_Plus_Fee" in row
        ),
    )
