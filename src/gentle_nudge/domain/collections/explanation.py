"""Why a patron is, or is not, referred: facts and verdicts, as one section sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.collections.plan import Reopening
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate, Reason, verdicts
from gentle_nudge.domain.hold import Hold
from gentle_nudge.domain.ledger import JudgedLine, Window


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """One patron as one section sees them on one day; `reopening` if a closed case would be opened again.

    `holds` are those in force on that day.
    """

    section: Section
    day: date
    candidate: Candidate
    lines: tuple[JudgedLine, ...]
    cases: tuple[Case, ...]
    reopening: Reopening | None = None
    holds: tuple[Hold, ...] = ()

    @property
    def window(self) -> Window:
        """The charge dates that count."""
        return self.section.policy.window(self.day)

    @property
    def verdicts(self) -> Mapping[Reason, bool]:
        """Every rule, with whether it keeps the patron out."""
        return verdicts(self.candidate, self.section, self.day)

    @property
    def reason(self) -> Reason | None:
        """The first rule that keeps the patron out; None: the patron would be referred."""
        return next((reason for reason, keeps_out in self.verdicts.items() if keeps_out), None)
