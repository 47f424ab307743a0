"""Settings that contradict each other, for every combination that occurs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from gentle_nudge.domain.circulation.loan import Combination, RemindersOfRoad, SubmissionRules
from gentle_nudge.domain.circulation.loss import LongOverdueJob
from gentle_nudge.domain.circulation.snapshot import Snapshot
from gentle_nudge.domain.finding import Finding


@dataclass(frozen=True, kw_only=True, slots=True)
class Contradiction:
    """A finding with the combinations that it concerns, in order; none: all of Koha."""

    finding: Finding
    combinations: tuple[Combination, ...]

    @property
    def as_finding(self) -> Finding:
        """The finding for `check`, which names the first five combinations and how many there are."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True, slots=True)
class Contradictions:
    """How many combinations were judged, how many are lent by the hour and left out, and what was found."""

    combinations: int
    hourly: int
    found: tuple[Contradiction, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Narrowing:
    """The options of `timeline check`; all three given make just that combination, occurring or not."""

    library: str | None = None
    category: str | None = None
    itemtype: str | None = None


def contradictions(
    snapshot: Snapshot,
    day: date,
    job: LongOverdueJob,
    submissions: Callable[[Combination], SubmissionRules],
    *,
    reminders: Callable[[Combination], RemindersOfRoad | None] = lambda _: None,
    narrowing: Narrowing | None = None,
) -> Contradictions:
    """What contradicts on the roads of loans due on the first open day from this one; nothing without any rules."""
    raise NotImplementedError
