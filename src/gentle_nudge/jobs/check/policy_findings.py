"""Whether a section's rules can refer anybody; asked of the rules alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding, Severity

A_WEEK = 7


def window(section: Section, day: date) -> Iterator[Finding]:
    """A window that charges can pass unseen, or that lies before the cut-off day."""
    policy = section.policy
    span = policy.window(day)
    days = (span.last - span.first).days + 1
    if days < A_WEEK:
        yield Finding(
            name="window-narrow",
            what=f"The window of section {section.name} is {days} days wide, and submissions are made once a week.",
            why="A charge can pass through the window between two submissions and is never seen by one.",
            way_out="Let count_fees_newer_than be at least 6 more than count_fees_older_than.",
        )
    first = policy.ignore_fees_before
    if first and first > span.last:
        opens = first + (day - span.last)
        yield Finding(
            name="nothing-can-count",
            severity=Severity.WARNING,
            what=f"Section {section.name} ignores charges before {first}, and none since then is in the window before "
            f"{opens}.",
            why="Until then nobody is referred.",
            way_out=f"If that is not meant, set ignore_fees_before to an earlier day than {first - timedelta(days=1)}.",
        )
