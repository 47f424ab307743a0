"""Reminders: what a run does, the series of patrons, the list of letters, a letter beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.reminders.addressee import Envelope
from gentle_nudge.domain.reminders.plan import Closing, LetterError, Lift, PlannedLetter, Reprint, SectionPlan
from gentle_nudge.domain.reminders.series import Message, Reason, Reminder, Series
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.plain import (
    Column,
    Figure,
    Part,
    Table,
    View,
    amounts,
    column,
    figures,
    notes,
    table,
    unseen,
)

# A run

ENVELOPES: tuple[Column[Envelope], ...] = (
    *unseen(addressee="addressee.number", transport="transport", language="row.language"),
)
LETTERS: tuple[Column[PlannedLetter], ...] = (
    column("number", lambda row: row.number, "number", key="patron"),
    column("card", lambda row: row.debtor.patron and row.debtor.patron.card, "word"),
    column("level", lambda row: row.verdict.level, "number"),
    column("letter", lambda row: row.step.letter, "word"),
    column("branch", lambda row: row.branch, "word"),
    column("since", lambda row: row.facts.since, "day"),
    column(None, lambda row: row.verdict.due_on, key="due_on"),
    amounts("charges", lambda row: row.facts.debt.charges),
    amounts("fees", lambda row: row.facts.debt.owing_fees, nothing=ZERO),
    amounts("fee", lambda row: row.step.fee, nothing=ZERO),
    amounts("total", lambda row: row.facts.total),
    column("block", lambda row: row.blocks, key=None, nothing=False),
    *unseen(block="blocks"),
    column(None, lambda row: table(ENVELOPES, row.envelopes), "nested", key="messages"),
)
CLOSED: tuple[Column[Closing], ...] = (
    column("number", lambda row: row.series.patron, "number", key="patron"),
    column("card", lambda row: row.card, "word"),
    column("ended as", lambda row: row.state.value, "word", key="state"),
    column("charges", lambda row: row.charges, "money"),
)
LIFTED: tuple[Column[Lift], ...] = (
    column("number", lambda row: row.series.patron, "number", key="patron"),
    column("card", lambda row: row.card, "word"),
)
REPRINTED: tuple[Column[Reprint], ...] = (
    column("number", lambda row: row.letter.number, "number", key="patron"),
    column("card", lambda row: row.letter.debtor.patron and row.letter.debtor.patron.card, "word"),
    column("level", lambda row: row.letter.verdict.level, "number"),
)
ERRORS: tuple[Column[LetterError], ...] = (
    *unseen(letter="letter", branch="branch", transport="transport", language="language"),
    *unseen(problem="problem", patrons="patrons"),
)


def run_view(plans: Mapping[str, SectionPlan], day: date, *, dry_run: bool) -> View:
    """What a run of reminders does, for programs."""
    sections = [_section(plan) for plan in plans.values()]
    return View(parts=figures(day=day, dry_run=dry_run, sections=sections))


def _section(plan: SectionPlan) -> View:
    parts: list[Part] = [
        *figures(section=plan.section, due=plan.due, refused=plan.refused),
        *_tables(plan),
        *figures(counts={reason.name: count for reason, count in plan.counts.items()}),
        table(ERRORS, plan.errors, "errors"),
    ]
    return View(parts=parts)


def _tables(plan: SectionPlan) -> list[Table]:
    return [
        table(LETTERS, plan.letters, "letters", caption="Letters"),
        table(CLOSED, plan.closings, "closed", caption="Series that end"),
        table(LIFTED, plan.lifts, "lifted", caption="Restrictions lifted"),
        table(REPRINTED, plan.reprints, "reprinted", caption="Printed, because the e-mail failed"),
    ]


def letters_of_run(plans: Mapping[str, SectionPlan]) -> list[View]:
    """The letters of a run for a spreadsheet."""
    return [View(parts=[table(LETTERS, plan.letters, "letters")]) for plan in plans.values()]


def run_for_people(plans: Mapping[str, SectionPlan]) -> list[View]:
    """What a run does in each section, for people."""
    views = []
    for plan in plans.values():
        kept = "; ".join(f"{count} {reason.name}: {reason.value}" for reason, count in sorted(plan.counts.items()))
        parts: list[Part] = [
            *notes(f"{plan.section}, {plan.day}: {counted(len(plan.letters), 'letter')}", style="heading"),
            *(each for each in _tables(plan) if each.rows),
            *(notes(f"No letter: {kept}.") if kept else []),
            *notes(*(f"{error.sentence}." for error in plan.errors), style="problem"),
            *(notes(plan.refused, plan.hint, style="problem") if plan.refused else []),
        ]
        views.append(View(parts=parts))
    return views


# Series


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownSeries:
    """A series with the patron's card, the next level, and what is owed; sums are None once it is closed."""

    series: Series
    card: str | None
    next_level: int | None = None
    next_on: date | None = None
    charges: Decimal | None = None
    fees: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Today:
    """Today's verdict of one section about a patron."""

    section: str
    reason: Reason | None
    level: int | None
    due_on: date | None
    since: date | None
    charges: Decimal
    fees: Decimal


MESSAGES: tuple[Column[Message], ...] = (
    *unseen(message="message", addressee="addressee", transport="transport", language="language"),
    *unseen(state="state", failure="failure"),
)
REMINDERS: tuple[Column[Reminder], ...] = (
    *unseen(level="level", day="day", letter="letter", branch="branch", fee="fee", total="total"),
    column(None, lambda row: table(MESSAGES, row.messages), "nested", key="messages"),
)
SERIES: tuple[Column[ShownSeries], ...] = (
    column("series", lambda row: row.series.id, "number", key="id"),
    column("section", lambda row: row.series.section, "word"),
    column("number", lambda row: row.series.patron, "number", key="patron"),
    column("card", lambda row: row.card, "word"),
    column("state", lambda row: row.series.state.value, "word"),
    column("since", lambda row: row.series.since, "day"),
    *unseen(opened_on="series.opened_on"),
    column("closed", lambda row: row.series.closed_on, "day", key="closed_on"),
    column("why", lambda row: row.series.why),
    column("level", lambda row: row.series.level or None, "number"),
    column("next level", lambda row: row.next_level, "number", key="next_level"),
    column("next on", lambda row: row.next_on, "day", key="next_on"),
    amounts("charges", lambda row: row.charges),
    amounts("fees", lambda row: row.fees, nothing=ZERO),
    column("restricted", lambda row: row.series.has_restriction, nothing=False),
    column(None, lambda row: table(REMINDERS, row.series.reminders), "nested", key="reminders"),
    column("letters", lambda row: _what_became_of(row.series), key=None),
)
TODAY: tuple[Column[Today], ...] = (
    column("section", lambda row: row.section, "word"),
    column(None, lambda row: row.reason and row.reason.name, key="reason"),
    column("today", lambda row: f"no letter: {row.reason.value}" if row.reason else "a letter is due", key=None),
    column("level", lambda row: row.level, "number"),
    column("due on", lambda row: row.due_on, "day", key="due_on"),
    column("since", lambda row: row.since, "day"),
    column("charges", lambda row: row.charges, "money"),
    column("fees", lambda row: row.fees, "money", nothing=ZERO),
)


def _what_became_of(series: Series) -> str:
    return "; ".join(
        f"{reminder.level} on {reminder.day}: "
        + ", ".join(
            f"{each.transport} {each.state}{f' ({each.failure})' * bool(each.failure)}" for each in reminder.messages
        )
        for reminder in series.reminders
    )


def status_view(series: Sequence[ShownSeries], today: Sequence[Today], day: date) -> View:
    """Series with their letters, and for one patron today's verdicts."""
    shown = table(SERIES, series, "series", empty="There is no series of reminders.")
    verdicts = table(TODAY, today, "today", caption="Today") if today else Figure(key="today", value=[])
    return View(parts=[*figures(day=day), shown, verdicts])


def history_table(series: Sequence[Series]) -> Table:
    """The series of one patron, open or closed, in a history."""
    return table(SERIES, [ShownSeries(series=each, card=None) for each in series], "reminders", caption="Reminders")


# The list of letters, and a letter beforehand


@dataclass(frozen=True, kw_only=True, slots=True)
class SentLetter:
    """One message with its level and series."""

    series: Series
    reminder: Reminder
    message: Message
    card: str | None


SENT: tuple[Column[SentLetter], ...] = (
    column("message", lambda row: row.message.message, "number"),
    column("day", lambda row: row.reminder.day, "day"),
    column("section", lambda row: row.series.section, "word"),
    column("branch", lambda row: row.reminder.branch, "word"),
    column("number", lambda row: row.series.patron, "number", key="patron"),
    column("card", lambda row: row.card, "word"),
    column("level", lambda row: row.reminder.level, "number"),
    column("letter", lambda row: row.reminder.letter, "word"),
    column("transport", lambda row: row.message.transport, "word"),
    column("language", lambda row: row.message.language, "word", nothing="default"),
    column("addressee", lambda row: row.message.addressee, "number"),
    column("state", lambda row: row.message.state, "word"),
    column("failure", lambda row: row.message.failure),
)


def sent_view(letters: Sequence[SentLetter]) -> View:
    """The messages that were queued, in the order of their numbers."""
    return View(parts=[table(SENT, letters, "letters", empty="No letter.")])


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """One message as it would be."""

    letter: PlannedLetter
    envelope: Envelope
    subject: str
    content: str


PREVIEWS: tuple[Column[Preview], ...] = (
    *unseen(addressee="envelope.addressee.number", transport="envelope.transport", language="envelope.row.language"),
    *unseen(level="letter.verdict.level", letter="letter.step.letter", total="letter.facts.total"),
    *unseen(subject="subject", content="content"),
)


def preview_view(previews: Sequence[Preview]) -> View:
    """The messages of one patron: for programs, and as text for people."""
    told: list[Part] = []
    for each in previews:
        to = f"{each.envelope.transport} to number {each.envelope.addressee.number}"
        told += notes(f"Level {each.letter.verdict.level}, {each.letter.step.letter}, {to}", style="heading")
        told += notes(each.subject, "", *each.content.splitlines(), "", style="copy")
    hidden = Figure(key="letters", value=View(parts=[table(PREVIEWS, previews, "*")]))
    return View(parts=[hidden, *told])
