"""What a run of reminders intends in one section."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from gentle_nudge.domain.patron import Restriction
from gentle_nudge.domain.reminders.addressee import Envelope
from gentle_nudge.domain.reminders.content import LetterFacts
from gentle_nudge.domain.reminders.levels import Level, Remind
from gentle_nudge.domain.reminders.series import Debtor, Message, Reason, Series, SeriesState, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedLetter:
    """The letter of one level to one patron: every message of it, and what it says."""

    debtor: Debtor
    verdict: Verdict
    step: Level
    branch: str
    facts: LetterFacts
    envelopes: tuple[Envelope, ...]

    @property
    def number(self) -> int:
        """The borrowernumber."""
        return self.debtor.number

    @property
    def blocks(self) -> bool:
        """Whether this letter makes the restriction of the series."""
        return self.step.block and (self.debtor.series is None or self.debtor.series.restriction is None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reprint:
    """A failed e-mail that is printed instead."""

    letter: PlannedLetter
    replaces: Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """The end of a series, with what the patron still owes of charges."""

    series: Series
    state: SeriesState
    charges: Decimal
    card: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lift:
    """The restriction of a series that is to be deleted; None if it is gone already, or staff have changed it."""

    series: Series
    restriction: Restriction | None
    card: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LetterError:
    """A letter that holds patrons back: a bad row, or with `transport` None a code that lacks a row for them."""

    letter: str
    branch: str
    transport: str | None
    language: str | None
    problem: str
    patrons: int

    @property
    def sentence(self) -> str:
        """The letter, what is wrong, and whom it holds back."""
        where = ", ".join(filter(None, (f"branch {self.branch}" if self.branch else "", self.transport, self.language)))
        held = f"{self.patrons} patron{'s' * (self.patrons != 1)}"
        return f"letter {self.letter}{f' ({where})' if where else ''}: {self.problem}; nobody of {held} gets it"


@dataclass(frozen=True, kw_only=True)
class SectionPlan:
    """What one run changes; `kept`: who was looked at and gets nothing, with the reason. `news`: states of messages.

    With a fuse `refused` is its sentence, and there are no letters; `due` counts those that errors and fuse hold, too.
    """

    section: str
    day: date
    letters: tuple[PlannedLetter, ...] = ()
    reprints: tuple[Reprint, ...] = ()
    closings: tuple[Closing, ...] = ()
    lifts: tuple[Lift, ...] = ()
    news: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    kept: Mapping[int, Reason] = field(default_factory=dict)
    errors: tuple[LetterError, ...] = ()
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
        of_series = (*(each.series for each in self.closings), *(each.series for each in self.lifts))
        written_to = (*self.letters, *(each.letter for each in self.reprints))
        return frozenset((*(each.patron for each in of_series), *(letter.number for letter in written_to)))

    @property
    def counts(self) -> Counter[Reason]:
        """How many get no letter, by reason."""
        return Counter(self.kept.values())

    @property
    def fees(self) -> Decimal:
        """The fees charged."""
        return sum((letter.step.fee for letter in self.letters), Decimal(0))

    @property
    def went_well(self) -> bool:
        """Whether nothing is held back by a letter or a fuse."""
        return not self.errors and self.refused is None


def next_on(remind: Remind, level: int, day: date) -> date | None:
    """The day from which the letter after this level, sent on `day`, may come; None: it is the last."""
    step = remind.step_after(level)
    return None if step is None else day + timedelta(days=remind.steps[step].after_days)
