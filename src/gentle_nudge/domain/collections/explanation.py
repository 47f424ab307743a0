"""Why a patron is, or is not, referred: facts and verdicts, as one section sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.plan import Reopening
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate, Reason, verdicts
from gentle_nudge.domain.collections.review import Place
from gentle_nudge.domain.hold import Hold
from gentle_nudge.domain.ledger import JudgedLine, Line, Window


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """One patron as one section sees them on one day; `reopening` if a closed case would be opened again.

    `recorded` are the lines recorded with the open case, if there is one; `holds` are those in force on that day.
    `place` is the patron's on the newest list that the patron is on: one in force, or one to come.
    """

    section: Section
    day: date
    today: date
    zone: ZoneInfo
    candidate: Candidate
    lines: tuple[JudgedLine, ...]
    cases: tuple[Case, ...] = ()
    recorded: tuple[Line, ...] = ()
    reopening: Reopening | None = None
    holds: tuple[Hold, ...] = ()
    place: Place | None = None

    @property
    def open_case(self) -> Case | None:
        """The open case; of several the oldest, for that one goes on."""
        return next((case for case in self.cases if case.state is CaseState.OPEN), None)

    @property
    def window(self) -> Window:
        """The charge dates that count."""
        return self.section.policy.window(self.day)

    @property
    def verdicts(self) -> Mapping[Reason, bool]:
        """Every rule, with whether it keeps the patron out."""
        return verdicts(self.candidate, self.section, self.day)

    @property
    def without_case(self) -> Explanation:
        """The same without the open case: as if it had never been, nor the flag that came with it."""
        if self.open_case is None:
            return self
        patron = replace(self.candidate.patron, flag=()) if self.candidate.patron.is_flagged else self.candidate.patron
        records = self.candidate.records
        for case in self.cases:
            records = records.without(case.section)
        closed = tuple(case for case in self.cases if case.state is not CaseState.OPEN)
        return replace(self, candidate=replace(self.candidate, patron=patron, records=records), cases=closed)

    @property
    def reason(self) -> Reason | None:
        """The first rule that keeps the patron out; None: the patron would be referred."""
        return next((reason for reason, keeps_out in self.verdicts.items() if keeps_out), None)
