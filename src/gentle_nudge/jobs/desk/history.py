"""History: the last runs, or everything that happened to one patron."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from sqlalchemy import Connection

from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.run import RecordedRun
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.find_patron import UNKNOWN, cases_of, numbers_of
from gentle_nudge.jobs.sending.manage import tried
from gentle_nudge.store import cases, deliveries, holds, meta, review_lists, runs
from gentle_nudge.views.case_view import case_view, runs_view
from gentle_nudge.views.hold_view import KeptBack, for_people, for_programs
from gentle_nudge.views.plain import Part, View, figures, notes

LAST_RUNS = 60
A_WEEK = timedelta(days=7)


def of_runs(
    conn: Connection,
    *,
    today: date,
    month: date | None = None,
    since: date | None = None,
    sections: Collection[str] | None = None,
) -> View:
    """The runs of a month, or since a day, else the last ones; newest first, of these sections (None: all)."""
    meta.ready(conn)
    first, last = month.replace(day=1) if month else since, month + relativedelta(day=31) if month else today
    limit = None if first else LAST_RUNS
    made = runs.runs(conn, first=first, last=last if month else None, sections=sections, limit=limit)
    made = list(_with_reasons(conn, made))
    return runs_view(made, since=first or min((run.day for run in made), default=None), until=last)


def _with_reasons(conn: Connection, made: Iterable[RecordedRun]) -> Iterator[RecordedRun]:
    """The runs, those of submissions with the reason if a list kept everybody out of them."""
    lists = review_lists.refused(conn)
    for run in made:
        is_empty = run.report is ReportKind.SUBMISSION and not run.counts["patrons"]
        week = (each for each in lists if is_empty and each.section == run.section)
        reasons = [each.reason for each in week if each.for_day <= run.day < each.for_day + A_WEEK]
        yield replace(run, reason=reasons[-1]) if reasons else run


def of_patron(conn: Connection, card: str, zone: ZoneInfo) -> list[View]:
    """Everything that happened to each case of a patron, oldest first, then all holds and lists.

    UserError if the patron has neither.
    """
    meta.ready(conn)
    of_patron = cases_of(conn, card)
    numbers = numbers_of(conn, card, of_patron)
    kept_back = KeptBack(
        holds=[hold for each in numbers for hold in holds.of_patron(conn, each)],
        lists=[place for each in numbers for place in review_lists.with_patron(conn, each)],
    )
    parts: list[list[Part]] = []
    for case in of_patron:
        dues, lines = cases.dues_of(conn, case.id), cases.lines_of(conn, case.id)
        pauses = cases.pauses_of(conn, case.id)
        attempts = {due.report: list(tried(conn, deliveries.of_report(conn, due.report))) for due in dues}
        view = case_view(case, lines=lines, dues=dues, pauses=pauses, deliveries=attempts, zone=zone)
        parts.append([*view.parts, *for_programs(kept_back.of_section(case.section), zone)])
    if not of_patron:
        if not (kept_back.holds or kept_back.lists):
            raise UserError(*UNKNOWN)
        without = notes(f"Patron {numbers[0]} was never in collections.")
        parts.append([*figures(case=None, number=numbers[0]), *without, *for_programs(kept_back, zone)])
    parts[-1] += for_people(kept_back, zone)
    return [View(parts=each) for each in parts]
