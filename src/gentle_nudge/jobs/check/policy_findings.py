"""Whether a section's rules can refer anybody; asked of the rules alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.wording import counted

A_WEEK = 7


def window(section: Section, day: date) -> Iterator[Finding]:
    """A window that charges can pass unseen, or that lies before the cut-off day."""
    policy = section.policy
    span = policy.window(day)
    days = (span.last - span.first).days + 1
    if days < A_WEEK:
        yield Finding(
            name="window-narrow",
            what=f"The window of section {section.name} is {counted(days, 'day')} wide, and submissions are made once "
            "a week.",
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


def paid_patrons(sections: Sequence[Section]) -> Iterator[Finding]:
    """Patrons who have paid, but stay in collections or stay blocked."""
    if staying := [section.name for section in sections if not section.policy.clear_paid]:
        yield Finding(
            name="paid-stay",
            severity=Severity.WARNING,
            what=f"Paid patrons stay in collections: clear_paid is false ({', '.join(staying)}).",
            why="They keep the flag, and every update lists them, until staff take them out.",
            way_out="Set clear_paid = true. If staff take out each of them, all is as it should be.",
        )
    blocking = [section for section in sections if section.policy.add_restriction]
    if blocked := [section.name for section in blocking if not section.policy.remove_restriction]:
        yield Finding(
            name="restriction-stays",
            severity=Severity.WARNING,
            what="Paid patrons stay blocked: add_restriction is true, remove_restriction is false "
            f"({', '.join(blocked)}).",
            why="They cannot borrow until staff lift the restriction.",
            way_out="Set remove_restriction = true. If staff lift each of them, all is as it should be.",
        )
