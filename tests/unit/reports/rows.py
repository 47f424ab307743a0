"""Rows of the reports, as the rules hand them over."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.referral import Candidate
from gentle_nudge.domain.ledger import Account
from gentle_nudge.domain.patron import Guardian, Patron
from gentle_nudge.domain.report_row import UpdateRow

Contact = Mapping[str, str | None]
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
) -> Referral:
    """The patron of the example in the rules, with whatever is to be different."""
    patron = Patron(
        number=9,
        card=card,
        surname=surname,
        firstname=firstname,
        branch="CPL",
        born=born,
    )
    account = Account(owed=Decimal(owed), balance=Decimal(balance), latest_charge=latest_charge)
    return Referral(
        candidate=Candidate(patron=patron, account=account),
        day=date(2026, 11, 22),
        fee=Decimal(fee),
        why="owes enough",
        guardian=guardian,
        contact=living_at_main_street() if contact is None else contact,
    )


def living_at_main_street(
    *, phone: str | None = "555-0100", mobile: str | None = None, address: str | None = "1 Main St"
) -> Contact:
    """The contact of the example."""
    return {
        "address": address,
        "city": "Springfield",
        "zipcode": "01101",
        "state": "MA",
        "phone": phone,
        "mobile": mobile,
        "email": "p9@example.org",
    }


def a_due(due: str = "40.00", *, surname: str | None = "O'Brien", number: int = 9) -> UpdateRow:
    """A row of an update."""
    return UpdateRow(
        case=1, patron=number, number=number, surname=surname, firstname="Pat", card="20000009", due=Decimal(due)
    )
