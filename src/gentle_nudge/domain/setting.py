"""How a key of the settings is declared: its type, its bounds, its meaning."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from decimal import Decimal
from typing import Annotated

from annotated_types import Interval, MaxLen

from gentle_nudge.domain.money import MOST, parse_amount

ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
ADDRESS = re.compile(rf"{ATOM}(?:\.{ATOM})*@{LABEL}(?:\.{LABEL})*")
EXAMPLE = re.compile(r"(?:^|[@.])(?:example|invalid|test)\.?$", re.IGNORECASE)
LONGEST_AGE = 36_500
LONGEST_COMMENT = 255  # of a restriction: borrowers.debarredcomment


@dataclass(frozen=True, slots=True)
class Key:
    """What a key means, and an example in TOML if it has no default, or one that does not show how it is written.

    A key that is `needed` has to be given although it has a default. With `or_empty`, an empty text means None.
    `replaces` is a key of earlier versions, which is no longer understood.
    """

    meaning: str
    _: KW_ONLY
    example: str = ""
    needed: bool = False
    or_empty: bool = False
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """How the text of a value becomes the value; `parse` raises ValueError with what is needed instead."""

    parse: Callable[[str], object]


def parse_address(text: str) -> str:
    """One plausible e-mail address, without a name."""
    if not ADDRESS.fullmatch(text):
        raise ValueError("an e-mail address is needed, such as reports@agency.example")
    return text


def parse_comment(text: str) -> str:
    """The comment of a restriction: holds `{date}` and words, and fits Koha's column once the date is in."""
    if "{date}" not in text:
        raise ValueError("{date} has to be in it, so that our restrictions are known again")
    if not any(map(str.isalpha, text.replace("{date}", ""))):
        raise ValueError("words besides {date} are needed: staff's own comment may be a date, and is not ours")
    if len(text.replace("{date}", "2000-12-31")) > LONGEST_COMMENT:
        raise ValueError(f"at most {LONGEST_COMMENT} characters are possible once the date is in")
    return text


def is_example(address: str) -> bool:
    """True for an address or host under .example, .invalid or .test, which exist nowhere (RFC 2606)."""
    return bool(EXAMPLE.search(address))


Amount = Annotated[Decimal, Parsed(parse_amount)]
Days = Annotated[int, Interval(ge=0, le=LONGEST_AGE)]
Number = Annotated[int, Interval(ge=0, le=MOST)]
Text = Annotated[str, MaxLen(255)]
Address = Annotated[str, MaxLen(255), Parsed(parse_address)]
Addresses = tuple[Address, ...]
Codes = frozenset[Text]
