"""Regenerate: a past report byte for byte, as a file or sent once more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from sqlalchemy import Connection

from gentle_nudge.delivery.message import AN_ADDRESS
from gentle_nudge.delivery.whole_files import write_once
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import Address, Channel, Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.setting import is_example
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.store import deliveries, meta, report_files


@dataclass(frozen=True, kw_only=True, slots=True)
class ResendRequest:
    """Which reports: of this kind and day, of these sections (None: of all)."""

    report: ReportKind
    day: date
    sections: tuple[str, ...] | None = None


def find(conn: Connection, asked: ResendRequest) -> list[Stored]:
    """The stored reports, oldest first; UserError if there is none, or if one was deleted."""
    meta.ready(conn)
    reports = report_files.find(conn, report=asked.report, day=asked.day, sections=asked.sections)
    if not reports:
        of = f" in section {', '.join(asked.sections)}" if asked.sections else ""
        raise UserError(f"There is no {asked.report} of {asked.day}{of}.", "gentle-nudge history shows every run.")
    for stored in reports:
        if stored.pruned_on:
            raise UserError(
                f"{stored.file_name} was deleted on {stored.pruned_on} (keep_days).",
                f"Who was in it: gentle-nudge cases --referred {stored.day:%Y-%m} --format csv",
            )
    return reports


def write(conn: Connection, reports: Iterable[Stored], directory: Path) -> list[Path]:
    """The reports are in the directory, readable by their owner only; their paths.

    UserError if a file with other bytes has the name. A file with the same bytes is left as it is.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = []
    for stored in reports:
        path = directory / stored.file_name
        try:
            write_once(path, report_files.checked(conn, stored))
        except FileExistsError as error:
            raise UserError(
                f"{path} already exists with other contents: it was left alone.",
                "Move it away, or name another directory with --output.",
            ) from error
        paths.append(path)
    return paths


@dataclass(frozen=True, kw_only=True, slots=True)
class Mailing:
    """Who gets a repeat, and why: one recipient (`to`), or everybody who gets the section's reports now.

    With `to_anybody` the recipient need not have had a report of the section before.
    """

    sections: tuple[Section, ...]
    outlets: Outlets
    reason: str
    to: str | None = None
    to_anybody: bool = False

    def addresses(self, conn: Connection, stored: Stored) -> tuple[Address, ...]:
        """Who gets this repeat; if its section is gone, everybody who got the report."""
        section = next((section for section in self.sections if stored.section in section.cases_of), None)
        if section:
            everybody = self.outlets.addresses(section, stored.report)
        else:
            everybody = tuple(dict.fromkeys(each.address for each in deliveries.of_report(conn, stored.id)))
        to = self.to.casefold() if self.to else None
        wanted = (each for each in everybody if each.tells_agency and to in {None, each.recipient.casefold()})
        chosen = tuple(replace(each, named=self.to is not None) for each in wanted)
        if chosen or self.to is None:
            return chosen
        if not AN_ADDRESS.fullmatch(self.to):
            raise UserError(f"{self.to} is not an address.", "Write it as reports@agency.example.")
        if is_example(self.to) and self.outlets.mail_arrives:
            raise UserError(f"{self.to} is an example, not an address that mail can reach.", "Name the true address.")
        names = section.cases_of if section else (stored.section,)
        if not (self.to_anybody or deliveries.had_report(conn, self.to, names)):
            raise UserError(
                f"{self.to} never had a report of section {stored.section}, and is in neither send_to nor copy_to.",
                "Correct the address. If it shall have names, addresses and debts: --new-recipient",
            )
        return (Address(channel=Channel.EMAIL, recipient=self.to, tells=False, named=True),)


def send(conn: Connection, asked: ResendRequest, mailing: Mailing, moment: Moment) -> list[tuple[Stored, Address]]:
    """The reports are queued once more, marked as repeats; each with each of its recipients."""
    meta.lock(conn)
    queued = [(stored, mailing.addresses(conn, stored)) for stored in find(conn, asked)]
    for stored, to in queued:
        deliveries.enqueue(conn, report=stored.id, to=to, now=moment.now, repeat_reason=mailing.reason, who=moment.who)
    return [(stored, address) for stored, to in queued for address in to]
