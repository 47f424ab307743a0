"""The columns of the three reports: header, where the value comes from, how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter, methodcaller
from typing import Any

from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.spreadsheet import guarded, plain

Form = Callable[[Any], str]


def day(value: date | None) -> str:
    """The date as YYYY-MM-DD; None is empty."""
    return value.isoformat() if value else ""


def instant(value: datetime | None) -> str:
    """The wall clock as YYYY-MM-DD HH:MM:SS, in whatever zone the value stands; None is empty."""
    return value.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds") if value else ""


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """One column: its header, the dotted path from the row to the value, how it is written.

    `contact` is the column of `borrowers` to be read for it, if any. The spreadsheet guard applies to the columns
    whose form is `guarded` (or built on it), and only if it is on.
    """

    header: str
    source: str
    form: Form = guarded
    unguarded: Form | None = None
    contact: str = ""

    def form_with(self, *, guard: bool) -> Form:
        """How the value is written with the spreadsheet guard on or off."""
        if guard:
            return self.form
        return self.unguarded or (plain if self.form is guarded else self.form)


def _of(part: Callable[[Any], str | None], form: Form) -> Form:
    """The form of one part of a value; where there is no value it is empty."""
    return lambda value: form(part(value)) if value else ""


def _contact(header: str, name: str) -> ReportColumn:
    of = methodcaller("get", name)
    return ReportColumn(header, "contact", _of(of, guarded), _of(of, plain), name)


def _guardian(header: str, name: str) -> ReportColumn:
    of = attrgetter(name)
    return ReportColumn(header, "guardian", _of(of, guarded), _of(of, plain))


SUBMISSION = (
    ReportColumn("borrowernumber", "patron.number", str),
    ReportColumn("surname", "patron.surname"),
    ReportColumn("firstname", "patron.firstname"),
    ReportColumn("cardnumber", "patron.card"),
    _contact("address", "address"),
    _contact("address2", "address2"),
    _contact("city", "city"),
    _contact("zipcode", "zipcode"),
    _contact("state", "state"),
    _contact("phone", "phone"),
    _contact("mobile", "mobile"),
    _contact("Alt Ph 1", "phonepro"),
    _contact("Alt Ph 2", "B_phone"),
    ReportColumn("branchcode", "patron.branch"),
    ReportColumn("Adult or Child", "patron.category_type"),
    ReportColumn("dateofbirth", "patron.born", day),
    ReportColumn("Most recent charge", "account.latest_charge", instant),
    ReportColumn("Amt_In_Range", "account.owed", format_amount),
    ReportColumn("Total_Due", "account.balance", format_amount),
    ReportColumn("Total_Plus_Fee", "total", format_amount),
    _contact("email", "email"),
)
GUARDIANS = (
    _guardian("Guardian surname", "surname"),
    _guardian("Guardian firstname", "firstname"),
    _guardian("Guardian cardnumber", "card"),
    _guardian("Guardian phone", "phone"),
    _guardian("Guardian email", "email"),
)
UPDATE = (
    ReportColumn("borrowernumber", "number", str),
    ReportColumn("surname", "surname"),
    ReportColumn("firstname", "firstname"),
    ReportColumn("cardnumber", "card"),
    ReportColumn("Due", "due", format_amount),
)

CONTACT = tuple(column.contact for column in SUBMISSION if column.contact)


def columns_of(report: ReportKind, *, guardians: bool = False) -> tuple[ReportColumn, ...]:
    """The columns of a report, in order; the five about guardians end a submission that is asked for them."""
    if report is ReportKind.SUBMISSION:
        return SUBMISSION + GUARDIANS if guardians else SUBMISSION
    return UPDATE


def texts(columns: tuple[ReportColumn, ...], *, guard: bool) -> Callable[[Any], list[str]]:
    """A function from a row to its cells as they are written."""
    values = attrgetter(*(column.source for column in columns))
    forms = tuple(column.form_with(guard=guard) for column in columns)
    return lambda row: [form(value) for form, value in zip(forms, values(row), strict=True)]
