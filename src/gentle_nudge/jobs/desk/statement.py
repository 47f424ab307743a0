"""Statement: what a patron owes and why, for the patron; it reads only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.case_outcome import is_somebody_else
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.collections.statement import Statement, statement_rows
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.patron import Patron, age, known_birth
from gentle_nudge.domain.report_row import ReportedDue, ReportKind
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.case_list import held_until
from gentle_nudge.jobs.desk.find_patron import known_cases
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.sections import section_for
from gentle_nudge.koha.read import account_offsets, administration, borrowers
from gentle_nudge.koha.read.account_offsets import IsNew
from gentle_nudge.reports.read_back import GIVEN, read_given
from gentle_nudge.store import cases, report_files
from gentle_nudge.views.html import as_page
from gentle_nudge.views.statement_view import statement_view

ADOPTED_GIVEN = ("name", "card", "amount")  # an update has no more columns


def statement(
    conn: Connection,
    sections: tuple[Section, ...],
    card: str,
    moment: Moment,
    *,
    case_number: int | None = None,
    titles: bool = False,
) -> Statement:
    """The statement of a patron's case: of this number, else of the latest open one, else of the latest.

    UserError if the patron has no case, or none of this number.
    """
    case = _chosen(known_cases(conn, card), case_number)
    section = section_for(case.section, sections)
    patron = _patron(conn, section.policy, case)
    told, recorded = cases.dues_of(conn, case.id), cases.lines_of(conn, case.id)
    is_new = _made_since(case, told)
    account = account_offsets.whole_account(conn, patron.number, moment.zone, is_new) if patron else ()
    made_since = [line.id for line in account if line.is_new and line.amount < 0 and not line.voided]
    rows = statement_rows(case, recorded, account, account_offsets.paid_by(conn, made_since))
    lines = [row.line for row in rows if row.line is not None]
    return Statement(
        library=administration.preferences(conn, ["LibraryName"])["LibraryName"] if section.is_global else section.name,
        day=moment.day,
        case=case,
        card=patron.card if patron else case.card,
        older_than_days=(moment.day - section.policy.window(moment.day).last).days,
        given=_given(conn, section.policy, case, patron),
        told=tuple(told),
        rows=rows,
        names=administration.debit_type_names(conn),
        titles=account_offsets.titles(conn, lines) if titles else {},
        paused_until=held_until(conn, [case]).get(case.id) if case.paused_on else None,
    )


def statement_text(library: Library, made: Statement, now: datetime, *, ending: str) -> str:
    """The statement as a page (`html`) or as a letter in plain text (`txt`)."""
    beside = {"library_name": made.library, "made": now, "names": False}
    return as_page(library.texts.render, f"statement.{ending}", statement_view(made), **beside)


def statement_file(made: Statement, ending: str) -> str:
    """The name of its file; no card and no name is in it."""
    return f"statement-{made.case.id}-{made.day}.{ending}"


def _chosen(of_patron: list[Case], number: int | None) -> Case:
    if number is None:
        return next((case for case in reversed(of_patron) if case.state is CaseState.OPEN), of_patron[-1])
    for case in of_patron:
        if case.id == number:
            return case
    known = ", ".join(str(case.id) for case in of_patron)
    raise UserError(f"This patron has no case {number}.", f"Of this patron there is: {known}")


def _patron(conn: Connection, policy: Policy, case: Case) -> Patron | None:
    """Whom the case follows, as Koha has them; None if they are gone, also if somebody else has the number now."""
    patron = borrowers.patrons(conn, policy.patron_fields, filter(None, [case.patron])).get(case.patron or 0)
    return None if patron is None or is_somebody_else(case, patron) else patron


def _made_since(case: Case, told: Sequence[ReportedDue]) -> IsNew:
    """Whether a line was made after the referral: its number is above the fee's, or without a fee by its instant."""
    begun = told[0].at if told else None

    def is_new(line: int, at: datetime | None) -> bool:
        if case.fee_line is not None:
            return line > case.fee_line
        return begun is not None and at is not None and at >= begun

    return is_new


def _given(conn: Connection, policy: Policy, case: Case, patron: Patron | None) -> tuple[str, ...]:
    """What the agency was given, by the file of the submission; all it may hold if the file is no longer kept."""
    if case.adopted or case.referred_on is None:
        return ADOPTED_GIVEN
    for stored in report_files.of_runs(conn, [case.opened_run] if case.opened_run else []):
        fields = read_given(b"".join(report_files.content(conn, stored.id)), case.number or 0)
        if stored.report is ReportKind.SUBMISSION and fields:
            return fields
    born = known_birth(patron.born, case.referred_on) if patron else None
    minor = born is not None and age(born, case.referred_on) < policy.adult_age
    with_guardian = policy.minors == "guardian" and minor
    return tuple(field for field in GIVEN if field != "guardian" or with_guardian)
