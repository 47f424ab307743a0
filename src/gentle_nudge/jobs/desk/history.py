"""History: the runs, or all that happened to one patron."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gentle_nudge.domain.case import Case
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.sending.manage import tried
from gentle_nudge.koha.read.borrowers import number_of
from gentle_nudge.store import cases, deliveries, meta, runs
from gentle_nudge.views.case_view import case_view, runs_view
from gentle_nudge.views.plain import View

LAST_RUNS = 60


BY_NUMBER = "number:"


def of_runs(conn: Connection) -> View:
    """The last runs, newest first."""
    meta.ready(conn)
    return runs_view(runs.runs(conn, limit=LAST_RUNS))


def of_patron(conn: Connection, card: str, zone: ZoneInfo) -> list[View]:
    """All that happened to every case of a patron, oldest first; UserError if we know nothing of this card."""
    meta.ready(conn)
    return [_history(conn, case, zone) for case in known_cases(conn, card)]


def _history(conn: Connection, case: Case, zone: ZoneInfo) -> View:
    dues = cases.dues_of(conn, case.id)
    tries = {due.report: list(tried(conn, deliveries.of_report(conn, due.report))) for due in dues}
    return case_view(case, lines=cases.lines_of(conn, case.id), dues=dues, deliveries=tries, zone=zone)


def known_cases(conn: Connection, card: str) -> list[Case]:
    """Every case of a patron, oldest first; UserError if there is none.

    A card is that of the patron who has it in Koha now; one that nobody has any more is looked up as last reported.
    """
    number = find_number(conn, card)
    found = cases.find(conn, card=card) if number is None else cases.find(conn, patron=number)
    if not found:
        raise UserError("We know nothing of this patron.", "A patron without a card is found as number:123.")
    return found


def is_number(card: str) -> bool:
    """Whether a patron is named by number instead of card."""
    return card.startswith(BY_NUMBER) and card.removeprefix(BY_NUMBER).isdecimal()


def find_number(conn: Connection, card: str) -> int | None:
    """The borrowernumber that `number:123` names, or of the patron who has this card in Koha now."""
    return int(card.removeprefix(BY_NUMBER)) if is_number(card) else number_of(conn, card)
