"""The keys of [remind], and the levels that they configure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Literal

from annotated_types import Interval, MaxLen

from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.setting import LONGEST_AGE, Amount, Codes, Days, Key, Number, Parsed, Text, parse_comment

BILL = 5  # the level of the bill
MOST_LEVELS = 4
Transport = Literal["email", "print"]
Notify = Literal["patron", "guarantor", "both"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """One reminder; one to four of them, in their order. [remind.bill] has the same keys and comes last."""

    after_days: Annotated[
        int,
        Interval(ge=1, le=LONGEST_AGE),
        Key("Days after the debt reached the minimum; later levels: after the level before.", example="30"),
    ]
    letter: Annotated[
        str, MaxLen(20), Key("The code of a notice in Koha, of its module Circulation.", example='"DEBTREM1"')
    ]
    fee: Annotated[Amount, Key("The fee charged with this letter; 0 for none.")] = ZERO
    block: Annotated[bool, Key("Whether the patron is restricted from borrowing from this letter on.")] = False
    transports: Annotated[
        tuple[Transport, ...] | None, Key("As in [remind], for this level alone.", example='["print"]')
    ] = None
    notify: Annotated[Notify | None, Key("As in [remind], for this level alone.", example='"both"')] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Remind:
    """Reminders before collections; without this table nobody is reminded. A [library.remind] may say otherwise."""

    enabled: Annotated[
        bool, Key("With false nothing is sent or closed, and series rest; restrictions are lifted as ever.")
    ] = True
    minimum: Annotated[Amount, Key("The least debt that is reminded (this amount included).", example="10.00")]
    max_age_days: Annotated[Days, Key("Charges that are older than so many days do not count.")] = 730
    excluded_debit_types: Annotated[Codes, Key("Charges of these debit types are in no sum of a reminder.")] = (
        frozenset({"ACCOUNT", "ACCOUNT_RENEW"})
    )
    excluded_categories: Annotated[Codes, Key("Patrons of these categories are never reminded.")] = frozenset()
    transports: Annotated[
        tuple[Transport, ...],
        Key("email and print: the first is used that reaches the addressee and has a letter."),
    ] = ("email", "print")
    notify: Annotated[
        Notify, Key("Who is written to about the debt of a minor: patron, guarantor (all linked ones) or both.")
    ] = "patron"
    fee_debit_type: Annotated[str, MaxLen(80), Key("The debit type of the fees of the levels.")] = "MANUAL"
    fee_description: Annotated[Text, Key("The description of those fees.")] = "Debt reminder fee"
    restriction_type: Annotated[str, MaxLen(50), Key("The type of the restriction that a level makes.")] = "MANUAL"
    restriction_comment: Annotated[
        str,
        Parsed(parse_comment),
        Key("The comment of that restriction, which the desk and the patron read; {date} has to be in it, and words."),
    ] = "Debt reminder of {date}"
    most_letters: Annotated[
        Number, Key("The most patrons who get a letter in one run of a section; more, and none is sent. 0: no limit.")
    ] = 500
    level: tuple[Level, ...] = ()
    bill: Level | None = None

    @property
    def steps(self) -> Mapping[int, Level]:
        """Every configured level by its number, in order, with its transports and addressees; the bill is 5."""
        levels = dict(enumerate(self.level, start=1)) | ({BILL: self.bill} if self.bill else {})
        return {
            number: replace(each, transports=each.transports or self.transports, notify=each.notify or self.notify)
            for number, each in levels.items()
        }

    @property
    def letters(self) -> tuple[str, ...]:
        """The codes of the letters, each once, in the order of the levels."""
        return tuple(dict.fromkeys(each.letter for each in self.steps.values()))

    def step_after(self, last: int) -> int | None:
        """The lowest configured level above `last`; None: that was the last."""
        return next((number for number in self.steps if number > last), None)

    def days_until(self, letters: frozenset[str]) -> int | None:
        """The days from the debt to the latest level with one of these letters; None: no level has one."""
        steps = self.steps
        latest = max((number for number, each in steps.items() if each.letter in letters), default=None)
        return None if latest is None else sum(steps[number].after_days for number in steps if number <= latest)

    def next_on(self, level: int, day: date) -> date | None:
        """The day from which the letter after this level, sent on `day`, may come; None: it is the last."""
        step = self.step_after(level)
        return None if step is None else day + timedelta(days=self.steps[step].after_days)

    def comment(self, day: date) -> str:
        """The comment of a restriction made on this day."""
        return self.restriction_comment.replace("{date}", day.isoformat())


def contradictions(remind: Remind) -> Iterator[tuple[str, str]]:
    """Keys with values that cannot be meant, each with a sentence."""
    if remind.minimum <= 0:
        yield "minimum", "an amount above 0 is needed"
    if not 1 <= len(remind.level) <= MOST_LEVELS:
        yield "level", f"one to four levels are needed: write each under [[remind.level]], not {len(remind.level)}"
