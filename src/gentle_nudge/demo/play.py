"""The demo from beginning to end: a library is founded, two Sundays and two weeks go by, then the Sunday shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from dateutil.relativedelta import SU, relativedelta
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from gentle_nudge.demo import demo_folder, founding
from gentle_nudge.demo.counter import Desk, owing
from gentle_nudge.demo.people import FIRST_CARD
from gentle_nudge.demo.roles import Role, Sample
from gentle_nudge.demo.weeks import go_by
from gentle_nudge.domain.collections.plan import Plan
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import Delivery
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.jobs.desk.list_pages import list_page
from gentle_nudge.jobs.desk.night_page import page_head
from gentle_nudge.jobs.desk.review_list import reviews
from gentle_nudge.jobs.desk.staff_pages import queue_pages
from gentle_nudge.jobs.desk.statement import statement, statement_file, statement_text
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.night.due import NightOptions
from gentle_nudge.jobs.night.nightly import nightly
from gentle_nudge.jobs.night.preview import write_files
from gentle_nudge.jobs.outcomes.nightly_copy import copy_outcomes
from gentle_nudge.jobs.sections import sections_of
from gentle_nudge.jobs.sending.deliver import deliver
from gentle_nudge.jobs.setup.initialise import initialise
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.koha.connect.instance import instance
from gentle_nudge.reports.render import page_name
from gentle_nudge.settings import load

ZONE = ZoneInfo(founding.ZONE)
NIGHT = time(0, 30)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryStep:
    """One Sunday night, as the product made it: its plan, and what was delivered."""

    plan: Plan
    delivered: tuple[Delivery, ...]


@dataclass(frozen=True, kw_only=True)
class Story:
    """Everything that the demo tells.

    `samples` are the patrons as they were before the first night, by number; `to_look_at` names the page of the coming
    list and a patron's statement.
    """

    folder: Path
    was_there: bool
    section: Section
    samples: Mapping[int, Sample]
    founded: tuple[int, Decimal]
    chapters: tuple[StoryStep, ...]
    to_look_at: tuple[str, str]

    @property
    def tonight(self) -> StoryStep:
        """The Sunday shown."""
        return self.chapters[-1]

    def those_who(self, role: Role) -> list[int]:
        """The numbers of the patrons with this part, in order."""
        return [number for number, sample in self.samples.items() if sample.role is role]


def sunday(day: date) -> date:
    """The latest Sunday not after this day."""
    return day + relativedelta(weekday=SU(-1))


def play(folder: Path, day: date) -> Story:
    """Make a sample library in this folder, with three Sunday nights behind it, the last of them not after this day.

    UserError, with nothing touched, if the folder holds anything else.
    """
    was_there = demo_folder.begin(folder)
    shown = sunday(day)
    koha = _library(folder, shown)
    samples = founding.patrons(shown)
    _at_the_desk(koha, shown, partial(founding.found_library, samples=samples))
    with read_only(koha.engine) as conn:
        founded = owing(conn)
    nights = []
    for week in (1, 0):
        nights.append(_night(koha, shown - timedelta(weeks=week + 1)))
        _at_the_desk(koha, shown, partial(go_by, samples=samples, week=week))
    nights.append(_night(koha, shown))
    (payer,) = (number for number, sample in samples.items() if sample.role is Role.PAYS_A_PART)
    pages = _pages_to_look_at(koha, shown, str(FIRST_CARD + payer))
    write_files(folder / demo_folder.STAFF, ((name, [page.encode()]) for name, page in pages))
    return Story(
        folder=folder,
        was_there=was_there,
        samples=samples,
        founded=founded,
        chapters=tuple(nights),
        to_look_at=(pages[0][0], pages[1][0]),
        section=koha.settings.with_groups({})[0],
    )


def _library(folder: Path, shown: date) -> Library:
    """The sample library, whatever the environment says: it must not lead to a real one."""
    settings = load(folder / demo_folder.CONFIG, environ={})
    here = instance(settings, environ={})
    koha = Library(settings=settings, instance=here, clock=lambda: datetime.combine(shown, NIGHT, here.zone))

    def do_not_wait_for_the_disk(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.cursor().execute("PRAGMA synchronous = OFF")  # a demo that is lost is made again

    event.listen(koha.engine, "connect", do_not_wait_for_the_disk)
    return koha


def _at_the_desk(koha: Library, shown: date, happens: Callable[[Desk], None]) -> None:
    writing(koha.engine, lambda conn: happens(Desk(conn=conn, day=shown, zone=koha.zone)))


def _night(koha: Library, day: date) -> StoryStep:
    """The product's own night of that Sunday, everything delivered; our tables are made on the first."""
    now = datetime.combine(day, NIGHT, koha.zone)
    writing(koha.engine, partial(initialise, instance=koha.instance, now=now))
    with read_only(koha.engine) as conn:
        sections, outlets = sections_of(conn, koha.settings), koha.outlets(conn)
    moment = Moment(day=day, now=now, zone=koha.zone)
    night = nightly(koha.engine, sections, moment, outlets=outlets, options=NightOptions())
    for failure in night.failures.values():
        raise failure
    if not_copied := copy_outcomes(koha.engine, [section.policy for section in sections], moment):
        raise not_copied
    delivered = deliver(koha.engine, sections, outlets, lambda: now)
    if queue_pages(koha, outlets, sections, moment):
        deliver(koha.engine, sections, outlets, lambda: now)
    return StoryStep(plan=night.plans[sections[0].name], delivered=tuple(delivered.sent))


def _pages_to_look_at(koha: Library, day: date, card: str) -> list[tuple[str, str]]:
    """The list of the Sunday to come, and the statement of the patron with this card: the name and the page of each."""
    now = datetime.combine(day, NIGHT, koha.zone)
    moment = Moment(day=day, now=now, zone=koha.zone)
    with read_only(koha.engine) as conn:
        sections = sections_of(conn, koha.settings)
        (coming,) = reviews(conn, sections, moment, day + timedelta(weeks=1))
        list_ = list_page(koha, page_head(conn), coming, now, names=koha.settings.staff.names)
        owed = statement(conn, sections, card, moment)
    return [
        (page_name(ReportKind.REVIEW, coming.for_day, coming.section.name), list_),
        (statement_file(owed, "html"), statement_text(koha, owed, now, ending="html")),
    ]
