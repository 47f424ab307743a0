"""Series with what became of their letters, today's verdicts, the list of letters, a letter beforehand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.reminders.plan import Written, written
from gentle_nudge.domain.reminders.series import SeriesState, Verdict, judge
from gentle_nudge.errors import GentleNudgeError, UserError
from gentle_nudge.jobs.reminders.compose import compose, stationery
from gentle_nudge.jobs.reminders.debtors import read_debtors
from gentle_nudge.jobs.reminders.reminded_sections import Reminding
from gentle_nudge.koha.read import borrowers
from gentle_nudge.store import meta, reminder_series
from gentle_nudge.views.reminder_view import SentLetter, ShownSeries


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
    if number is None:
        found = reminder_series.in_state(conn, state, names)
    else:
        found = reminder_series.of_patrons(conn, [number], names)
    shown = {each.id: ShownSeries(series=each) for each in found if state is None or each.state is state}
    cards = borrowers.cards(conn, {each.series.patron for each in shown.values()})
    for reminding in sections:
        going_on = [each.series for each in shown.values() if each.series.is_open]
        of_section = [each for each in going_on if each.section in reminding.section.names]
        debtors = read_debtors(conn, reminding, moment, {each.patron for each in of_section}).by_number
        for each in of_section:
            debtor = debtors[each.patron]
            verdict = judge(debtor, reminding.remind, moment.day)
            shown[each.id] = ShownSeries(series=debtor.series or each, verdict=verdict)
    return [replace(each, card=cards.get(each.series.patron)) for each in shown.values()]


def today_of(conn: Connection, sections: Sequence[Reminding], moment: Moment, number: int) -> Iterator[Verdict]:
    """Each section's verdict about the patron, if it has anything to say."""
    for reminding in sections:
        debtor = read_debtors(conn, reminding, moment, {number}).by_number.get(number)
        if debtor is None:
            continue
        verdict = judge(debtor, reminding.remind, moment.day)
        held = {} if verdict.reason else compose(conn, stationery(conn, reminding, moment), [verdict]).kept
        yield replace(verdict, reason=verdict.reason or held.get(number))


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


def previews(
    conn: Connection, sections: Sequence[Reminding], moment: Moment, *, number: int, level: int | None
) -> list[Written]:
    """Every message of this level (None: the next) in each section to which the patron owes something.

    UserError if there is no such level or no debt; GentleNudgeError if a letter cannot be made.
    """
    made = [each for reminding in sections for each in _of_section(conn, reminding, moment, number=number, level=level)]
    if not made:
        raise UserError(
            "There is nothing to remind this patron of.", "gentle-nudge remind status CARD says how things stand."
        )
    return made


def _of_section(
    conn: Connection, reminding: Reminding, moment: Moment, *, number: int, level: int | None
) -> Iterator[Written]:
    debtor = read_debtors(conn, reminding, moment, {number}).by_number.get(number)
    if debtor is None or not (debtor.series or debtor.debt.charges):
        return
    verdict, steps = judge(debtor, reminding.remind, moment.day), reminding.remind.steps
    wanted = level or verdict.level
    if wanted not in steps:
        sentence = f"Section {reminding.section.name} has no such level."
        raise UserError(
            sentence if level else "The last level has been sent: there is none after it.",
            f"Name one with --level: {', '.join(map(str, steps))}.",
        )
    paper = stationery(conn, reminding, moment)
    composed = compose(conn, paper, [replace(verdict, level=wanted)])
    if composed.kept:
        why = "; ".join(error.sentence for error in composed.errors) or composed.kept[number].value
        raise GentleNudgeError(f"{reminding.section.name}: {why}.", "gentle-nudge check looks at every letter.")
    for letter in composed.letters:
        yield from written(letter, paper.correspondence)
