"""What Koha told us about a patron: frozen facts, as one section sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.policy import Reading, reading


@dataclass(frozen=True, kw_only=True, slots=True)
class FlagRow:
    """One value of a flag field; `row` is the id of the attribute row, None for a sort field."""

    row: int | None
    value: str | None

    @property
    def says(self) -> Reading:
        """What this row alone says."""
        return reading((self.value,))


def says(rows: tuple[FlagRow, ...]) -> Reading:
    """What all rows of a field say together."""
    return reading(row.value for row in rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """How to reach a person: columns of `borrowers`, NULL as None."""

    address: str | None = None
    address2: str | None = None
    city: str | None = None
    zipcode: str | None = None
    state: str | None = None
    phone: str | None = None
    mobile: str | None = None
    phonepro: str | None = None
    B_phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Guardian:
    """The linked guarantor of a minor who stands in the submission."""

    surname: str | None
    firstname: str | None
    card: str | None
    phone: str | None
    email: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Patron:
    """A row of `borrowers` with what a section needs to judge it.

    `number` is the borrowernumber, `card` the cardnumber; `born` is None when the date of birth is unknown.
    """

    number: int
    card: str | None = None
    surname: str | None = None
    firstname: str | None = None
    branch: str = ""
    category: str = ""
    category_type: str = "A"
    born: date | None = None
    protected: bool = False
    flag: tuple[FlagRow, ...] = ()
    exemption: tuple[FlagRow, ...] = ()
    guardian: Guardian | None = None
    contact: Contact = Contact()

    @property
    def is_flagged(self) -> bool:
        """Whether the flag says yes."""
        return says(self.flag) is Reading.YES


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line still owing something (or a credit not used up), as it was at referral."""

    id: int
    day: date | None
    type: str | None
    outstanding: Decimal
    counted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The sums of one patron as one section sees them, rounded to the cent.

    `owed` is the sum owed in the window; `balance` the section's balance; `whole_balance` the patron's over all
    lines; `latest_charge` the latest date of a counted line still owing, in the library's zone; `lines` are the
    section's outstanding ones.
    """

    owed: Decimal = ZERO
    balance: Decimal = ZERO
    whole_balance: Decimal = ZERO
    lost_charge: bool = False
    latest_charge: datetime | None = None
    has_lines_here: bool = True
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Restriction:
    """A row of `borrower_debarments`; `expires` None means for ever."""

    id: int
    type: str
    comment: str | None
    expires: date | None

    def is_active(self, today: date) -> bool:
        """Whether it blocks today: no expiry, or one after today (Koha: UpdateBorrowerDebarmentFlags)."""
        return self.expires is None or self.expires > today


def age(born: date, day: date) -> int:
    """Full years on this day; born on 29 February, a year older on 1 March in ordinary years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
