"""Series with what became of their letters, today's verdicts, the list of letters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.reminders.levels import Remind
from gentle_nudge.domain.reminders.series import Debtor, SeriesState, judge
from gentle_nudge.jobs.reminders.compose import compose, stationery
from gentle_nudge.jobs.reminders.debtors import read_debtors
from gentle_nudge.jobs.reminders.reminded_sections import Reminding
from gentle_nudge.koha.read import borrowers
from gentle_nudge.store import meta, reminder_series
from gentle_nudge.views.reminder_view import SentLetter, ShownSeries, Today


def series_of(
    conn: Connection,
    sections: Sequence[Reminding],
    moment: Moment,
    *,
    number: int | None,
    state: SeriesState | None,
    names: Collection[str] | None,
) -> list[ShownSeries]:
    """The series in this state (None: in any) of one patron, or of all, with what is owed of the open ones."""
    meta.ready(conn)
    found = (
        reminder_series.in_state(conn, state, names)
        if number is None
        else reminder_series.of_patrons(conn, [number], names)
    )
    series = [each for each in found if state is None or each.state is state]
    cards = borrowers.cards(conn, {each.patron for each in series})
    shown = {each.id: ShownSeries(series=each, card=cards.get(each.patron)) for each in series}
    for reminding in sections:
        of_section = [each for each in series if each.is_open and each.section in reminding.section.names]
        debtors = read_debtors(conn, reminding, moment, {each.patron for each in of_section})
        for each in of_section:
            shown[each.id] = _with_sums(shown[each.id], debtors.by_number[each.patron], reminding.remind, moment.day)
    return list(shown.values())


def _with_sums(shown: ShownSeries, debtor: Debtor, remind: Remind, day: date) -> ShownSeries:
    """The open series with what comes next and what is owed."""
    verdict = judge(debtor, remind, day)
    return replace(
        shown,
        series=debtor.series or shown.series,
        next_level=verdict.level,
        next_on=verdict.due_on,
        charges=debtor.debt.charges,
        fees=debtor.debt.owing_fees,
    )


def today_of(conn: Connection, sections: Sequence[Reminding], moment: Moment, number: int) -> Iterator[Today]:
    """Each section's verdict about the patron, if it has anything to say."""
    for reminding in sections:
        debtor = read_debtors(conn, reminding, moment, {number}).by_number.get(number)
        if debtor is None:
            continue
        verdict = judge(debtor, reminding.remind, moment.day)
        reason = verdict.reason
        if reason is None:
            paper = stationery(conn, reminding, moment)
            reason = compose(conn, paper, [(debtor, verdict)]).held.get(number)
        yield Today(
            section=reminding.section.name,
            reason=reason,
            level=verdict.level,
            due_on=verdict.due_on,
            since=verdict.since,
            charges=debtor.debt.charges,
            fees=debtor.debt.owing_fees,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedLetters:
    """Which letters are listed; None: all."""

    first: date
    last: date
    level: int | None = None
    branch: str | None = None
    transport: str | None = None
    state: str | None = None
    names: Collection[str] | None = None


def letters_sent(conn: Connection, wanted: WantedLetters) -> list[SentLetter]:
    """The messages of these days, in the order in which they were queued."""
    meta.ready(conn)
    series = reminder_series.since(conn, wanted.first, wanted.last)
    cards = borrowers.cards(conn, {each.patron for each in series})
    listed = (
        SentLetter(series=each, reminder=reminder, message=message, card=cards.get(each.patron))
        for each in series
        for reminder in each.reminders
        for message in reminder.messages
    )
    return sorted(filter(lambda letter: _is_wanted(letter, wanted), listed), key=lambda each: each.message.message)


def _is_wanted(letter: SentLetter, wanted: WantedLetters) -> bool:
    reminder, message = letter.reminder, letter.message
    return (
        wanted.first <= reminder.day <= wanted.last
        and wanted.level in {None, reminder.level}
        and (wanted.branch or reminder.branch).casefold() == reminder.branch.casefold()
        and wanted.transport in {None, message.transport}
        and wanted.state in {None, message.state}
        and (wanted.names is None or letter.series.section in wanted.names)
    )
