"""Rows of the reports, as the rules hand them over."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from gentle_nudge.domain.collections.plan import SubmissionRow
from gentle_nudge.domain.ledger import Account
from gentle_nudge.domain.patron import Contact, Guardian, Patron
from gentle_nudge.domain.report_row import UpdateRow

NEW_YORK = ZoneInfo("America/New_York")


def a_row(
    *,
    surname: str | None = "O'Brien",
    firstname: str | None = "Pat",
    card: str | None = "20000009",
    born: date | None = date(1980, 5, 5),
    contact: Contact | None = None,
    guardian: Guardian | None = None,
    owed: str = "40.00",
    balance: str = "1240.55",
    fee: str = "10.00",
    latest_charge: datetime | None = datetime(2026, 9, 8, 12, tzinfo=NEW_YORK),
) -> SubmissionRow:
    """The patron of the example in the rules, with whatever is to be different."""
    patron = Patron(
        number=9,
        card=card,
        surname=surname,
        firstname=firstname,
        branch="CPL",
        born=born,
        contact=contact or living_at_main_street(),
        guardian=guardian,
    )
    account = Account(owed=Decimal(owed), balance=Decimal(balance), latest_charge=latest_charge)
    return SubmissionRow(patron=patron, account=account, fee=Decimal(fee))


def living_at_main_street(
    *, phone: str | None = "555-0100", mobile: str | None = None, address: str | None = "1 Main St"
) -> Contact:
    """The contact of the example."""
    return Contact(
        address=address,
        city="Springfield",
        zipcode="01101",
        state="MA",
        phone=phone,
        mobile=mobile,
        email="p9@example.org",
    )


def a_due(due: str = "40.00", *, surname: str | None = "O'Brien", number: int = 9) -> UpdateRow:
    """A row of an update."""
    return UpdateRow(
        case=1, patron=number, number=number, surname=surname, firstname="Pat", card="20000009", due=Decimal(due)
    )
