"""The letters of one patron as they would be today, due or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.reminders.content import text_of
from gentle_nudge.domain.reminders.series import judge
from gentle_nudge.errors import GentleNudgeError, UserError
from gentle_nudge.jobs.reminders.compose import compose, stationery
from gentle_nudge.jobs.reminders.debtors import read_debtors
from gentle_nudge.jobs.reminders.reminded_sections import Reminding
from gentle_nudge.views.reminder_view import Preview


def previews(
    conn: Connection, sections: Sequence[Reminding], moment: Moment, *, number: int, level: int | None
) -> list[Preview]:
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
) -> Iterator[Preview]:
    debtor = read_debtors(conn, reminding, moment, {number}).by_number.get(number)
    if debtor is None or not (debtor.series or debtor.debt.charges):
        return
    verdict, steps = judge(debtor, reminding.remind, moment.day), reminding.remind.steps
    wanted = level or verdict.level
    if wanted is None or wanted not in steps:
        raise UserError(
            f"Section {reminding.section.name} has no such level."
            if level
            else "The last level has been sent: there is none after it.",
            f"Name one with --level: {', '.join(map(str, steps))}.",
        )
    paper = stationery(conn, reminding, moment)
    composed = compose(conn, paper, [(debtor, replace(verdict, level=wanted))])
    if composed.held:
        why = "; ".join(error.sentence for error in composed.errors) or composed.held[number].value
        raise GentleNudgeError(f"{reminding.section.name}: {why}.", "gentle-nudge check looks at every letter.")
    for letter in composed.letters:
        for envelope in letter.envelopes:
            subject, content = text_of(letter.facts, envelope, paper.correspondence)
            yield Preview(letter=letter, envelope=envelope, subject=subject, content=content)
