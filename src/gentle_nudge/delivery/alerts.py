"""Alerts: trouble told to the library's staff, one message per kind and day, no patron data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of trouble that staff are told of."""

    FUSE = "fuse"
    LIMITS = "limits"
    LATE = "late"
    UNDELIVERED = "undelivered"
    FAILED_DELIVERY = "failed_delivery"
    FAILED_SECTION = "failed_section"
    CASES = "cases"


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What an alert of one kind says: for the subject, what it means, what to do."""

    title: str
    meaning: str
    remedy: str


WORDS = {
    Kind.FUSE: Words(
        title="too many referrals",
        meaning="More patrons would be referred than is usual, so none was. Everything else of the night went on,"
        " and the submission stays due.",
        remedy="Look at the list with: gentle-nudge nightly --dry-run. If it is right, allow that number for one"
        " night with --most-referrals.",
    ),
    Kind.LIMITS: Words(
        title="an unlikely change stopped part of the night",
        meaning="Something besides staff seems to be at work: more flags appeared or vanished in Koha than people"
        " change in a day (an import or a form may have touched them), or the Perl plugin is still enabled.",
        remedy="See whether those flags are right. Flags that appeared: gentle-nudge init --adopt. Flags that"
        " vanished: gentle-nudge nightly --most-withdrawals with the number. The plugin: disable it in Koha.",
    ),
    Kind.LATE: Words(
        title="a submission is late",
        meaning="A weekly submission was not made on its day.",
        remedy="gentle-nudge status tells which and why; it is made in the next night in which nothing is in its way.",
    ),
    Kind.UNDELIVERED: Words(
        title="a report is undelivered for a day",
        meaning="A report could not be delivered for 24 hours. It is kept, and tried again and again.",
        remedy="gentle-nudge outbox shows the reason of each attempt.",
    ),
    Kind.FAILED_DELIVERY: Words(
        title="a delivery failed",
        meaning="A report could not be delivered for three days. It is kept, and tried once a night.",
        remedy="gentle-nudge outbox --failed shows the reason. When it is mended: gentle-nudge outbox retry.",
    ),
    Kind.FAILED_SECTION: Words(
        title="a section failed",
        meaning="One section's night did not happen; nothing of it was written. The other sections went on.",
        remedy="Run gentle-nudge nightly again once the reason is mended; gentle-nudge check may name it.",
    ),
    Kind.CASES: Words(
        title="cases were merged or have vanished",
        meaning="Patrons in collections were merged with others or deleted in Koha; the agency is told in the update.",
        remedy="gentle-nudge cases shows them.",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """One trouble of one day; `facts` are sentences without patron data, `library` is Koha's LibraryName."""

    kind: Kind
    day: date
    library: str
    facts: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The subject of the message, on one line."""
        return f"Gentle Nudge at {' '.join(self.library.split()) or 'Koha'}: {WORDS[self.kind].title}"

    @property
    def text(self) -> str:
        """The text of the message."""
        words = WORDS[self.kind]
        facts = "".join(f"* {fact}\n" for fact in self.facts)
        parts = (f"{self.day}: {words.title}.\n", words.meaning + "\n", facts, f"What to do: {words.remedy}\n")
        return "\n".join(part for part in parts if part)
