"""How values stand on pages: amounts, days, names, links into Koha."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import count, takewhile
from math import ceil
from typing import TYPE_CHECKING, Any

from dateutil.relativedelta import relativedelta
from jinja2 import pass_context
from markupsafe import Markup, escape

from gentle_nudge.domain.money import for_people
from gentle_nudge.domain.wording import KINDS_OF_CHARGES, counted

if TYPE_CHECKING:
    from jinja2.runtime import Context

NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
PATRON = "/cgi-bin/koha/members/moremember.pl?borrowernumber="
COMMAND = re.compile(r"gentle-nudge(?: [^\s.,;)]+)+")  # up to the next punctuation mark
ISO_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")


def money(amount: Decimal | str | int) -> str:
    """The amount with commas at the thousands and a true minus: `1,602.48`."""
    return for_people(Decimal(amount)).replace("-", "\N{MINUS SIGN}")


def day(when: date | str) -> str:
    """The day as people write it: `22 November 2026`."""
    when = _instant(when)
    return f"{when.day} {when:%B %Y}"


def short_day(when: date | str) -> str:
    """The day in a column: `6 Sep 2026`."""
    when = _instant(when)
    return f"{when.day} {when:%b %Y}"


def day_and_month(when: date | str) -> str:
    """The day of a year that is known: `2 March`."""
    when = _instant(when)
    return f"{when.day} {when:%B}"


def month(when: str) -> str:
    """The month as people write it: `December 2025`."""
    return f"{_instant(f'{when}-01'):%B %Y}"


def short_month(when: str) -> str:
    """The month in a column: `Dec 2025`."""
    return f"{_instant(f'{when}-01'):%b %Y}"


def marks(most: float) -> list[int]:
    """Up to six round numbers from 0 on, of which the last is not below `most`: 0, 1000, 2000, 3000."""
    step = next(size for power in count() for size in (10**power, 2 * 10**power, 5 * 10**power) if 5 * size >= most)
    return list(range(0, max(ceil(most / step), 1) * step + 1, step))


def days_between(first: date | str, last: date | str) -> int:
    """How many days lie between."""
    return (_instant(last) - _instant(first)).days


def first_days(first: str, last: str) -> list[str]:
    """The first day, and the first day of every month after it, up to the last."""
    months = (_instant(first) + relativedelta(months=number, day=1) for number in count(1))
    return [first, *(day.isoformat() for day in takewhile(lambda day: day <= _instant(last), months))]


def days_written_out(sentence: str) -> str:
    """The sentence of ours with its days as people write them."""
    return ISO_DAY.sub(lambda found: day(found[0]), sentence)


def weekday(when: date | str) -> str:
    """The name of the day: `Sunday`."""
    return f"{_instant(when):%A}"


def time(when: datetime | str) -> str:
    """The wall clock that the instant was given with: `00:30`."""
    return f"{_instant(when):%H:%M}"


def _instant(when: date | str) -> date:
    return datetime.fromisoformat(when) if isinstance(when, str) else when


def in_words(number: int) -> str:
    """The number as a word, up to twelve."""
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def name(text: str) -> Markup:
    """A name, which moves nothing beside it whatever direction it is written in."""
    return Markup("<bdi>{}</bdi>").format(text)


@pass_context
def patron_link(context: Context, number: int | None, text: str | None = None) -> Markup:
    """The patron's page in Koha under this text, or under the number; without Koha's address the number beside it."""
    if number is None:
        return name(text or "somebody")
    address = context.get("staff_url") or ""
    if address.startswith(("https://", "http://")):
        link = f"{address.rstrip('/')}{PATRON}{number}"
        return Markup('<a href="{}">{}</a>').format(link, name(text or f"number {number}"))
    beside = Markup(' <span class="soft small">number {}</span>').format(number)
    return name(text) + beside if text else Markup("number {}").format(number)


def code(sentence: str) -> Markup:
    """The sentence with each of our commands as code."""
    pieces: list[str | Markup] = []
    end = 0
    for command in COMMAND.finditer(sentence):
        pieces += [escape(sentence[end : command.start()]), Markup("<code>{}</code>").format(command[0])]
        end = command.end()
    return Markup("").join([*pieces, escape(sentence[end:])])


@pass_context
def what_for(context: Context, lines: Sequence[Mapping[str, Any]]) -> str:
    """What somebody owes for, by type of debit: `2 lost items, 40.00; 1 fine, 5.25`."""
    types: Mapping[str, str] = context.get("debit_types") or {}
    return "; ".join(f"{_debits(line, types)}, {money(line['outstanding'])}" for line in lines)


def _debits(line: Mapping[str, Any], types: Mapping[str, str]) -> str:
    kind, count = line["type"], line["count"]
    if kind in KINDS_OF_CHARGES:
        return counted(count, *KINDS_OF_CHARGES[kind])
    return f"{count} \N{MULTIPLICATION SIGN} {types.get(kind) or kind or 'other'}"


DAYS = (day, short_day, day_and_month, month, short_month, days_written_out, weekday, time)
OTHERS = (money, marks, in_words, counted, name, patron_link, code, what_for)
FILTERS: dict[str, Callable[..., object]] = {each.__name__: each for each in (*DAYS, *OTHERS)}
FUNCTIONS: dict[str, Callable[..., object]] = {each.__name__: each for each in (days_between, first_days)}
