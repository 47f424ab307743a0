"""What a letter says: its amounts, its days, and one line for each charge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.ledger import OwedLine
from gentle_nudge.domain.money import ZERO, round_to_cent
from gentle_nudge.domain.reminders.addressee import Addressee, Columns, Correspondence, Envelope
from gentle_nudge.domain.reminders.letter import rendered
from gentle_nudge.domain.reminders.levels import BILL
from gentle_nudge.domain.reminders.series import Debt


@dataclass(frozen=True, kw_only=True, slots=True)
class LetterFacts:
    """Everything that the letters of one patron and level say; `fee` is that of this letter, not among the debt's.

    `types`: what Koha calls each type, by its code in lower case. `titles`: by number of the line.
    """

    patron: Addressee
    branch: Columns
    debt: Debt
    level: int
    day: date
    since: date | None
    next_on: date | None
    fee: Decimal = ZERO
    fee_type: str = ""
    types: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[int, str] = field(default_factory=dict)

    @property
    def total(self) -> Decimal:
        """What the letter asks for."""
        return self.debt.charges + self.debt.owing_fees + self.fee

    @property
    def lines(self) -> tuple[OwedLine, ...]:
        """The open charges by day, our fees, this letter's last, and the unused credits."""
        this = OwedLine(id=0, day=self.day, type=self.fee_type, outstanding=self.fee, is_fee=True)
        return (*self.debt.open, *self.debt.fees, *((this,) if self.fee else ()), *self.debt.credits)


def text_of(facts: LetterFacts, envelope: Envelope, correspondence: Correspondence) -> tuple[str, str]:
    """The subject and the content of this message."""
    values = dict(_values(facts, envelope.addressee, correspondence))
    lines = [
        {
            "line.date": correspondence.day(line.day),
            "line.type": facts.types.get(line.type.casefold(), "") or line.type,
            "line.outstanding": correspondence.amount(round_to_cent(line.outstanding)),
            "line.title": facts.titles.get(line.id, "") if envelope.names_titles else "",
        }
        for line in facts.lines
    ]
    return rendered(envelope.row, values, lines)


def _values(facts: LetterFacts, reader: Addressee, correspondence: Correspondence) -> Iterator[tuple[str, str]]:
    """The value of every placeholder but those of lines."""
    for table, columns in (
        ("borrowers", facts.patron.columns),
        ("addressee", reader.columns),
        ("branches", facts.branch),
    ):
        yield from ((f"{table}.{name}", str(value or "")) for name, value in columns.items())
    amounts = {"total": facts.total, "charges": facts.debt.charges, "fees": facts.debt.owing_fees, "fee": facts.fee}
    yield from ((f"debt.{name}", correspondence.amount(amount)) for name, amount in amounts.items())
    yield "debt.level", "" if facts.level == BILL else str(facts.level)
    yield "debt.since", correspondence.day(facts.since)
    yield "debt.next", correspondence.day(facts.next_on)
    yield "today", correspondence.day(facts.day)
    yield "borrowers.borrowernumber", str(facts.patron.number)
