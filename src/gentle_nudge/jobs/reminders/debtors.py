"""The patrons whom a section's reminders look at, with everything that the rules ask about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords, hold_of
from gentle_nudge.domain.ledger import LineRules, OurFee, OwedLine, Window
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.patron import FlagState, Patron, flag_state
from gentle_nudge.domain.reminders.debt import debt_of
from gentle_nudge.domain.reminders.series import Debtor, Series
from gentle_nudge.jobs.patrons.accounts import ownership_of, with_facts
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.jobs.reminders.reminded_sections import Reminding
from gentle_nudge.koha.read import accountlines, borrowers, debarments, message_queue, owed_lines
from gentle_nudge.store import reminder_series

GONE = ("gone", "")


@dataclass(frozen=True, kw_only=True)
class Debtors:
    """Those looked at; `blocked` are the series, open or not, whose restriction has not been lifted.

    The `patron` of a blocked series is who has the restriction now: of a merged card its heir.
    `news`: what became of messages, by their number.
    """

    by_number: Mapping[int, Debtor]
    blocked: tuple[Series, ...] = ()
    news: Mapping[int, tuple[str, str]] = field(default_factory=dict)


def read_debtors(
    conn: Connection,
    reminding: Reminding,
    moment: Moment,
    numbers: Collection[int] | None = None,
    *,
    lock: bool = False,
) -> Debtors:
    """These patrons (None: all who have a series or owe the minimum) with their debts; `lock` locks them and it."""
    section, remind = reminding.section, reminding.remind
    records = read_records(conn, section)
    news = _news(conn, reminder_series.followed(conn, section.names)) if records.is_any else {}
    current = reminder_series.current(conn, section.names, news) if records.is_any else []
    blocked = _blocked(conn, current)
    going_on = [series for series in current if series.is_open]
    if numbers is None:
        ownership = ownership_of(conn, section, records, ())
        with_series = (series.patron for series in (*going_on, *blocked))
        numbers = {*with_series, *owed_lines.debtors(conn, ownership, remind.minimum)}
    patrons = borrowers.patrons(conn, section.policy.patron_fields, numbers, lock=lock)
    if lock:
        accountlines.lock_lines(conn, patrons)
    lines = _lines(conn, reminding, records, moment=moment, patrons=patrons.values())
    stopped = reminder_series.stopped_on(conn, section.names, numbers) if records.is_any else {}
    open_series = {series.patron: series for series in going_on if series.patron in numbers}
    blocked = tuple(series for series in blocked if series.patron in numbers)
    by_number = {}
    for number in sorted(numbers):
        debtor = Debtor(
            number=number,
            section=section.name,
            patron=patrons.get(number),
            debt=debt_of(lines.get(number, ()), remind, moment.day, stopped.get(number)),
            series=open_series.get(number),
        )
        by_number[number] = _as_it_stands(debtor, section, records, moment)
    ours = {series.patron for series in (*going_on, *blocked)}
    looked_at = {number: each for number, each in by_number.items() if number in ours or (each.patron and each.is_here)}
    return Debtors(by_number=looked_at, blocked=blocked, news=news)


def _blocked(conn: Connection, current: Iterable[Series]) -> tuple[Series, ...]:
    """The series whose restriction has not been lifted, each as a series of the patron who has it now."""
    blocked = [series for series in current if series.has_restriction]
    holders = debarments.holders(conn, [series.restriction for series in blocked if series.restriction])
    return tuple(replace(series, patron=holders.get(series.restriction or 0, series.patron)) for series in blocked)


def _as_it_stands(debtor: Debtor, section: Section, records: SectionRecords, moment: Moment) -> Debtor:
    """The debtor with where the patron belongs, and whether in collections, exempt, or on hold."""
    patron, policy = debtor.patron, section.policy
    if patron is None:
        return debtor
    ours = records.of(patron.number)
    return replace(
        debtor,
        is_here=section.charges_by != "patron" or section.scope.holds(patron.branch),
        is_in_collections=ours.has_case(section) or ours.is_held(section) or patron.is_flagged,
        is_exempt=policy.exemption is not None and flag_state(patron.exemption) is not FlagState.NO,
        is_on_hold=hold_of(patron, ours, moment.day) is not None,
    )


def _lines(
    conn: Connection, reminding: Reminding, records: SectionRecords, *, moment: Moment, patrons: Collection[Patron]
) -> dict[int, tuple[OwedLine, ...]]:
    """What these patrons owe the section, line by line, whatever its age."""
    policy, numbers = reminding.section.policy, [patron.number for patron in patrons]
    rules = LineRules(
        window=Window(first=moment.day, last=moment.day),
        zone=moment.zone,
        excluded_debit_types=reminding.remind.excluded_debit_types,
        excluded_fee=OurFee(debit_type=policy.fee_debit_type, description=policy.fee_description),
        withdrawn=records.withdrawn,
        withdrawn_count=policy.refer_withdrawn_charges,
        leaves_out_claimed=policy.claims_returned == "leave_out",
    )
    ownership = ownership_of(conn, reminding.section, records, numbers)
    return owed_lines.owed_lines(conn, with_facts(conn, rules, patrons), ownership, numbers)


def _news(conn: Connection, followed: Mapping[int, tuple[int, str]]) -> dict[int, tuple[str, str]]:
    """What became of the messages that waited or had failed when we last looked, if it is something else.

    Koha cleans up what it has sent, and what failed long ago.
    """
    now = message_queue.states(conn, {message: patron for message, (patron, _) in followed.items()})
    gone = {message: GONE for message, (_, before) in followed.items() if before == reminder_series.WAITS}
    return {message: news for message, news in (gone | now).items() if news[0] != followed[message][1]}
