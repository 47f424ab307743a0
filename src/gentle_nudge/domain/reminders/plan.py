"""What a run of reminders intends in one section: letters with what they say, ends, restrictions lifted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.ledger import OwedLine
from gentle_nudge.domain.money import ZERO, round_to_cent
from gentle_nudge.domain.patron import Restriction
from gentle_nudge.domain.reminders.addressee import Addressee, Correspondence, Envelope
from gentle_nudge.domain.reminders.letter import BadLetter, rendered
from gentle_nudge.domain.reminders.levels import BILL, Level
from gentle_nudge.domain.reminders.series import Debtor, Message, Reason, Series, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedLetter:
    """The letter of the verdict's level to one patron; `fee` is the line of its own fee, not among the debt's.

    `titles`: by number of the line. With `replaces` it is the print of a failed e-mail.
    """

    verdict: Verdict
    step: Level
    branch: str
    day: date
    next_on: date | None
    patron: Addressee
    envelopes: tuple[Envelope, ...] = ()
    fee: OwedLine | None = None
    titles: Mapping[int, str] = field(default_factory=dict)
    replaces: Message | None = None

    @property
    def debtor(self) -> Debtor:
        """Who owes."""
        return self.verdict.debtor

    @property
    def number(self) -> int:
        """The borrowernumber."""
        return self.debtor.number

    @property
    def level(self) -> int:
        """The level; a letter has one."""
        return self.verdict.level or 0

    @property
    def blocks(self) -> bool:
        """Whether this letter makes the restriction of the series."""
        return self.step.block and (self.debtor.series is None or self.debtor.series.restriction is None)

    @property
    def since(self) -> date | None:
        """The day since which the debt is reminded."""
        return self.verdict.since or (self.debtor.series.since if self.debtor.series else None)

    @property
    def total(self) -> Decimal:
        """What the letter asks for."""
        return self.debtor.debt.charges + self.debtor.debt.owing_fees + self.own_fee

    @property
    def own_fee(self) -> Decimal:
        """What is owing of the fee of this letter."""
        return self.fee.outstanding if self.fee else ZERO

    @property
    def lines(self) -> tuple[OwedLine, ...]:
        """The open charges by day, our fees, this letter's last, and the unused credits."""
        debt = self.debtor.debt
        return (*debt.open, *debt.fees, *((self.fee,) if self.fee else ()), *debt.credits)


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """One message of a letter with its text."""

    letter: PlannedLetter
    envelope: Envelope
    subject: str
    content: str


def written(letter: PlannedLetter, correspondence: Correspondence) -> Iterator[Written]:
    """Every message of the letter with its text."""
    for envelope in letter.envelopes:
        values = dict(_values(letter, envelope.addressee, correspondence))
        lines = [
            {
                "line.date": correspondence.day(line.day),
                "line.type": correspondence.types.get(line.type.casefold(), "") or line.type,
                "line.outstanding": correspondence.amount(round_to_cent(line.outstanding)),
                "line.title": letter.titles.get(line.id, "") if envelope.names_titles else "",
            }
            for line in letter.lines
        ]
        subject, content = rendered(envelope.row, values, lines)
        yield Written(letter=letter, envelope=envelope, subject=subject, content=content)


def _values(letter: PlannedLetter, reader: Addressee, correspondence: Correspondence) -> Iterator[tuple[str, str]]:
    """The value of every placeholder but those of lines."""
    debt, branch = letter.debtor.debt, correspondence.branches.get(letter.branch.casefold(), {})
    tables = {"borrowers": letter.patron.columns, "addressee": reader.columns, "branches": branch}
    for table, columns in tables.items():
        yield from ((f"{table}.{name}", str(value or "")) for name, value in columns.items())
    amounts = {"total": letter.total, "charges": debt.charges, "fees": debt.owing_fees, "fee": letter.own_fee}
    yield from ((f"debt.{name}", correspondence.amount(amount)) for name, amount in amounts.items())
    yield "debt.level", "" if letter.level == BILL else str(letter.level)
    yield "debt.since", correspondence.day(letter.since)
    yield "debt.next", correspondence.day(letter.next_on)
    yield "today", correspondence.day(letter.day)
    yield "borrowers.borrowernumber", str(letter.number)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lift:
    """The restriction of a series that is to be deleted; None if it is gone already, or staff have changed it."""

    debtor: Debtor
    series: Series
    restriction: Restriction | None


@dataclass(frozen=True, kw_only=True)
class SectionPlan:
    """What one run changes; `kept`: who was looked at and gets nothing, with the reason. `news`: states of messages.

    With a fuse `refused` is its sentence, and there are no letters; `due` counts those that errors and fuse hold, too.
    """

    section: str
    day: date
    letters: tuple[PlannedLetter, ...] = ()
    reprints: tuple[PlannedLetter, ...] = ()
    closings: tuple[Verdict, ...] = ()
    lifts: tuple[Lift, ...] = ()
    news: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    kept: Mapping[int, Reason] = field(default_factory=dict)
    errors: tuple[BadLetter, ...] = ()
    due: int = 0
    refused: str | None = None
    hint: str = ""
    is_first: bool = True

    @property
    def changes(self) -> bool:
        """Whether anything would be written besides the run itself."""
        return bool(self.letters or self.reprints or self.closings or self.lifts or self.news)

    @property
    def concerned(self) -> frozenset[int]:
        """The patrons about whom something is written."""
        ended = (*(each.debtor for each in self.closings), *(each.debtor for each in self.lifts))
        return frozenset((*(each.number for each in ended), *(each.number for each in self.written)))

    @property
    def written(self) -> tuple[PlannedLetter, ...]:
        """The letters, and those that are printed because an e-mail failed."""
        return (*self.letters, *self.reprints)

    @property
    def counts(self) -> Counter[Reason]:
        """How many get no letter, by reason."""
        return Counter(self.kept.values())

    @property
    def fees(self) -> Decimal:
        """The fees charged."""
        return sum((letter.step.fee for letter in self.letters), ZERO)

    @property
    def went_well(self) -> bool:
        """Whether nothing is held back by a letter or a fuse."""
        return not self.errors and self.refused is None
