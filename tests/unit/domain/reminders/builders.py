"""Debts, series and letters for the tests; every fact has a default."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from gentle_nudge.domain.ledger import OwedLine
from gentle_nudge.domain.patron import Patron
from gentle_nudge.domain.reminders.debt import debt_of
from gentle_nudge.domain.reminders.letter import LetterRow
from gentle_nudge.domain.reminders.levels import Level, Remind
from gentle_nudge.domain.reminders.series import Debtor, Message, Reminder, Series

TODAY = date(2026, 2, 9)
PERIODS = (30, 14, 14, 14)
FEES = ("0.00", "2.00", "2.00", "5.00")


def the_levels(**keys: Any) -> Remind:
    """Four levels and a bill, as libraries have them."""
    levels = tuple(
        Level(after_days=days, letter=f"DEBTREM{number}", fee=Decimal(fee), block=number >= 3)
        for number, (days, fee) in enumerate(zip(PERIODS, FEES, strict=True), start=1)
    )
    bill = Level(after_days=21, letter="DEBTBILL", fee=Decimal("10.00"), block=True)
    return Remind(**{"minimum": Decimal("10.00"), "level": levels, "bill": bill, **keys})


def a_line(amount: str = "25.00", day: date | None = TODAY - timedelta(days=30), **columns: Any) -> OwedLine:
    """An outstanding lost charge of that day."""
    return OwedLine(**{"id": 1, "type": "LOST", "day": day, "outstanding": Decimal(amount), **columns})


def a_series(*levels: tuple[int, date], state: str = "sent", **columns: Any) -> Series:
    """An open series with a reminder of each of these levels and days, sent by e-mail."""
    reminders = tuple(
        Reminder(
            id=level,
            level=level,
            day=day,
            letter=f"DEBTREM{level}",
            branch="CPL",
            charges=Decimal("25.00"),
            fee=Decimal(0),
            fee_line=None,
            total=Decimal("25.00"),
            messages=(
                Message(id=level, message=level, addressee=1, transport="email", language="default", state=state),
            ),
        )
        for level, day in levels
    )
    since = date(2026, 1, 10)
    return Series(
        **{
            "id": 1,
            "section": "north",
            "patron": 1,
            "since": since,
            "opened_on": since,
            "reminders": reminders,
            **columns,
        }
    )


def a_debtor(*lines: OwedLine, day: date = TODAY, remind: Remind | None = None, **facts: Any) -> Debtor:
    """An adult who owes these lines (25.00 of 30 days ago)."""
    debt = debt_of(lines or (a_line(day=TODAY - timedelta(days=30)),), remind or the_levels(), day)
    return Debtor(**{"number": 1, "patron": Patron(number=1, branch="CPL", category="PT"), "debt": debt, **facts})


def a_row(content: str = "You owe <<debt.total>>.", **columns: Any) -> LetterRow:
    """A letter of level 1 by e-mail."""
    return LetterRow(
        **{
            "id": 1,
            "code": "DEBTREM1",
            "branch": "",
            "transport": "email",
            "language": "default",
            "is_html": False,
            "title": "A reminder",
            "content": content,
            **columns,
        }
    )
