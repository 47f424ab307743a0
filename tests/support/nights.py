"""A library whose nights a test runs in its own process, by the same functions as the command."""

import csv
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from gentle_nudge.delivery.maildir import MaildirOutlet
from gentle_nudge.delivery.message import Letterhead
from gentle_nudge.domain.collections.plan import Plan
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import Channel
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.jobs.identity import note_here
from gentle_nudge.jobs.night.due import NightOptions
from gentle_nudge.jobs.night.nightly import Night, decide, nightly
from gentle_nudge.jobs.night.sync_report import sync
from gentle_nudge.jobs.patrons.shared_reads import SharedReads
from gentle_nudge.jobs.sections import sharing_flags
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.setup.initialise import initialise
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.koha.connect.engine import engine
from gentle_nudge.koha.connect.instance import Instance
from gentle_nudge.store import report_files
from gentle_nudge.store.meta import read_meta
from gentle_nudge.store.tables import metadata
from tests.builders import values
from tests.builders.days import SUNDAY, ZONE
from tests.support.koha import KohaDatabase

LETTERHEAD = Letterhead(sender="koha@library.example", instance="test")
OUTLETS = Outlets(
    library="Springfield Public Library",
    by_channel={Channel.EMAIL: MaildirOutlet(folder=Path("/nowhere/mail"), letterhead=LETTERHEAD)},
)


def a_policy(**rules: Any) -> Policy:
    """The policy most nights start from: that of the rules' tests, and somebody is sent the reports."""
    return values.a_policy(**{"send_to": ("reports@agency.example",), **rules})


class Nights:
    """The nights of one library; `section` may be exchanged between them."""

    def __init__(self, koha: KohaDatabase, *sections: Section, zone: ZoneInfo = ZONE, **rules: Any) -> None:
        self.koha = koha
        self.zone = zone
        self.sections = sharing_flags(sections or (Section(policy=a_policy(**rules)),))
        self.outlets = OUTLETS
        self.instance = Instance(url=koha.engine.url, zone=zone, machine="test")
        self.engine: Engine = engine(self.instance)
        with self.engine.begin() as conn:
            if koha.own_tables() == sorted(metadata.tables) and read_meta(conn) is None:
                note_here(conn, self.instance, self.at(SUNDAY).now)  # our tables need not be looked through
            else:
                initialise(conn, self.instance, self.at(SUNDAY).now)

    def at(self, day: date, hour: int = 4) -> Moment:
        """The small hours of a day."""
        now = datetime.combine(day, time(hour), tzinfo=self.zone).astimezone(UTC)
        return Moment(day=day, now=now, zone=self.zone)

    def renew_engine(self) -> None:
        """The connections are those of this process alone (after a fork)."""
        self.engine = engine(self.instance)

    def change(self, **rules: Any) -> None:
        """From now on other rules hold, in every section."""
        self.sections = tuple(replace(s, policy=replace(s.policy, **rules)) for s in self.sections)

    def night(self, day: date = SUNDAY, *, delivered: bool = True, **options: Any) -> Night:
        """One night; what it queued counts as delivered unless told otherwise."""
        night = nightly(self.engine, self.sections, self.at(day), outlets=self.outlets, options=NightOptions(**options))
        if delivered:
            self.koha.execute("UPDATE gentle_nudge_delivery SET state = 'sent' WHERE state = 'due'")
        return night

    def good_night(self, day: date = SUNDAY, **options: Any) -> Plan:
        """One night in which nothing goes wrong; the plan of its only section."""
        night = self.night(day, **options)
        assert night.went_well, (night.failures, [plan.refusals for plan in night.plans.values()])
        return next(iter(night.plans.values()))

    def dry_run(self, day: date = SUNDAY, **limits: Any) -> Plan | None:
        """What the night of the first section would do."""
        moment, options = self.at(day), NightOptions(dry_run=True, **limits)
        plan = decide(self.engine, self.sections[0], moment, options, shared=SharedReads(self.sections, moment))
        return plan if plan.has_work else None

    def sync(self, day: date = SUNDAY) -> None:
        """One sync of every section."""
        for section in self.sections:
            writing(self.engine, partial(sync, section=section, moment=self.at(day), outlets=self.outlets))

    def stored(
        self, report: ReportKind, day: date = SUNDAY, section: str = "global", number: int | None = None
    ) -> bytes:
        """The bytes of a stored report."""
        with read_only(self.engine) as conn:
            of_day = report_files.find(conn, report=report, day=day, sections=[section])
            (found,) = (each for each in of_day if number in {None, each.number})
            return b"".join(report_files.content(conn, found.id))

    def rows(
        self, report: ReportKind, day: date = SUNDAY, section: str = "global", number: int | None = None
    ) -> list[dict[str, str]]:
        """The rows of a stored report."""
        return rows_of(self.stored(report, day, section, number))

    def dues(self, day: date = SUNDAY, section: str = "global") -> dict[int, str]:
        """What the update of a day says: borrowernumber -> due."""
        return {int(row["borrowernumber"]): row["Due"] for row in self.rows(ReportKind.UPDATE, day, section)}

    def referred(self, day: date = SUNDAY, section: str = "global") -> set[int]:
        """The borrowernumbers in the submission of a day."""
        return {int(row["borrowernumber"]) for row in self.rows(ReportKind.SUBMISSION, day, section)}

    def states(self) -> dict[int, str]:
        """The state of each patron's latest case, by the number first reported."""
        found = self.koha.query("SELECT number, state FROM gentle_nudge_case ORDER BY id")
        return {row["number"]: row["state"] for row in found}

    def open_patrons(self) -> set[int]:
        """The patrons with an open case."""
        found = self.koha.query("SELECT patron FROM gentle_nudge_case WHERE state = 'open'")
        return {row["patron"] for row in found}


def rows_of(content: bytes) -> list[dict[str, str]]:
    """A report read back; the sentence of an empty one is no row."""
    lines = content.decode().split("\n")
    if lines[0] == "No qualifying records":
        return []
    return list(csv.DictReader(_whole(content)))


def _whole(content: bytes) -> Iterable[str]:
    return content.decode().splitlines(keepends=True)


def snapshot(koha: KohaDatabase) -> dict[str, list[dict[str, Any]]]:
    """Everything in every table, to see that nothing changed."""
    names = [
        row["name"]
        for row in koha.query(
            "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()"
        )
    ]
    return {name: koha.query(f"SELECT * FROM `{name}`") for name in sorted(names)}
