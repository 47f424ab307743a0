"""Remember: what our own tables know about one section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.submission_day import SubmissionHistory
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.koha.read import accountlines, borrowers
from gentle_nudge.store import cases, meta, runs

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True)
class SectionRecords:
    """What our own tables know about one section; empty where there are none yet.

    `in_collections`: patron -> the sections with an open case, all of them. `note` tells whether it still holds.
    `withdrawn`: patron -> the latest day a case was withdrawn, also one of a card that was merged into theirs since.
    """

    last_words: tuple[Case, ...] = ()
    withdrawn: Mapping[int, date] = field(default_factory=dict)
    in_collections: Mapping[int, frozenset[str]] = field(default_factory=dict)
    note: int | None = None
    past: SubmissionHistory = field(default_factory=SubmissionHistory)
    last_update: date | None = None

    @property
    def is_any(self) -> bool:
        """Whether there are tables of ours to remember with."""
        return self.note is not None

    def has_case(self, number: int, section: Section) -> bool:
        """Whether a case of this section is open for the patron.

        Where all charges are the patron's own section's, a case of any section: one debt is handed over once.
        """
        where = self.in_collections.get(number, frozenset())
        return bool(where if section.charges_by == "patron" else where & set(section.cases_of))


def read_records(conn: Connection, section: Section) -> SectionRecords:
    """What we know about the section; a dry run before `init` knows nothing."""
    our_row = meta.read_meta(conn)
    if our_row is None:
        return SectionRecords()
    names = section.names
    return SectionRecords(
        note=our_row.revision,
        last_words=tuple(cases.to_report(conn, section.cases_of)),
        withdrawn=_withdrawn(conn, section),
        in_collections=cases.open_case_patrons(conn),
        past=SubmissionHistory(
            last_submission=runs.last_day(conn, names, ReportKind.SUBMISSION),
            first_run=runs.first_day(conn, names),
            sizes=tuple(runs.submission_sizes(conn, names)),
        ),
        last_update=runs.last_day(conn, names, ReportKind.UPDATE),
    )


def _withdrawn(conn: Connection, section: Section) -> dict[int, date]:
    """For each patron the latest day a case was withdrawn; a merged card leaves it to whom its lines went."""
    found = cases.withdrawn_on(conn, section.cases_of)
    gone = found.keys() - borrowers.known(conn, found)
    days = cases.withdrawn_lines(conn, section.cases_of, gone)
    for line, heir in accountlines.owners(conn, days).items():
        if heir is not None:
            found[heir] = max(days[line], found.get(heir, date.min))
    return found
