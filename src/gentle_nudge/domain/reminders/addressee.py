"""Who is written to, and by which transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.patron import Patron, age, known_birth
from gentle_nudge.domain.reminders.letter import LetterRow
from gentle_nudge.domain.reminders.levels import Level, Transport
from gentle_nudge.domain.reminders.series import Reason

CHILD = "C"
Columns = Mapping[str, str | int | None]  # of `borrowers`


@dataclass(frozen=True, kw_only=True, slots=True)
class Correspondence:
    """What Koha says of all letters: its preferences, its branches, and what it calls each type of charge.

    `branches` and `types` are by code in lower case.
    """

    translates: bool = False
    copies_to_guarantors: bool = False
    date_format: str = "us"
    decimal_comma: bool = False
    primary: str = ""
    precedence: tuple[str, ...] = ("email", "emailpro", "B_email")
    selection: tuple[str, ...] = ()
    branches: Mapping[str, Columns] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    def notice_address(self, columns: Columns) -> str:
        """The address to which Koha would send e-mail; several with commas between, empty for none.

        Koha::Patron->notice_email_address.
        """
        given = {name: str(value or "").strip() for name, value in columns.items()}
        match self.primary:
            case "MULTI":
                return ",".join(filter(None, (given.get(name, "") for name in self.selection)))
            case "" | "OFF":
                return next(filter(None, (given.get(name, "") for name in self.precedence)), "")
            case column:
                return given.get(column, "")

    def day(self, day: date | None) -> str:
        """A day as Koha writes it."""
        forms = {"metric": "%d/%m/%Y", "iso": "%Y-%m-%d", "dmydot": "%d.%m.%Y"}
        return day.strftime(forms.get(self.date_format, "%m/%d/%Y")) if day else ""

    def amount(self, amount: Decimal) -> str:
        """An amount with two decimals, without a thousands separator."""
        return f"{amount:.2f}".replace(".", "," if self.decimal_comma else ".")


@dataclass(frozen=True, kw_only=True, slots=True)
class Addressee:
    """A patron to whom letters go: language, e-mail address, the columns of `borrowers` that letters may name."""

    number: int
    language: str = "default"
    email: str = ""
    has_post: bool = False
    columns: Columns = field(default_factory=dict)


def addressee(number: int, columns: Columns, correspondence: Correspondence) -> Addressee:
    """The addressee with these columns of `borrowers`."""
    language = str(columns.get("lang") or "default") if correspondence.translates else "default"
    has_post = bool(str(columns.get("address") or "").strip()) and not columns.get("gonenoaddress")
    email = correspondence.notice_address(columns)
    return Addressee(number=number, language=language, email=email, has_post=has_post, columns=columns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """One message: whom it is to, with which row of `letter`; `to_address` is empty where Koha finds it itself.

    `names_titles`: nobody but the patron reads it.
    """

    addressee: Addressee
    row: LetterRow
    to_address: str = ""
    names_titles: bool = True


RowOf = Callable[[Transport, str], LetterRow | None]  # by transport and language


def is_minor(patron: Patron, adult_age: int, day: date) -> bool:
    """Whether the patron is younger than an adult; without a known date of birth by the type of the category."""
    born = known_birth(patron.born, day)
    return patron.category_type == CHILD if born is None else age(born, day) < adult_age


def envelopes(
    patron: Addressee,
    guarantors: Sequence[Addressee],
    step: Level,
    row_of: RowOf,
    *,
    minor: bool,
    copies: bool,
) -> tuple[Envelope, ...] | Reason:
    """The messages of one level, or why there is none.

    With `copies` Koha sends each e-mail to the patron's guarantors too, so that there is one e-mail at most.
    """
    wanted: tuple[Addressee, ...] = (patron,)
    if minor and guarantors and step.notify != "patron":
        wanted = tuple(guarantors) if step.notify == "guarantor" else (patron, *guarantors)
    is_copied = copies and any(each.email for each in guarantors)
    by_copy = is_copied and wanted != (patron,)
    made: list[Envelope] = []
    reached, written_to = False, set[str]()
    for each in wanted:
        is_patron = each.number == patron.number
        reaches = {"email": bool(each.email) or (is_patron and by_copy), "print": each.has_post}
        ways = [way for way in step.transports or () if reaches[way]]
        row = next(filter(None, (row_of(way, each.language) for way in ways)), None)
        reached = reached or bool(ways)
        if row is None:
            continue
        by_email = row.transport == "email"
        if by_email:
            if each.email.casefold() in written_to or (by_copy and written_to):
                continue
            written_to.add(each.email.casefold())
        to_address = each.email if by_email and not is_patron else ""
        is_read_by_others = not is_patron or (by_email and is_copied)
        made.append(Envelope(addressee=each, row=row, to_address=to_address, names_titles=not is_read_by_others))
    return tuple(made) or (Reason.NO_LETTER if reached else Reason.UNREACHABLE)
