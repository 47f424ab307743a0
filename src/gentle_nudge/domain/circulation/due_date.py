"""The due date of a loan."""

from __future__ import annotations

from datetime import date, timedelta

from gentle_nudge.domain.circulation.calendar import DAY, is_open, next_open_day
from gentle_nudge.domain.circulation.loan import NotComputed, Why
from gentle_nudge.domain.circulation.precedence import LoanRules
from gentle_nudge.domain.circulation.snapshot import Closures

A_WEEK = 7


def due_date(rules: LoanRules, checkout: date, expires: date | None) -> tuple[date, tuple[Why, ...]]:
    """The due date of a loan of this day, and why; `expires`: the day on which the patron's membership ends."""
    if rules.value("lengthunit") == "hours":
        raise NotComputed(
            "loans by the hour are not computed",
            "the rule lengthunit of this combination says hours: timeline rules shows its row",
        )
    length, mode, closures = int(rules.number("issuelength") or 0), days_mode(rules), rules.closures
    due = after_loan_period(checkout, length, mode, closures)
    why = [*rules.whys("issuelength", "lengthunit", "daysmode")]
    if not rules.value("daysmode"):
        why.append(rules.preference("useDaysMode"))
    hard, compare = rules.day("hardduedate"), int(rules.number("hardduedatecompare") or 0)
    if hard and (compare == 0 or (compare < 0 and due > hard) or (compare > 0 and due < hard)):
        due = hard
        why += rules.whys("hardduedate", "hardduedatecompare")
    if expires and expires < due and rules.snapshot.is_on("ReturnBeforeExpiry"):
        due = expires if mode == "Days" else next_open_day(closures, expires, step=-1)
        why.append(rules.preference("ReturnBeforeExpiry"))
    return due, tuple(why)


def days_mode(rules: LoanRules) -> str:
    """How closed days are counted: the rule, or the preference if the rule is empty."""
    return rules.value("daysmode") or rules.snapshot.preference("useDaysMode")


def after_loan_period(checkout: date, length: int, mode: str, closures: Closures) -> date:
    """The day after so many days, as `daysmode` counts them."""
    if mode == "Calendar":
        day = checkout
        for _ in range(length):
            day = next_open_day(closures, day, from_open=True)
        return day
    day = checkout + timedelta(days=length)
    if mode == "Datedue":
        return next_open_day(closures, day)
    if mode == "Dayweek" and not is_open(closures, day):
        next_open_day(closures, day)  # refuses a calendar without an open day, on which the steps would never end
        day += _push(closures, day) if length % A_WEEK == 0 else DAY
        while not is_open(closures, day):
            day += _push(closures, day)
    return day


def _push(closures: Closures, day: date) -> timedelta:
    """How far a closed day moves on: a week, but a day from a weekday that is closed every week."""
    return DAY if day.isoweekday() % 7 in closures.weekly else timedelta(days=A_WEEK)
