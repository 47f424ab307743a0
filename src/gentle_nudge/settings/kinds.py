"""The kinds of value a key takes, and the sentence for each that is not one; no sentence repeats the value."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar
from zoneinfo import ZoneInfo

from gentle_nudge.domain.collections.policy import GLOBAL
from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.money import round_to_cent
from gentle_nudge.domain.patron import Flag

MOST = 10**9
WORDS_FOR_YES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
ADDRESS = re.compile(rf"{ATOM}(?:\.{ATOM})*@{LABEL}(?:\.{LABEL})*")
SECTION = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
ENDS_LIKE_A_COUNT = re.compile(r".*-[0-9]+")
CATEGORY_TYPES = frozenset("ACIPSX")
# Koha's columns: accountlines.debit_type_code, restriction_types.code, borrower_attributes.code (the longest of all
# versions), branches.branchcode, borrowers.debarredcomment.
DEBIT_TYPE, RESTRICTION_TYPE, ATTRIBUTE_CODE, BRANCH_CODE, COMMENT = 80, 50, 64, 10, 255
SECTION_NAME = 60

T = TypeVar("T")


class Unfit(ValueError):
    """A value that is not of the kind its key takes; says what is needed instead."""


def yes_or_no(value: object) -> bool:
    """A yes or no: `true` or `false`; as the text of an environment variable also yes, no, 1, 0."""
    answer = WORDS_FOR_YES.get(value.strip().casefold()) if isinstance(value, str) else value
    if not isinstance(answer, bool):
        raise Unfit("write true or false")
    return answer


def amount(value: object) -> Decimal:
    """An amount of 0 or more with at most two decimals, in cents."""
    number = _number(value)
    if not number.is_finite() or not 0 <= number < MOST:
        raise Unfit("an amount of 0 or more is needed, such as 25.00")
    if number != round_to_cent(number):
        raise Unfit("an amount has at most two decimals")
    return round_to_cent(number)


def _number(value: object) -> Decimal:
    sentence = "an amount is needed, such as 25.00, with a point and without a currency sign"
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise Unfit(sentence)
    try:
        return Decimal(value)
    except InvalidOperation:
        raise Unfit(sentence) from None


def whole(least: int, most: int = MOST) -> Callable[[object], int]:
    """A whole number within these bounds, both included."""

    def check(value: object) -> int:
        text = value.strip() if isinstance(value, str) else ""
        number = int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else value
        if isinstance(number, bool) or not isinstance(number, int):
            raise Unfit("a whole number is needed")
        if not least <= number <= most:
            raise Unfit(f"a whole number from {least} to {most} is needed")
        return number

    return check


def fuse(value: object) -> int | str:
    """`usual`, or the most referrals of one night; 0 is no limit."""
    try:
        return "usual" if value == "usual" else whole(0)(value)
    except Unfit:
        raise Unfit('write "usual", a whole number, or 0 for no limit') from None


def secret(value: object) -> str:
    """A text as it is, blanks included; not empty."""
    if not isinstance(value, str) or not value:
        raise Unfit("a text is needed that is not empty")
    return value


def text(value: object, most: int = 255) -> str:
    """A text of one line that is not blank and not too long, without surrounding blanks."""
    if not isinstance(value, str):
        raise Unfit("a text is needed, in quotes")
    if not value.strip():
        raise Unfit("a text is needed that is not blank")
    if any(ord(sign) < ord(" ") or sign in "\x7f\x85\u2028\u2029" for sign in value):
        raise Unfit("a text of one line is needed, without control characters")
    if len(value.strip()) > most:
        raise Unfit(f"at most {most} characters are possible")
    return value.strip()


def text_of(most: int) -> Callable[[object], str]:
    """A text of at most so many characters."""
    return lambda value: text(value, most)


def one_of(*words: str) -> Callable[[object], str]:
    """One of these words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value.strip() not in words:
            raise Unfit(f"write one of {', '.join(words)}")
        return value.strip()

    return check


def comment(value: object) -> str:
    """The comment of a restriction: holds `{date}`, and fits borrowers.debarredcomment once the date is in."""
    sentence = text(value)
    if "{date}" not in sentence:
        raise Unfit("{date} has to be in it, so that our restrictions are known again")
    if len(sentence.replace("{date}", "2000-12-31")) > COMMENT:
        raise Unfit(f"at most {COMMENT} characters are possible once the date is in")
    return sentence


def fee_branch(value: object) -> str:
    """`none`, `patron`, or a branch code."""
    found = text(value, BRANCH_CODE)
    return found.lower() if found.lower() in {"none", "patron"} else found


def list_of(kind: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """A list of such values, in order, each once."""

    def check(value: object) -> tuple[T, ...]:
        if not isinstance(value, list | tuple):
            raise Unfit('a list is needed, in brackets: ["…", "…"]')
        return tuple(dict.fromkeys(_entry(kind, number, each) for number, each in enumerate(value, start=1)))

    return check


def _entry(kind: Callable[[object], T], number: int, value: object) -> T:
    try:
        return kind(value)
    except Unfit as problem:
        raise Unfit(f"entry {number}: {problem}") from None


def set_of(kind: Callable[[object], T]) -> Callable[[object], frozenset[T]]:
    """A list of such values whose order means nothing."""
    return lambda value: frozenset(list_of(kind)(value))


def category_type(value: object) -> str:
    """One of Koha's category types."""
    letter = text(value).upper()
    if letter not in CATEGORY_TYPES:
        raise Unfit("the category types are A, C, I, P, S and X")
    return letter


def address(value: object) -> str:
    """One plausible e-mail address, without a name."""
    found = text(value)
    if not ADDRESS.fullmatch(found):
        raise Unfit("an e-mail address is needed, such as reports@agency.example")
    return found


def weekday(value: object) -> Weekday:
    """A day of the week by its English name."""
    name = value.strip().upper() if isinstance(value, str) else ""
    if name not in Weekday.__members__:
        raise Unfit("a day of the week is needed, such as sunday")
    return Weekday[name]


def flag(value: object) -> Flag:
    """A field of the patron record."""
    try:
        found = Flag.parse(text(value))
    except ValueError as problem:
        raise Unfit(str(problem)) from None
    if len(found.code) > ATTRIBUTE_CODE:
        raise Unfit(f"an attribute code has at most {ATTRIBUTE_CODE} characters")
    return found


def day(value: object) -> date:
    """A calendar day: a TOML date, or the same in quotes."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value.strip() if isinstance(value, str) else "")
    except ValueError:
        raise Unfit("a date is needed, such as 2020-01-31") from None


def or_none(kind: Callable[[object], T]) -> Callable[[object], T | None]:
    """Such a value, or an empty text for none."""
    return lambda value: None if value == "" else kind(value)


def timezone(value: object) -> str:
    """The name of a time zone that exists."""
    name = text(value)
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, LookupError):
        raise Unfit("there is no such time zone; write one such as America/New_York") from None


def section_name(value: object) -> str:
    """The name of a section, as it stands in file names."""
    name = text(value, SECTION_NAME)
    if not SECTION.fullmatch(name):
        raise Unfit("a name begins with a letter and holds only letters, digits and -")
    if ENDS_LIKE_A_COUNT.fullmatch(name):
        raise Unfit("a name does not end in - and a number: the file names of a second sync do")
    if name.casefold() == GLOBAL:
        raise Unfit("global is the name of [policy] itself")
    return name


def group(value: object) -> str:
    """A library group, by title or id."""
    return text(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def host_key(value: object) -> str:
    """The public key of a host: its kind, a blank, the key in base64."""
    words = text(value, 8000).split()
    if len(words) not in {2, 3} or not re.fullmatch(r"[a-z0-9@.-]+", words[0]) or not _is_base64(words[1]):
        raise Unfit("a public key is needed as ssh-keyscan prints it, without the host: ssh-ed25519 AAAA…")
    return f"{words[0]} {words[1]}"


def _is_base64(key: str) -> bool:
    try:
        return bool(base64.b64decode(key, validate=True))
    except binascii.Error:
        return False
