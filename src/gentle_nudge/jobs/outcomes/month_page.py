"""The page of outcomes: of any months when asked for, and of the last twelve in the first night of each month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from dateutil.relativedelta import relativedelta
from sqlalchemy import Connection

from gentle_nudge.domain.collections.policy import GLOBAL, Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import Address
from gentle_nudge.domain.outcomes.answer import PeriodOutcomes, Question
from gentle_nudge.domain.outcomes.threshold_study import higher_thresholds, threshold_studies
from gentle_nudge.domain.outcomes.totals import By
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.outcomes.period import outcomes_of, rows_of
from gentle_nudge.jobs.sending.enqueue import Page, Run, queue_page
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.koha.read.administration import preferences
from gentle_nudge.reports.render import NAMELESS, one_line, outcomes_name
from gentle_nudge.store import meta, runs
from gentle_nudge.views.html import as_page
from gentle_nudge.views.outcome_view import outcome_page_view

A_MONTH, A_YEAR = relativedelta(months=1), relativedelta(months=12)
FURTHER: tuple[By, ...] = ("branch", "age")


def outcome_page(conn: Connection, library: Library, period: PeriodOutcomes, moment: Moment) -> str:
    """The page of these outcomes, which are by month; unless others were asked for, with some higher thresholds."""
    question, terms, today = period.question, library.settings.outcomes, moment.today
    if period.thresholds and not question.thresholds:
        in_force = period.thresholds[0].threshold
        studies = threshold_studies(period.finished, in_force, higher_thresholds(in_force), terms)
        period = replace(period, thresholds=tuple(studies))
    groups = {
        f"by_{by}": rows_of(conn, period.cases, replace(question, by=by), terms=terms, today=today) for by in FURTHER
    }
    return as_page(
        library.texts.render,
        "outcomes.html",
        outcome_page_view(period, groups, moment.zone),
        library_name=one_line(preferences(conn, ["LibraryName"])["LibraryName"]) or NAMELESS,
        made=moment.now.astimezone(library.zone),
    )


def queue_month_page(library: Library, outlets: Outlets, sections: Sequence[Section], moment: Moment) -> bool:
    """The first night of a month queues the page of the twelve months before it, of all sections; whether it did.

    The run of the page bears the first day of the month, so that it is made once.
    """
    first = moment.today.replace(day=1)
    whole = replace(sections[0], name=GLOBAL)  # the page is the library's, whether `global` is a section or not
    run, to = Run(section=whole, moment=moment, outlets=outlets), outlets.addresses(whole, ReportKind.OUTCOMES)
    if not to:
        return False
    with read_only(library.engine) as conn:
        if _is_made(conn, first):
            return False
        period = outcomes_of(conn, library, Question(first=first - A_YEAR, last=first - A_MONTH), moment)
        page = _page_of(period, outcome_page(conn, library, period, moment), run)
    return writing(library.engine, partial(_queue, run=run, page=page, to=to, first=first))


def _page_of(period: PeriodOutcomes, html: str, run: Run) -> Page:
    question, total = period.question, period.total
    body = run.outlets.texts.render(
        "mail-outcomes.txt",
        library=run.outlets.name_for(run.section),
        first=f"{question.first:%Y-%m}",
        last=f"{question.last:%Y-%m}",
        referred=total.recorded,
        paid=total.paid,
        returned=total.returned,
        began=period.began if period.begins_late else None,
    )
    name = outcomes_name(question.last)
    return Page(kind=ReportKind.OUTCOMES, day=question.last, file_name=name, content=html.encode(), body=body)


def _queue(conn: Connection, run: Run, page: Page, *, to: Sequence[Address], first: date) -> bool:
    meta.lock(conn)
    if _is_made(conn, first):
        return False
    queue_page(conn, run, page, to, made_on=first)
    return True


def _is_made(conn: Connection, first: date) -> bool:
    return first in runs.days(conn, [GLOBAL], ReportKind.OUTCOMES)
