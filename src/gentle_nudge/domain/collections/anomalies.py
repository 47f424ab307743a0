"""What staff should look at: cases whose flag says nothing, or whose section is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from gentle_nudge.domain.collections.case_outcome import CaseFacts, was_flagged_elsewhere
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.submission_day import Refusal
from gentle_nudge.domain.patron import FlagState, flag_state
from gentle_nudge.domain.wording import counted

HELD_WAY_OUT = (
    "name it as formerly in the section that takes over, give its cases away with gentle-nudge cases move {name} NEW, "
    "or put it back into the settings with enabled = false"
)


@dataclass(kw_only=True)
class Anomalies:
    """What is odd about the open cases of a section.

    `overwritten` are the patrons whose flag is in other use. Cases are counted by the field they were flagged in
    (`elsewhere`) and by their section that is gone (`orphans`, and `held` if nobody may be told of them).
    """

    overwritten: list[int | None] = field(default_factory=list)
    elsewhere: Counter[str | None] = field(default_factory=Counter)
    orphans: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)

    def look_at(self, facts: CaseFacts, section: Section) -> None:
        """Note what is odd about this open case, or about a closed one of which nobody may be told."""
        if facts.case.section in section.frees:
            self.held[facts.case.section] += 1
            return
        if facts.patron and flag_state(facts.patron.flag) is FlagState.OTHER:
            self.overwritten.append(facts.case.patron)
        if was_flagged_elsewhere(facts, section):
            self.elsewhere[facts.case.flag] += 1
        if facts.case.section in section.keeps_up:
            self.orphans[facts.case.section] += 1

    def in_words(self, section: Section) -> Iterator[str]:
        """A sentence about each oddity."""
        for number in self.overwritten:
            yield f"patron number {number}: the flag ({section.policy.flag}) was overwritten"
        for flag, count in self.elsewhere.items():
            yield (
                f"{counted(count, 'open case was', 'open cases were')} flagged in {flag}, the settings say "
                f"{section.policy.flag}: all goes on, but staff cannot end such a case by the flag (set flag back to "
                f"{flag}, or take the patron back with gentle-nudge release)"
            )
        for name, count in sorted(self.orphans.items()):
            kept = counted(count, "open case is", "open cases are")
            yield (
                f"section {name} is gone from the settings: its {kept} kept up here (gentle-nudge cases "
                f"move {name} NEW gives them to another section)"
            )

    def refusals(self, section: Section) -> Iterator[Refusal]:
        """A refusal for each section whose cases are held."""
        for name, count in sorted(self.held.items()):
            yield Refusal(
                kind="held",
                sentence=f"section {name} is gone from the settings, and its reports went to others than those of "
                f"section {section.name} go to: nobody is told of its {counted(count, 'case')}; who pays is released "
                "all the same",
                hint=HELD_WAY_OUT.format(name=name),
            )
