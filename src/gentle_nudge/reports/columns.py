"""The columns of the three reports: header, where the value comes from, how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.patron import Guardian
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.spreadsheet import guarded, plain

Form = Callable[[Any], str]


def day(value: date | None) -> str:
    """The date as YYYY-MM-DD; None is empty."""
    return value.isoformat() if value else ""


def instant(value: datetime | None) -> str:
    """The wall clock as YYYY-MM-DD HH:MM:SS, in whatever zone the value stands; None is empty."""
    return value.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds") if value else ""


def of_guardian(fact: Callable[[Guardian], str | None], form: Form) -> Form:
    """The form of one fact about a guardian; without a guardian it is empty."""
    return lambda guardian: form(fact(guardian)) if guardian else ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its header, the dotted path from the row to the value, how it is written.

    The spreadsheet guard applies to the columns whose form is `guarded` (or built on it), and only if it is on.
    """

    header: str
    source: str
    form: Form = guarded
    unguarded: Form | None = None

    def form_with(self, *, guard: bool) -> Form:
        """How the value is written with the spreadsheet guard on or off."""
        if guard:
            return self.form
        return self.unguarded or (plain if self.form is guarded else self.form)


def _guardian(header: str, name: str, form: Form = guarded) -> Column:
    fact: Callable[[Guardian], str | None] = attrgetter(name)
    return Column(header, "patron.guardian", of_guardian(fact, form), of_guardian(fact, plain))


SUBMISSION = (
    Column("borrowernumber", "patron.number", str),
    Column("surname", "patron.surname"),
    Column("firstname", "patron.firstname"),
    Column("cardnumber", "patron.card"),
    Column("address", "patron.contact.address"),
    Column("address2", "patron.contact.address2"),
    Column("city", "patron.contact.city"),
    Column("zipcode", "patron.contact.zipcode"),
    Column("state", "patron.contact.state"),
    Column("phone", "patron.contact.phone", plain),
    Column("mobile", "patron.contact.mobile", plain),
    Column("Alt Ph 1", "patron.contact.phonepro", plain),
    Column("Alt Ph 2", "patron.contact.B_phone", plain),
    Column("branchcode", "patron.branch"),
    Column("Adult or Child", "patron.category_type"),
    Column("dateofbirth", "patron.born", day),
    Column("Most recent charge", "account.latest_charge", instant),
    Column("Amt_In_Range", "account.owed", format_amount),
    Column("Total_Due", "account.balance", format_amount),
    Column("Total_Plus_Fee", "total", format_amount),
    Column("email", "patron.contact.email"),
)
GUARDIANS = (
    _guardian("Guardian surname", "surname"),
    _guardian("Guardian firstname", "firstname"),
    _guardian("Guardian cardnumber", "card"),
    _guardian("Guardian phone", "phone", plain),
    _guardian("Guardian email", "email"),
)
UPDATE = (
    Column("borrowernumber", "number", str),
    Column("surname", "surname"),
    Column("firstname", "firstname"),
    Column("cardnumber", "card"),
    Column("Due", "due", format_amount),
)


def columns_of(report: ReportKind, *, guardians: bool = False) -> tuple[Column, ...]:
    """The columns of a report, in order; the five about guardians end a submission that is asked for them."""
    match report:
        case ReportKind.SUBMISSION:
            return SUBMISSION + GUARDIANS if guardians else SUBMISSION
        case ReportKind.UPDATE | ReportKind.SYNC:
            return UPDATE


def texts(columns: tuple[Column, ...], *, guard: bool) -> Callable[[Any], list[str]]:
    """A function from a row to its cells as they are written."""
    values = attrgetter(*(column.source for column in columns))
    forms = tuple(column.form_with(guard=guard) for column in columns)
    return lambda row: [form(value) for form, value in zip(forms, values(row), strict=True)]
