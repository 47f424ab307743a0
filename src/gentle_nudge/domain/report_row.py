"""The kinds of reports and pages, and the rows of the update, of the sync and of the file for the shelves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.patron import Patron

NAMELESS = Patron(number=0)


class ReportKind(StrEnum):
    """The three reports to the agency, and the pages for staff."""

    SUBMISSION = "submission"
    UPDATE = "update"
    SYNC = "sync"
    REVIEW = "review"
    NIGHT = "night"
    DIGEST = "digest"
    OUTCOMES = "outcomes"

    @property
    def is_page(self) -> bool:
        """Whether it is for the library's own staff: the agency never hears of it, and it decides nothing."""
        return self not in TO_AGENCY


BALANCES = (ReportKind.UPDATE, ReportKind.SYNC)
TO_AGENCY = (ReportKind.SUBMISSION, *BALANCES)
PAGES = (ReportKind.REVIEW, ReportKind.NIGHT, ReportKind.DIGEST, ReportKind.OUTCOMES)


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateRow:
    """One case in the update or sync; `number` is the borrowernumber first reported, `patron` the one it follows now.

    `case` is None for a case that this run opens. `gone`: no longer in Koha, listed last. `new_due`, `new_name`:
    changed since the last report. `marked`: report it even if unchanged.
    """

    case: int | None
    patron: int
    number: int
    surname: str | None
    firstname: str | None
    card: str | None
    due: Decimal
    gone: bool = False
    new_due: bool = True
    new_name: bool = False
    marked: bool = False

    @property
    def is_news(self) -> bool:
        """Whether an update of changes lists it."""
        return self.new_due or self.new_name or self.marked


def new_case_row(patron: Patron, due: Decimal) -> UpdateRow:
    """The row of a case that this run opens."""
    return UpdateRow(
        case=None,
        patron=patron.number,
        number=patron.number,
        surname=patron.surname,
        firstname=patron.firstname,
        card=patron.card,
        due=due,
    )


def case_row(case: Case, patron: Patron | None, due: Decimal) -> UpdateRow:
    """The update's row of a case, under the number first reported.

    If the patron is gone, with the name we recorded; if anonymized, without name and card.
    """
    person = NAMELESS if patron and patron.anonymized else patron or case
    named = (case.surname, case.firstname, case.card)
    return UpdateRow(
        case=case.id,
        patron=patron.number if patron else 0,
        number=case.number or 0,
        surname=person.surname,
        firstname=person.firstname,
        card=person.card,
        due=due,
        gone=patron is None,
        new_due=due != case.last_due,
        new_name=named != (person.surname, person.firstname, person.card),
        marked=case.to_report,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportedDue:
    """A changed due in one report; its run began at `at`."""

    report: int
    kind: ReportKind
    day: date
    at: datetime
    file_name: str
    due: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class ShelfItem:
    """A lost item, as it may stand on its shelf."""

    library: str | None
    location: str | None
    call_number: str | None
    barcode: str | None
    title: str | None
