"""History: the last runs, or everything that happened to one patron."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from sqlalchemy import Connection

from gentle_nudge.domain.case import Case
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.sending.manage import tried
from gentle_nudge.koha.read.borrowers import number_of, used_before
from gentle_nudge.store import cases, deliveries, meta, runs
from gentle_nudge.views.case_view import case_view, runs_view
from gentle_nudge.views.plain import View

LAST_RUNS = 60
BY_NUMBER = "number:"


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
    return runs_view(made, since=first or min((run.day for run in made), default=None), until=last)


def of_patron(conn: Connection, card: str, zone: ZoneInfo) -> list[View]:
    """Everything that happened to each case of a patron, oldest first; UserError if the patron has no case."""
    meta.ready(conn)
    views = []
    for case in known_cases(conn, card):
        dues, lines = cases.dues_of(conn, case.id), cases.lines_of(conn, case.id)
        attempts = {due.report: list(tried(conn, deliveries.of_report(conn, due.report))) for due in dues}
        views.append(case_view(case, lines=lines, dues=dues, deliveries=attempts, zone=zone))
    return views


def known_cases(conn: Connection, card: str) -> list[Case]:
    """Every case of a patron, oldest first; UserError if there is none.

    The patron is the one who has the card in Koha now; if nobody has it, the one last reported with it. Cases of
    somebody who had the same number before are found by the number alone.
    """
    number = find_number(conn, card)
    of_patron = cases.find(conn, card=card) if number is None else cases.find(conn, patron=number)
    if number is not None and not card.startswith(BY_NUMBER):
        before = used_before(conn, [number]).get(number, 0)
        of_patron = [case for case in of_patron if case.used_before >= before]
    if not of_patron:
        raise UserError("We know nothing of this patron.", "A patron without a card is found as number:123.")
    return of_patron


def find_number(conn: Connection, card: str) -> int | None:
    """The borrowernumber: 123 for `number:123`, else that of the patron who has this card in Koha now."""
    number = card.removeprefix(BY_NUMBER)
    return int(number) if number != card and number.isdecimal() else number_of(conn, card)
