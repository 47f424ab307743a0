"""Reminders: what a run does, the series of patrons, the list of letters, a letter beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.reminders.addressee import Envelope
from gentle_nudge.domain.reminders.debt import Debt
from gentle_nudge.domain.reminders.letter import BadLetter
from gentle_nudge.domain.reminders.plan import PlannedLetter, SectionPlan, Written
from gentle_nudge.domain.reminders.series import Message, Reminder, Series, Verdict
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

DEBTOR: tuple[Column[Any], ...] = (
    column("number", lambda row: row.debtor.number, "number", key="patron"),
    column("card", lambda row: row.debtor.card, "word"),
)
LEVEL: Column[Any] = column("level", lambda row: row.level, "number")
ENVELOPES: tuple[Column[Envelope], ...] = (
    *unseen(addressee="addressee.number", transport="row.transport", language="row.language"),
)
LETTERS: tuple[Column[PlannedLetter], ...] = (
    *DEBTOR,
    LEVEL,
    column("letter", lambda row: row.step.letter, "word"),
    column("branch", lambda row: row.branch, "word"),
    column("since", lambda row: row.since, "day"),
    *unseen(due_on="verdict.due_on"),
    amounts("charges", lambda row: row.debtor.debt.charges),
    amounts("fees", lambda row: row.debtor.debt.owing_fees, nothing=ZERO),
    amounts("fee", lambda row: row.step.fee, nothing=ZERO),
    amounts("total", lambda row: row.total),
    column("block", lambda row: row.blocks, nothing=False),
    column(None, lambda row: table(ENVELOPES, row.envelopes), "nested", key="messages"),
)
CLOSED: tuple[Column[Verdict], ...] = (
    *DEBTOR,
    column("ended as", lambda row: row.ends, "word", key="state"),
    column("charges", lambda row: row.debtor.debt.charges, "money"),
)
ERRORS: tuple[Column[BadLetter], ...] = (
    *unseen(letter="letter", branch="branch", transport="transport", language="language"),
    *unseen(problem="problem", patrons="patrons"),
)


def run_view(plans: Mapping[str, SectionPlan], day: date, *, dry_run: bool) -> View:
    """What a run of reminders does, for programs."""
    return View(parts=figures(day=day, dry_run=dry_run, sections=run_for_people(plans)))


def letters_of_run(plans: Mapping[str, SectionPlan]) -> list[View]:
    """The letters of a run for a spreadsheet."""
    return [View(parts=[table(LETTERS, plan.letters, "letters")]) for plan in plans.values()]


def run_for_people(plans: Mapping[str, SectionPlan]) -> list[View]:
    """What a run does in each section."""
    return [View(parts=list(_of_section(plan))) for plan in plans.values()]


def _of_section(plan: SectionPlan) -> Iterator[Part]:
    counts = plan.counts
    kept = "; ".join(f"{count} {reason.name}: {reason.value}" for reason, count in sorted(counts.items()))
    yield from notes(f"{plan.section}, {plan.day}: {counted(len(plan.letters), 'letter')}", style="heading")
    yield from figures(section=plan.section, due=plan.due, refused=plan.refused)
    for key, columns, rows, caption in (
        ("letters", LETTERS, plan.letters, "Letters"),
        ("closed", CLOSED, plan.closings, "Series that end"),
        ("lifted", DEBTOR, plan.lifts, "Restrictions lifted"),
        ("reprinted", (*DEBTOR, LEVEL), plan.reprints, "Printed, because the e-mail failed"),
    ):
        yield table(columns, rows, key, caption=caption if rows else "")
    yield from figures(counts={reason.name: count for reason, count in counts.items()})
    yield table(ERRORS, plan.errors, "errors")
    yield from notes(f"No letter: {kept}.") if kept else ()
    yield from notes(*(f"{error.sentence}." for error in plan.errors), style="problem")
    yield from notes(plan.refused, plan.hint, style="problem") if plan.refused else ()


# Series


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownSeries:
    """A series with the patron's card, and today's verdict while it is open."""

    series: Series
    card: str | None = None
    verdict: Verdict | None = None

    @property
    def debt(self) -> Debt | None:
        """What is owed; None once the series is closed."""
        return self.verdict.debtor.debt if self.verdict else None


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
    column("level", lambda row: row.series.last and row.series.last.level, "number"),
    column("next level", lambda row: row.verdict and row.verdict.level, "number", key="next_level"),
    column("next on", lambda row: row.verdict and row.verdict.due_on, "day", key="next_on"),
    amounts("charges", lambda row: row.debt.charges if row.debt else None),
    amounts("fees", lambda row: row.debt.owing_fees if row.debt else None, nothing=ZERO),
    column("restricted", lambda row: row.series.has_restriction, nothing=False),
    column(None, lambda row: table(REMINDERS, row.series.reminders), "nested", key="reminders"),
    column("letters", lambda row: _what_became_of(row.series), key=None),
)
TODAY: tuple[Column[Verdict], ...] = (
    column("section", lambda row: row.debtor.section, "word"),
    column(None, lambda row: row.reason and row.reason.name, key="reason"),
    column("today", lambda row: f"no letter: {row.reason.value}" if row.reason else "a letter is due", key=None),
    LEVEL,
    column("due on", lambda row: row.due_on, "day", key="due_on"),
    column("since", lambda row: row.since, "day"),
    column("charges", lambda row: row.debtor.debt.charges, "money"),
    column("fees", lambda row: row.debtor.debt.owing_fees, "money", nothing=ZERO),
)


def _what_became_of(series: Series) -> str:
    return "; ".join(
        f"{reminder.level} on {reminder.day}: "
        + ", ".join(
            f"{each.transport} {each.state}{f' ({each.failure})' * bool(each.failure)}" for each in reminder.messages
        )
        for reminder in series.reminders
    )


def status_view(series: Sequence[ShownSeries], today: Sequence[Verdict], day: date) -> View:
    """Series with their letters, and for one patron today's verdicts."""
    shown = table(SERIES, series, "series", empty="There is no series of reminders.")
    verdicts = table(TODAY, today, "today", caption="Today") if today else Figure(key="today", value=[])
    return View(parts=[*figures(day=day), shown, verdicts])


def history_table(series: Sequence[Series]) -> Table:
    """The series of one patron, open or closed, in a history."""
    return table(SERIES, [ShownSeries(series=each) for each in series], "reminders", caption="Reminders")


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


PREVIEWS: tuple[Column[Written], ...] = (
    *unseen(
        addressee="envelope.addressee.number", transport="envelope.row.transport", language="envelope.row.language"
    ),
    *unseen(level="letter.level", letter="letter.step.letter", total="letter.total"),
    *unseen(subject="subject", content="content"),
)


def preview_view(previews: Sequence[Written]) -> View:
    """The messages of one patron: for programs, and as text for people."""
    told: list[Part] = []
    for each in previews:
        to = f"{each.envelope.row.transport} to number {each.envelope.addressee.number}"
        told += notes(f"Level {each.letter.level}, {each.letter.step.letter}, {to}", style="heading")
        told += notes(each.subject, "", *each.content.splitlines(), "", style="copy")
    hidden = Figure(key="letters", value=View(parts=[table(PREVIEWS, previews, "*")]))
    return View(parts=[hidden, *told])
