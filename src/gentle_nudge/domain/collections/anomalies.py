"""What staff should look at: cases whose flag says nothing, or whose section is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from gentle_nudge.domain.collections.case_outcome import CaseFacts, was_flagged_elsewhere
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.patron import FlagState, flag_state


@dataclass(kw_only=True)
class Anomalies:
    """What was noticed while the open cases of a section passed by.

    `overwritten` are the patrons whose flag is in other use, `elsewhere` counts cases by the field they were flagged
    in, `orphans` by the section that is gone.
    """

    overwritten: list[int | None] = field(default_factory=list)
    elsewhere: Counter[str | None] = field(default_factory=Counter)
    orphans: Counter[str] = field(default_factory=Counter)

    def look_at(self, tonight: CaseFacts, section: Section) -> None:
        """This case is known, if there is something about it."""
        if tonight.patron and flag_state(tonight.patron.flag) is FlagState.OTHER:
            self.overwritten.append(tonight.case.patron)
        if was_flagged_elsewhere(tonight, section):
            self.elsewhere[tonight.case.flag] += 1
        if tonight.case.section in section.keeps_up:
            self.orphans[tonight.case.section] += 1

    def in_words(self, section: Section) -> Iterator[str]:
        """A sentence for each thing noticed."""
        for number in self.overwritten:
            yield f"patron number {number}: the flag ({section.policy.flag}) was overwritten"
        for flag, found in self.elsewhere.items():
            yield (
                f"{found} open cases were flagged in {flag}, the settings say {section.policy.flag}: they go on, but "
                f"staff cannot end them by the flag (set flag back to {flag}, or take them back with gentle-nudge "
                "release)"
            )
        for name, found in sorted(self.orphans.items()):
            yield (
                f"section {name} is gone from the settings: its {found} open cases are kept up here "
                f"(gentle-nudge cases move {name} NEW gives them to another section)"
            )
