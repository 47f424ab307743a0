"""A patron as Koha has it: name, flag fields, guarantor, restrictions."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, date
from enum import Enum
from typing import Literal, Self

# Libraries that do not know a date of birth save 1901-01-01 and the like.
OLDEST = 110


@dataclass(frozen=True, kw_only=True, slots=True)
class FlagRow:
    """One value of a flag field; `row` is the id of the attribute row, None for a sort field."""

    row: int | None
    value: str | None


def flag_state(rows: tuple[FlagRow, ...]) -> FlagState:
    """The state of a field by these rows."""
    return state_of_values(row.value for row in rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class Guardian:
    """The linked guarantor of a minor, as the submission names them."""

    surname: str | None
    firstname: str | None
    card: str | None
    phone: str | None
    email: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SentNotice:
    """A letter that Koha sent to a patron; `message` is its number in Koha's queue, the day the library's."""

    message: int
    patron: int
    letter: str
    sent_on: date


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedPatron:
    """A patron found by name."""

    number: int
    card: str | None
    surname: str | None
    firstname: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Patron:
    """A row of `borrowers` with its flag fields; `born` is as saved, None for none or `0000-00-00` (`known_birth`).

    `used_before`: how many patrons with this number Koha has deleted. `is_gone`: staff marked the patron as gone
    without an address. `has_contact`: an address, a telephone or an e-mail is known. Both are read if they are asked
    for.
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
    anonymized: bool = False
    used_before: int = 0
    flag: tuple[FlagRow, ...] = ()
    exemption: tuple[FlagRow, ...] = ()
    hold: tuple[FlagRow, ...] = ()
    hold_until: tuple[FlagRow, ...] = ()
    guardian: Guardian | None = None
    is_gone: bool = False
    has_contact: bool = True

    @property
    def lacks(self) -> str:
        """Why the patron cannot be reached; empty if they can be."""
        missing = ["marked as gone, no address"] if self.is_gone else []
        return " and ".join([*missing, *([] if self.has_contact else ["no address, telephone or e-mail"])])

    @property
    def is_flagged(self) -> bool:
        """Whether the flag says yes."""
        return flag_state(self.flag) is FlagState.YES


@dataclass(frozen=True, kw_only=True, slots=True)
class Restriction:
    """A row of `borrower_debarments`; it never ends if `expires` is None."""

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


def known_birth(born: date | None, day: date) -> date | None:
    """The date of birth; None if it is unknown, or makes the patron older than 110 years on this day."""
    return born if born is not None and age(born, day) <= OLDEST else None


def comes_of_age(born: date, years: int) -> date:
    """The first day on which the patron is so many years old."""
    year = min(born.year + years, MAXYEAR - 1)  # a mistyped year of birth is no error
    if (born.month, born.day) == (2, 29) and not isleap(year):
        return date(year, 3, 1)
    return born.replace(year=year)


class FlagState(Enum):
    """What the flag field of one patron says."""

    YES = "yes"
    NO = "no"
    OTHER = "in other use"


def state_of_values(values: Iterable[str | None]) -> FlagState:
    """Read the values of one flag field; of several attribute rows any yes is a yes."""
    words = {(value or "").strip().casefold() for value in values}
    if words & {"yes", "1"}:
        return FlagState.YES
    return FlagState.NO if words <= {"", "no", "0"} else FlagState.OTHER


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag:
    """A field of the patron record: `sort1`, `sort2`, or the patron attribute of a code."""

    column: Literal["sort1", "sort2", "attribute"]
    code: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `sort1`, `sort2` or `attribute:CODE`; ValueError for anything else."""
        match text.strip().split(":", 1):
            case ["sort1"]:
                return cls(column="sort1")
            case ["sort2"]:
                return cls(column="sort2")
            case ["attribute", code] if code.strip():
                return cls(column="attribute", code=code.strip())
            case _:
                raise ValueError("write sort1, sort2 or attribute:CODE")

    @property
    def yes(self) -> str:
        """The value that marks a patron as referred."""
        return "1" if self.column == "attribute" else "yes"

    @property
    def no(self) -> str:
        """The value that marks a patron as not (or no longer) referred."""
        return "0" if self.column == "attribute" else "no"

    def __str__(self) -> str:
        """The flag as written in the settings."""
        return f"attribute:{self.code}" if self.column == "attribute" else self.column


@dataclass(frozen=True, kw_only=True, slots=True)
class PatronFields:
    """The fields to read: flag fields, the guarantor if `guardians`, and whether the patron can be reached."""

    flag: Flag
    exemption: Flag | None = None
    hold: Flag | None = None
    hold_until: Flag | None = None
    guardians: bool = False
    contact: bool = False
