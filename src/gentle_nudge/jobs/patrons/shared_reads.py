"""What the sections of one night read in common."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.ledger import LineRules, Window
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.patron import Flag
from gentle_nudge.jobs.patrons.accounts import ownership_of
from gentle_nudge.jobs.patrons.closed_cases import to_reopen
from gentle_nudge.koha.read import borrowers
from gentle_nudge.koha.read.candidates import OwingPatrons, UnpaidLines, owing_patrons, unpaid_lines


class SharedReads:
    """What is read once for all sections of a night, when the first asks: whole tables of Koha, and closed cases.

    They may be some minutes old. So they only say whom to look at; everything about these patrons is read anew.
    """

    def __init__(self, sections: Collection[Section], moment: Moment) -> None:
        self.sections, self.moment = sections, moment
        self._unpaid: UnpaidLines | None = None
        self._owing: list[tuple[LineRules, Decimal, OwingPatrons]] = []
        self._flagged: dict[Flag, frozenset[int]] = {}
        self._reopened: dict[str, frozenset[int]] = {}
        self._ahead: dict[date, SharedReads] = {}

    def ahead(self, day: date) -> SharedReads:
        """What the lists for that day read in common."""
        if day not in self._ahead:
            self._ahead[day] = SharedReads(self.sections, replace(self.moment, day=day))
        return self._ahead[day]

    def unpaid(self, conn: Connection) -> UnpaidLines:
        """The unpaid lines of the widest window."""
        if self._unpaid is None:
            windows = [section.policy.window(self.moment.day) for section in self.sections]
            widest = Window(first=min(each.first for each in windows), last=max(each.last for each in windows))
            self._unpaid = unpaid_lines(conn, widest, self.moment.zone)
        return self._unpaid

    def owing(self, conn: Connection, section: Section, records: SectionRecords, rules: LineRules) -> OwingPatrons:
        """Who owes enough in the section's window, read once for the sections that count charges alike.

        Fees recorded with open cases have to be known where they count for their section, whatever their branch; and
        where they count for nobody and not everybody who may owe enough is looked at again.
        """
        threshold, by_patron = section.policy.threshold, section.charges_by == "patron"
        for counted_by, at_least, known in self._owing if by_patron else ():
            if (counted_by, at_least) == (rules, threshold):
                return known
        recorded_lines_matter = by_patron != section.policy.count_processing_fees
        ownership = ownership_of(conn, section, records, records.open_cases if recorded_lines_matter else ())
        owing = owing_patrons(conn, self.unpaid(conn), rules=rules, ownership=ownership, threshold=threshold)
        if by_patron and len(self.sections) > 1:
            self._owing.append((rules, threshold, owing))
        return owing

    def flagged(self, conn: Connection, flag: Flag) -> frozenset[int]:
        """The patrons whose flag says yes."""
        if flag not in self._flagged:
            self._flagged[flag] = borrowers.flagged(conn, flag)
        return self._flagged[flag]

    def reopened_elsewhere(self, conn: Connection, section: Section, records: SectionRecords) -> frozenset[int]:
        """The patrons whose case another section would open again on this day, if no debt may be in two sections.

        A patron may have moved to a branch of this section since.
        """
        others = section.others if section.charges_by == "patron" else ()
        for other in others:
            if other.name not in self._reopened:
                reopenings = to_reopen(conn, other, self.moment, records)
                self._reopened[other.name] = frozenset(reopening.number for reopening in reopenings)
        return frozenset().union(*(self._reopened[other.name] for other in others))
