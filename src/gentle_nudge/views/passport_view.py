"""The passport of patrons: answers, what was copied or refreshed, duplicates, findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from gentle_nudge.domain.actions import LiftRestriction, MoveRestriction, Restrict
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.passport.answer import Answer, verdict_of
from gentle_nudge.domain.passport.difference import Difference, Passported, Skipped
from gentle_nudge.domain.passport.results import Asked, Copied, LookedUp, Refreshed
from gentle_nudge.domain.passport.same_person import Duplicate
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.finding_view import finding_values, finding_view
from gentle_nudge.views.plain import WHOLE, Column, Figure, Part, View, column, figures, notes, table, unseen

# One card


def _told(answer: Answer) -> Mapping[str, object] | None:
    """The columns that have a value."""
    if answer.patron is None:
        return None
    return {name: value for name, value in answer.patron.values.items() if value is not None}


ANSWERS: tuple[Column[Answer], ...] = (
    column("server", lambda row: row.server.name, "word"),
    *unseen(kind="server.kind"),
    column("outcome", lambda row: row.outcome.value, "word"),
    column("why", lambda row: row.reason, key="reason"),
    column("patron", lambda row: tuple(f"{name} {value}" for name, value in (_told(row) or {}).items()), key=None),
    column(None, _told, "nested", key="patron"),
    column("branch", lambda row: row.patron and row.patron.branch, "word", key="home_branch"),
    column("category", lambda row: row.patron and row.patron.category, "word", key="home_category"),
    column("restricted", lambda row: row.patron and row.patron.restricted, nothing=False),
    column("until", lambda row: row.patron and row.patron.until, "day", key="restricted_until"),
)


def look_up_view(found: LookedUp) -> View:
    """What every server says of a card, and who has it here."""
    here = found.here
    who = f"patron number {here.number}, by {here.by}{f', from {here.home}' if here.home else ''}" if here else "nobody"
    parts: list[Part] = [
        *figures(card=found.card, here=here and asdict(here)),
        *notes(f"Here: {who}."),
        table(ANSWERS, found.answers, "answers"),
        Figure(value=verdict_of(found.answers).value, key="verdict", caption="Together"),
    ]
    return View(parts=parts)


def copy_view(copied: Copied) -> View:
    """What became of a copy."""
    request, reason = copied.request, copied.refusal and copied.refusal.reason.value
    server = copied.server and copied.server.name
    said = f"{copied.outcome}: {reason}" if reason else copied.outcome
    said += f", from {server}" if server else ""
    said += f", patron number {copied.number}" if copied.number else ""
    parts: list[Part] = [
        *notes(f"{'Dry run, nothing is written. ' if request.dry_run else ''}{said[0].upper()}{said[1:]}."),
        *notes(*(f"{name}: {value}" for name, value in copied.columns.items()), level=1),
        *figures(card=request.card, server=server, dry_run=request.dry_run, outcome=copied.outcome, reason=reason),
        *figures(number=copied.number, columns=dict(copied.columns), attribute=copied.attribute),
        *figures(messages=copied.messages, fee=copied.fee, restricted_until=copied.restricted_until),
        table(ANSWERS, copied.answers, "answers"),
    ]
    return View(parts=parts)


# Many patrons

Changed = tuple[Asked, Difference]
BLOCKS: Mapping[type, str] = {Restrict: "made", MoveRestriction: "moved", LiftRestriction: "lifted"}
CHANGED: tuple[Column[Changed], ...] = (
    column("number", lambda row: row[0].number, "number"),
    column("card", lambda row: row[0].patron.card, "word"),
    column("server", lambda row: row[0].server.name, "word"),
    column("changes", lambda row: tuple(f"{each}: {was} -> {now}" for each, was, now in _changes(row)), key=None),
    column(None, lambda row: {each: {"before": was, "after": now} for each, was, now in _changes(row)}, key="changes"),
    column("restriction", lambda row: BLOCKS.get(type(row[1].restriction)), "word"),
)
SKIPPED: tuple[Column[tuple[Passported, Skipped]], ...] = (
    column("number", lambda row: row[0].number, "number"),
    column("card", lambda row: row[0].card, "word"),
    column("why", lambda row: row[1].value, "word"),
)
ASKED: tuple[Column[Asked], ...] = (
    column("number", lambda row: row.number, "number"),
    column("card", lambda row: row.patron.card, "word"),
    column("server", lambda row: row.server.name, "word"),
)
FAILED: tuple[Column[Asked], ...] = (
    *ASKED,
    column("outcome", lambda row: row.answer.outcome.value, "word"),
    column("why", lambda row: row.answer.reason, key="reason"),
)


def _changes(row: Changed) -> list[tuple[str, object, object]]:
    return [(name, *pair) for name, pair in row[1].changes.items()]


def refresh_view(done: Refreshed) -> View:
    """What a refresh changed, or would have."""
    changed = [(done.asked[number], change) for number, change in done.changed.items()]
    since: Column[Asked] = column("since", lambda row: done.memory[row.number].not_found_since, "day")
    dry = notes("Dry run: nothing is written.") if done.dry_run else []
    parts: list[Part] = [
        *dry,
        *notes(f"{counted(len(done.asked), 'patron')} asked about, {done.unchanged} as at home."),
        *figures(dry_run=done.dry_run, asked=len(done.asked), unchanged=done.unchanged),
        table(CHANGED, changed, "changed", caption="Changed" if changed else ""),
        table((*ASKED, since), done.not_found, "not_found", caption="Not found at home" if done.not_found else ""),
        table(FAILED, done.failed, "failed", caption="Not heard of" if done.failed else ""),
        table(SKIPPED, done.skipped.values(), "skipped", caption="Not asked about" if done.skipped else ""),
        *figures(held=done.held_at and {"found": len(done.changed), "most": done.held_at}),
    ]
    return View(parts=parts)


def _of_other(row: Duplicate, name: str) -> object:
    return getattr(row.other, name) if row.other else None


DUPLICATES: tuple[Column[Duplicate], ...] = (
    column("because", lambda row: row.because, "word"),
    column("number", lambda row: row.case.number, "number"),
    column("card", lambda row: row.case.card, "word"),
    column("section", lambda row: row.case.section, "word"),
    column("referred", lambda row: row.case.referred_on, "day", key="referred_on"),
    column("other number", lambda row: _of_other(row, "number"), "number", key="other_number"),
    column("other card", lambda row: _of_other(row, "card"), "word", key="other_card"),
    column("other section", lambda row: _of_other(row, "section"), "word", key="other_section"),
    column("other server", lambda row: row.other_server, "word", key="other_server"),
    column("other referred", lambda row: _of_other(row, "referred_on"), "day", key="other_referred_on"),
)


def duplicates_view(found: Sequence[Duplicate]) -> View:
    """The same person in the collections of two libraries."""
    return View(parts=[table(DUPLICATES, found, WHOLE, empty="Nobody, as far as names, births and flags show.")])


# Findings


def passport_findings_view(found: Sequence[tuple[str | None, Finding]]) -> View:
    """The findings, each with the server that it is about."""
    rows = [
        {"name": each.name, "severity": each.severity, "server": server} | finding_values(each)
        for server, each in found
    ]
    return View(parts=[Figure(key=WHOLE, value=rows), *finding_view([each for _, each in found]).parts[1:]])
