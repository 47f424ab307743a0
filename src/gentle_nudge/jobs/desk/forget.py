"""Forget: remove a person's name and card from our tables."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from gentle_nudge.domain.case import CaseState
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.find_patron import UNKNOWN, cases_of, numbers_of
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.sending.manage import copies
from gentle_nudge.store import cases, holds, meta, passports, reminder_series, report_files, review_lists, wishes
from gentle_nudge.views.case_view import Holding, forgotten_view
from gentle_nudge.views.plain import View


def forget(conn: Connection, library: Library, card: str, *, anyway: bool) -> View:
    """The patron's cases have no name and no card any more, the holds no note, and the wishes neither note nor reason.

    UserError if we know nothing of the patron, and if a case is open, unless it is wanted `anyway`.
    """
    meta.lock(conn)
    of_patron = cases_of(conn, card)
    numbers = numbers_of(conn, card, of_patron)
    ours = (wishes.of_patron, holds.of_patron, review_lists.with_patron, reminder_series.of_patron, passports.of_patron)
    if not of_patron and not any(rows_of(conn, each) for rows_of in ours for each in numbers):
        raise UserError(*UNKNOWN)
    if not anyway and any(case.state is CaseState.OPEN for case in of_patron):
        raise UserError(
            "A case of this patron is open: the next update would record name and card again. Nothing was done.",
            "First end it: gentle-nudge release CARD --reason TEXT. Or forget them until then: --anyway",
        )
    cases.forget_names(conn, [case.id for case in of_patron])
    wishes.forget(conn, numbers)
    holds.forget(conn, numbers)
    review_lists.forget(conn, numbers)
    reminder_series.forget(conn, numbers)
    passports.forget(conn, numbers)
    pages, reports = library.settings.staff.keep_days, library.settings.archive.keep_days
    holding = [
        Holding(
            file_name=stored.file_name,
            folders=tuple(copies(conn, stored)),
            kept_until=stored.day + timedelta(days=pages if stored.report.is_page else reports),
        )
        for stored in report_files.holding(conn, numbers)
    ]
    return forgotten_view(of_patron, holding)
