"""The demo from beginning to end: a library is founded, a year goes by, two more Sundays, then the Sunday shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

from dateutil.relativedelta import SU, relativedelta

from gentle_nudge.demo import demo_folder, founding, year
from gentle_nudge.demo.counter import owing
from gentle_nudge.demo.people import FIRST_CARD
from gentle_nudge.demo.roles import Role, Sample
from gentle_nudge.demo.sample_library import SampleLibrary, StoryStep
from gentle_nudge.demo.weeks import go_by
from gentle_nudge.demo.year import Year
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.outcomes.answer import Question
from gentle_nudge.domain.reminders.levels import Remind
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.jobs.desk.list_pages import list_page
from gentle_nudge.jobs.desk.night_page import page_head
from gentle_nudge.jobs.desk.review_list import reviews
from gentle_nudge.jobs.desk.statement import statement, statement_file, statement_text
from gentle_nudge.jobs.night.preview import write_files
from gentle_nudge.jobs.outcomes.month_page import outcome_page
from gentle_nudge.jobs.outcomes.period import outcomes_of
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.reports.render import outcomes_name, page_name


@dataclass(frozen=True, kw_only=True)
class Story:
    """Everything that the demo tells.

    `samples` is the cast as it was before its first night, by number, `founded` what `counter.owing` says of that day,
    and `year` the one before it. `to_look_at` names the coming list, a patron's statement and the page of outcomes.
    """

    folder: Path
    was_there: bool
    section: Section
    remind: Remind
    samples: Mapping[int, Sample]
    year: Year | None
    founded: tuple[int, int, Decimal]
    chapters: tuple[StoryStep, ...]
    to_look_at: tuple[str, ...]

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


def play(folder: Path, day: date, *, with_year: bool = True) -> Story:
    """Make a sample library in this folder, with a year and three Sundays behind it, the last not after this day.

    Without the year only the cast is there. UserError, with nothing touched, if the folder holds anything else.
    """
    was_there = demo_folder.begin(folder)
    shown = sunday(day)
    samples = founding.patrons(shown)
    library = SampleLibrary.found(folder, shown, samples, weeks=year.FIRST if with_year else 2)
    past = _year(library, folder) if with_year else None
    library.at_the_desk(lambda desk: desk.register(samples))
    with read_only(library.koha.engine) as conn:
        founded = owing(conn)
    nights = []
    for week in (1, 0):
        nights.append(library.night(week + 1))
        library.at_the_desk(partial(go_by, samples=samples, week=week))
    nights.append(library.night(0))
    (payer,) = (number for number, sample in samples.items() if sample.role is Role.PAYS_A_PART)
    pages = _pages_to_look_at(library, str(FIRST_CARD + payer))
    write_files(folder / demo_folder.STAFF, ((name, [page.encode()]) for name, page in pages))
    return Story(
        folder=folder,
        was_there=was_there,
        samples=samples,
        year=past,
        founded=founded,
        chapters=tuple(nights),
        to_look_at=tuple(name for name, _ in pages),
        section=library.koha.settings.with_groups({})[0],
        remind=library.reminding.remind,
    )


def _year(library: SampleLibrary, folder: Path) -> Year:
    """The year has gone by, with its nights; only the agency heard of them, and its messages are put away."""
    debtors, then = year.debtors(library.shown), replace(library, agency_alone=True)
    ledger = then.at_the_desk(lambda desk: desk.register({debtor.number: debtor.sample for debtor in debtors}))
    then.night(year.FIRST)
    for week in range(year.FIRST, year.LAST, -1):
        ledger += then.at_the_desk(partial(year.go_by, debtors=debtors, week=week))
        then.night(week - 1)
    for message in (folder / demo_folder.MAIL / "new").iterdir():
        message.unlink()
    return Year(shown=library.shown, debtors=debtors, ledger=tuple(ledger))


def _pages_to_look_at(library: SampleLibrary, card: str) -> list[tuple[str, str]]:
    """The list of the Sunday to come, the statement of the patron with this card, and the outcomes of twelve months.

    Of each the name and the page.
    """
    koha, moment = library.koha, library.moment(0)
    month = moment.day.replace(day=1)
    with read_only(koha.engine) as conn:
        (coming,) = reviews(conn, library.sections, moment, moment.day + relativedelta(weeks=1))
        list_ = list_page(koha, page_head(conn), coming, moment.now, names=koha.settings.staff.names)
        owed = statement(conn, library.sections, card, moment)
        period = outcomes_of(conn, koha, Question(first=month - relativedelta(months=11), last=month), moment)
        outcomes = outcome_page(conn, koha, period, moment)
    return [
        (page_name(ReportKind.REVIEW, coming.for_day, coming.section.name), list_),
        (statement_file(owed, "html"), statement_text(koha, owed, moment.now, ending="html")),
        (outcomes_name(month), outcomes),
    ]
