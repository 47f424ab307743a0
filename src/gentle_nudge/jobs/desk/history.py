"""History: the runs, or all that happened to one patron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.ledger import Line
from gentle_nudge.domain.report_row import ReportedDue
from gentle_nudge.domain.run import RecordedRun
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.sending.manage import DeliveryAttempts, tried
from gentle_nudge.koha.read.borrowers import number_of
from gentle_nudge.store import cases, deliveries, meta, runs

if TYPE_CHECKING:
    from sqlalchemy import Connection


LAST_RUNS = 60


BY_NUMBER = "number:"


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseHistory:
    """A case with the lines it began with, every due that was reported of it, and how these reports travelled.

    `travels`: report -> its deliveries (repeats too) with every try.
    """

    case: Case
    lines: tuple[Line, ...]
    dues: tuple[ReportedDue, ...]
    travels: Mapping[int, tuple[DeliveryAttempts, ...]]


def of_runs(conn: Connection) -> list[RecordedRun]:
    """The last runs, newest first."""
    meta.ready(conn)
    return runs.runs(conn, limit=LAST_RUNS)


def of_patron(conn: Connection, card: str) -> list[CaseHistory]:
    """Every case of a patron, oldest first; UserError if we know nothing of this card."""
    meta.ready(conn)
    return [_told(conn, case) for case in known_cases(conn, card)]


def _told(conn: Connection, case: Case) -> CaseHistory:
    dues = tuple(cases.dues_of(conn, case.id))
    travels = {due.report: tuple(tried(conn, deliveries.of_report(conn, due.report))) for due in dues}
    return CaseHistory(case=case, lines=cases.lines_of(conn, case.id), dues=dues, travels=travels)


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
