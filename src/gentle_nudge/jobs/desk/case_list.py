"""Cases: list them, or move them to another section."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from sqlalchemy import Connection

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.hold import Hold
from gentle_nudge.domain.ledger import Ownership
from gentle_nudge.domain.outbox import UNDELIVERED, DeliveryState
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.patrons.evidence import case_facts
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.koha.read import accountlines, borrowers
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import cases, deliveries, holds, meta
from gentle_nudge.store.cases import Moved


def listed(
    conn: Connection, *, states: Collection[CaseState], month: date | None, sections: Collection[str] | None
) -> list[Case]:
    """The cases in these states (none: all), referred in the month of this day, of these sections (None: all)."""
    meta.ready(conn)
    referred = (month.replace(day=1), month + relativedelta(day=31)) if month else None
    return cases.listed(conn, states=states, referred=referred, sections=sections)


def present_balances(
    conn: Connection, listed: Iterable[Case], sections: tuple[Section, ...], *, whole_accounts: bool
) -> dict[int, Decimal]:
    """What the section's charges of each open case sum up to today, by id of the case; read a thousand at a time.

    The account is that of the patron, or of the heir if cards were merged since. While the settings are incomplete
    `sections` is empty; then only whole accounts can be told, of libraries where all charges are one section's.
    """
    open_ones = [case for case in listed if case.state is CaseState.OPEN]
    if not sections and whole_accounts:
        balances = accountlines.balances(conn, Ownership(), {case.patron for case in open_ones if case.patron})
        return {case.id: balances[case.patron] for case in open_ones if case.patron}
    now: dict[int, Decimal] = {}
    for section in sections:
        of_section = [case for case in open_ones if case.section in section.may_end]
        records = read_records(conn, section) if of_section else SectionRecords()
        for chunk in a_thousand_at_a_time(of_section):
            now |= {facts.case.id: facts.balance for facts in case_facts(conn, section, records, chunk)}
    return now


def held_until(conn: Connection, listed: Iterable[Case]) -> dict[int, date | None]:
    """Until when the patron of each open case is on hold, by id of the case; None: without a last day."""
    by_patron: defaultdict[int | None, list[Hold]] = defaultdict(list)
    for hold in holds.open_holds(conn):
        by_patron[hold.patron].append(hold)
    until: dict[int, date | None] = {}
    for case in listed:
        ends = [hold.until for hold in by_patron[case.patron] if hold.section in {None, case.section}]
        if ends and case.state is CaseState.OPEN:
            until[case.id] = None if None in ends else max(filter(None, ends))
    return until


def move(conn: Connection, library: Library, sections: tuple[Section, ...], *, old: str, new: str) -> Moved:
    """The section `new` has the open cases of `old`; if a patron has an open case in both, the case in `old` stays.

    It has the last words that wait there, too. Waiting updates of `old` are superseded: the next ones of both sections
    tell of everybody in them, and an older balance of a moved case cannot follow a newer one. UserError if one is being
    sent, if the settings have no section `new`, if nothing moves, and if `new` uses another flag field. While the
    settings are incomplete, `sections` is empty.
    """
    meta.lock(conn)
    ((name, *_),) = library.families_of([new])
    moving = list(cases.open_cases(conn, [old]))
    if not moving and not cases.waiting(conn, [old]):
        raise UserError(f"Section {old} has no open case.", "gentle-nudge cases --state open shows every one.")
    for section in sections:
        if section.name == name:
            _refuse_another_flag(conn, moving, section)
    waiting = [each for each in deliveries.by_state(conn, *UNDELIVERED) if each.section == old and each.keeps_order]
    if any(each.state is DeliveryState.SENDING for each in waiting):
        raise UserError(f"A report of section {old} is being sent.", "Try again in half an hour at the latest.")
    deliveries.set_aside(conn, [each.id for each in waiting], library.clock())
    return cases.move(conn, old=old, new=name)


def _refuse_another_flag(conn: Connection, moving: Sequence[Case], target: Section) -> None:
    """UserError if most of these patrons have no flag in the section's field: the night would withdraw them."""
    flagged = borrowers.flagged(conn, target.policy.flag)
    without = sum(case.patron not in flagged for case in moving)
    if without * 2 > len(moving):
        raise UserError(
            f"Of {counted(len(moving), 'patron')} {counted(without, 'has', 'have')} no flag in {target.policy.flag}, "
            f"the field of section {target.name}: after the move they would look as if staff had taken the flag off.",
            f"Give section {target.name} the flag field of the section it takes over from.",
        )
