"""Which columns of a patron travel: their groups, their names at home, and which change together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date

Value = str | date | None

NAME = ("surname", "firstname", "middle_name", "preferred_name", "title")
BIRTH = "dateofbirth"
LANGUAGE = "lang"
ADDRESS = ("streetnumber", "streettype", "address", "address2", "city", "state", "zipcode", "country")
SECOND_ADDRESS = tuple(f"B_{column}" for column in ADDRESS)
GROUPS: Mapping[str, tuple[str, ...]] = {
    "name": NAME,
    "birth": (BIRTH,),
    "address": ADDRESS,
    "phones": ("phone", "mobile", "phonepro"),
    "emails": ("email", "emailpro"),
    "alternative": (*SECOND_ADDRESS, "B_phone", "B_email"),
    "language": (LANGUAGE,),
}
COLUMNS = tuple(column for group in GROUPS.values() for column in group)
REFRESHED = ("address", "phones", "emails", "alternative")
# What Koha's API calls a column of an address, and others that have another name there.
IN_ADDRESS = {"streetnumber": "street_number", "streettype": "street_type", "zipcode": "postal_code"}
FIELDS: Mapping[str, str] = {
    **{column: column for column in COLUMNS},
    BIRTH: "date_of_birth",
    **IN_ADDRESS,
    "phonepro": "secondary_phone",
    "emailpro": "secondary_email",
    **{f"B_{column}": f"altaddress_{IN_ADDRESS.get(column, column)}" for column in (*ADDRESS, "phone", "email")},
}
# Of Koha's text columns only these are so short that somebody may notice: bytes of a TINYTEXT, characters of `lang`.
TINY = {"streetnumber", "streettype", "zipcode", "mobile", "B_streetnumber", "B_streettype", "B_zipcode"}
BYTES, LONGEST_LANGUAGE = 255, 25
LONGEST_TEXT = 1000  # Koha's columns hold megabytes, which no address has and no log should
# It begins where blanks begin: so a million of them are read once, not once from each of them.
UNPRINTABLE = re.compile(r"(?<! ) *[{0}][ {0}]*".format(r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"))
LONGEST_CARD = 32


def columns_of(groups: Iterable[str]) -> tuple[str, ...]:
    """The columns of the name and of these groups."""
    return tuple(column for group in ("name", *groups) for column in GROUPS[group])


def units_of(groups: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What a refresh compares in these groups: the columns that change together, by the name of the unit."""
    units = {}
    for group in (each for each in REFRESHED if each in groups):
        for column in GROUPS[group]:
            whole = next((each for each in (ADDRESS, SECOND_ADDRESS) if column in each), (column,))
            units[whole[0] if len(whole) == 1 else f"{'B_' if whole is SECOND_ADDRESS else ''}address"] = whole
    return units


def is_empty(unit: Iterable[str], values: Mapping[str, Value]) -> bool:
    """Whether this unit says nothing; of an address street, town and postcode are asked."""
    telling = [column for column in unit if column.removeprefix("B_") in {"address", "city", "zipcode"}] or unit
    return not any(values.get(column) for column in telling)


def cleaned(column: str, text: str | None) -> Value:
    """The text on one line as the column holds it; None if it is empty, or no day in the column of days."""
    text = UNPRINTABLE.sub(" ", text or "").strip()
    if column == BIRTH:
        return day_of(text)
    if column in TINY:
        text = text.encode()[:BYTES].decode(errors="ignore").strip()
    return text[: LONGEST_LANGUAGE if column == LANGUAGE else LONGEST_TEXT].strip() or None


def day_of(text: str) -> date | None:
    """The day; None if the text is none."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"[1-9]\d{3}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def parse_card(text: str) -> str:
    """The card as it may be asked for; ValueError for what no card is, or no path of an address can hold."""
    card = text.strip()
    if not 1 <= len(card) <= LONGEST_CARD or UNPRINTABLE.search(card) or card in {".", ".."}:
        raise ValueError(f"a card has 1 to {LONGEST_CARD} characters, no control characters, and is not . or ..")
    return card
