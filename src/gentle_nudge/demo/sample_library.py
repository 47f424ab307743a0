"""The sample library while it is played: its desk, and the product's own nights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property, partial
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from gentle_nudge.demo import demo_folder, founding
from gentle_nudge.demo.counter import Desk
from gentle_nudge.demo.roles import Sample
from gentle_nudge.demo.till import Entry
from gentle_nudge.domain.collections.plan import Plan
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import Channel, Delivery
from gentle_nudge.domain.reminders.plan import PlannedLetter
from gentle_nudge.jobs.desk.staff_pages import queue_pages
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.night.due import NightOptions
from gentle_nudge.jobs.night.nightly import nightly
from gentle_nudge.jobs.outcomes.nightly_copy import copy_outcomes
from gentle_nudge.jobs.reminders.remind import RemindOptions, remind_section
from gentle_nudge.jobs.reminders.reminded_sections import Reminding, reminded_sections
from gentle_nudge.jobs.sections import sections_of
from gentle_nudge.jobs.sending.deliver import deliver
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.setup.initialise import initialise
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.koha.connect.instance import instance
from gentle_nudge.settings import load

ZONE = ZoneInfo(founding.ZONE)
NIGHT = time(0, 30)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryStep:
    """One Sunday night, as the product made it: its plan, what was delivered, and the letters of reminders after it."""

    plan: Plan
    delivered: tuple[Delivery, ...]
    letters: tuple[PlannedLetter, ...]


@dataclass(frozen=True, kw_only=True)
class SampleLibrary:
    """A library whose weeks are counted back from the Sunday shown.

    `agency_alone`: only the agency hears of its nights, by e-mail; there are no copies, no pages and no reminders.
    """

    koha: Library
    shown: date
    agency_alone: bool = False

    @classmethod
    def found(cls, folder: Path, shown: date, cast: Mapping[int, Sample], *, weeks: int) -> SampleLibrary:
        """A library without patrons, but with Koha's tables and, so many weeks before the Sunday shown, ours.

        It is in this folder whatever the environment says, which must not lead to a real one.
        """
        settings = load(folder / demo_folder.CONFIG, environ={})
        here = instance(settings, environ={})
        koha = Library(settings=settings, instance=here, clock=lambda: datetime.combine(shown, NIGHT, here.zone))
        event.listen(koha.engine, "connect", _do_not_wait_for_the_disk)
        library = cls(koha=koha, shown=shown)
        library.at_the_desk(partial(founding.found_library, samples=cast))
        writing(koha.engine, partial(initialise, instance=here, now=library.moment(weeks).now))
        return library

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Its sections: one."""
        with read_only(self.koha.engine) as conn:
            (section,) = sections_of(conn, self.koha.settings)
        policy = replace(section.policy, copy_to=()) if self.agency_alone else section.policy
        return (replace(section, policy=policy),)

    @cached_property
    def reminding(self) -> Reminding:
        """Its section with its reminders."""
        with read_only(self.koha.engine) as conn:
            (reminding,) = reminded_sections(conn, self.koha.settings)
        return reminding

    @cached_property
    def outlets(self) -> Outlets:
        """Where its reports and pages go."""
        with read_only(self.koha.engine) as conn:
            outlets = self.koha.outlets(conn)
        mail = {Channel.EMAIL: outlets.by_channel[Channel.EMAIL]}
        return replace(outlets, by_channel=mail) if self.agency_alone else outlets

    def moment(self, weeks: int) -> Moment:
        """The night of the Sunday so many weeks before the one shown."""
        day = self.shown - timedelta(weeks=weeks)
        return Moment(day=day, now=datetime.combine(day, NIGHT, self.koha.zone), zone=self.koha.zone)

    def at_the_desk(self, happens: Callable[[Desk], None]) -> list[Entry]:
        """Let something happen at the desk; what it noted of it."""

        def work(conn: Connection) -> list[Entry]:
            desk = Desk(conn=conn, day=self.shown, zone=self.koha.zone)
            happens(desk)
            return desk.ledger

        return writing(self.koha.engine, work)

    def night(self, weeks: int) -> StoryStep:
        """The product's own night so many weeks before the Sunday shown, everything delivered."""
        engine, moment = self.koha.engine, self.moment(weeks)
        night = nightly(engine, self.sections, moment, outlets=self.outlets, options=NightOptions())
        for failure in night.failures.values():
            raise failure
        if not_copied := copy_outcomes(engine, [section.policy for section in self.sections], moment):
            raise not_copied
        delivered = deliver(engine, self.sections, self.outlets, lambda: moment.now)
        if not self.agency_alone and queue_pages(self.koha, self.outlets, self.sections, moment):
            deliver(engine, self.sections, self.outlets, lambda: moment.now)
        letters: tuple[PlannedLetter, ...] = ()
        if not self.agency_alone:
            letters = remind_section(engine, self.reminding, moment, RemindOptions()).letters
            self.at_the_desk(lambda desk: desk.send_letters())
        return StoryStep(plan=night.plans[self.sections[0].name], delivered=tuple(delivered.sent), letters=letters)


def _do_not_wait_for_the_disk(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()  # a demo that is lost is made again
    cursor.execute("PRAGMA synchronous = OFF")
    cursor.execute("PRAGMA journal_mode = MEMORY")
