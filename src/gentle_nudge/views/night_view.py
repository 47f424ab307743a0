"""What a section's night does, or would do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from itertools import groupby
from operator import attrgetter

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.plan import (
    Adoption,
    Decision,
    Ending,
    NewCase,
    Pause,
    Plan,
    Referral,
    Reopening,
    Resumption,
    Succession,
)
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import LeftOut, Reason
from gentle_nudge.domain.collections.submission_day import submits_on
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.patron import Patron
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.plain import (
    Column,
    Figure,
    Note,
    Part,
    View,
    amounts,
    column,
    figures,
    name,
    notes,
    table,
    unseen,
)

CHANGES = {
    "adopted": "Adopted: flagged without a case",
    "reopened": "Reopened: the charges owe again",
    "followed": "Merged cards: the case follows",
    "paused": "On hold: the agency hears of the case once more, as hold_due says",
    "resumed": "The hold is over: the agency hears of the case again",
    CaseState.RELEASED.value: "Released",
    CaseState.PAID.value: "Ended by staff, paid",
    CaseState.WITHDRAWN.value: "Withdrawn by staff",
    CaseState.MERGED.value: "Merged into a patron with an open case",
    CaseState.DELETED.value: "Gone from Koha",
    CaseState.ANONYMIZED.value: "Anonymized in Koha",
}


def outcome(decision: Decision) -> str:
    """The word for what becomes of the patron."""
    match decision:
        case Referral():
            return "referred"
        case Adoption():
            return "adopted"
        case Reopening():
            return "reopened"
        case Succession():
            return "followed"
        case Pause() | Resumption():
            return "paused" if decision.paused_on else "resumed"
        case Ending(state=state):
            return state.value


def changes(plan: Plan) -> dict[str, list[Decision]]:
    """The decisions of a plan by what becomes of the patron; every word has a list, which may be empty."""
    by_word: dict[str, list[Decision]] = {word: [] for word in ("referred", *CHANGES)}
    for decision in plan.decisions:
        by_word[outcome(decision)].append(decision)
    return by_word


def who(decision: Decision) -> Patron | Case:
    """Who has the name and the card of the decision: the patron in Koha or, for an open case, the case."""
    return decision.patron if isinstance(decision, NewCase) else decision.case


def person(decision: Decision) -> str:
    """The name of the decision's patron."""
    return name(who(decision).surname, who(decision).firstname)


REFERRED: tuple[Column[Referral], ...] = (
    column("number", lambda referral: referral.number, "number"),
    column("card", lambda referral: referral.patron.card, "word", key=None),
    column("name", person, "name", key=None),
    amounts("in window", lambda referral: referral.account.owed, key="owed_in_window"),
    amounts("balance", lambda referral: referral.balance),
    amounts("with fee", lambda referral: referral.total, key=None),
    *unseen(why="why", fee="fee"),
)

CHANGED: tuple[Column[Decision], ...] = (
    column("number", lambda decision: decision.number, "number"),
    column("card", lambda decision: who(decision).card, "word", key=None),
    column("name", person, "name", key=None),
    amounts("balance", lambda decision: decision.balance),
    column("why", lambda decision: decision.why),
    column(
        None, lambda decision: decision.account.owed if isinstance(decision, NewCase) else None, key="owed_in_window"
    ),
    column(None, lambda _decision: ZERO, key="fee"),
)

LEFT_OUT: tuple[Column[tuple[Reason, int]], ...] = (
    column("patrons", lambda counted: counted[1], "number"),
    column("because", lambda counted: counted[0]),
)

LEFT_OUT_PATRONS: tuple[Column[LeftOut], ...] = (
    column("number", lambda each: each.number, "number"),
    column("card", lambda each: each.candidate.patron.card, "word", key=None),
    column("name", lambda each: name(each.candidate.patron.surname, each.candidate.patron.firstname), "name", key=None),
    column(None, lambda each: each.reason.name, key="reason"),
    column("in window", lambda each: each.candidate.account.owed, "money", key="owed_in_window"),
    *unseen(balance="candidate.account.balance"),
)


def night_view(section: Section, plan: Plan, *, left_out: bool = False) -> View:
    """A section's plan; amounts in the library's currency. `left_out`: also who is left out."""
    parts = [
        *notes(f"Section {section.name}, {plan.day:%A} {plan.day}"),
        *figures(section=plan.section, day=plan.day, submission_due=plan.submission_due, late=plan.late),
        *_submission(section, plan),
        *(who_is_left_out(plan) if left_out else ()),
        *figures(update_due=plan.update_due),
        *_update(plan),
        *_lists(plan),
        *figures(refusals=[asdict(refusal) for refusal in plan.refusals], named=plan.named),
    ]
    for refusal in plan.refusals:
        parts += [*notes(f"! {refusal.sentence}", style="problem"), *notes(refusal.hint, level=1)]
    parts += notes(*(f"! {named}" for named in plan.named), style="warning")
    return View(parts=[*parts, *notes(f"In all: {'; '.join(_totals(plan))}.")])


def _lists(plan: Plan) -> Iterator[Part]:
    """The list under which the submission is made, and the one that the night makes."""
    under, in_force, made = plan.under, plan.records.in_force, plan.list_made
    listed = len(in_force.rows) if in_force else 0
    yield from figures(
        list={"for_day": under.for_day, "state": under.state.value, "patrons": listed} if under else None,
        list_made={"for_day": made.for_day, "patrons": len(made.rows), "balance": made.balance} if made else None,
    )
    if under:
        yield Note(text=f"By the list for {under.for_day}, {under.state}: {counted(listed, 'patron')}.")
    if made:
        owing = format_amount(made.balance)
        yield Note(text=f"A list for {made.for_day} is made: {counted(len(made.rows), 'patron')}, owing {owing}.")


def _submission(section: Section, plan: Plan) -> Iterator[Part]:
    """Who is referred or held back, and who is left out; in JSON also when no submission is due."""
    due, referred, held = plan.submission_due, plan.submission, plan.in_order(plan.held)
    if not due:
        yield Note(text=why_none_is_due(section, plan.day))
    yield table(REFERRED, referred, "referred", caption=_sum(plan, referred, "referred") if plan.submits else "")
    yield table(REFERRED, held, "held", caption=_sum(plan, held, "held back") if due and not plan.submits else "")
    yield from figures(left_out={reason.name: count for reason, count in plan.left_out.items()})
    if due:
        counted = sorted(plan.left_out.items(), key=lambda pair: (-pair[1], pair[0]))
        left_out = f"Left out, though they owe enough in the window: {sum(plan.left_out.values())}"
        yield table(LEFT_OUT, counted, caption=left_out)
    less = "Others who owe something in the window" if due else ""
    yield Figure(key="owing_less", value=plan.owing_less, caption=less)


def who_is_left_out(plan: Plan) -> Iterator[Part]:
    """Who is left out, by reason and then by name."""
    left_out = plan.left_out_in_order()
    yield Note(text=f"Who is left out: {len(left_out)}")
    yield Figure(key="left_out_patrons", value=table(LEFT_OUT_PATRONS, left_out))
    for reason, patrons in groupby(left_out, attrgetter("reason")):
        of_reason = list(patrons)
        yield table(LEFT_OUT_PATRONS, of_reason, caption=f"{reason} ({reason.name}): {len(of_reason)}", level=1)


def why_none_is_due(section: Section, day: date) -> str:
    """Why no submission is due on this day."""
    weekday = f"No submission is due (day of the week: {submits_on(section.policy, day):%A})."
    return weekday if section.enabled else "Submissions are off."


def _sum(plan: Plan, decisions: Sequence[Referral], verb: str) -> str:
    return f"Submission{' (late)' if plan.late else ''}: {_amounts_of(decisions, verb)}"


def _amounts_of(decisions: Sequence[Referral], verb: str) -> str:
    owing = format_amount(sum((decision.balance for decision in decisions), ZERO))
    fees = format_amount(sum((decision.fee for decision in decisions), ZERO))
    return f"{len(decisions)} {verb}, owing {owing}, fees {fees}"


def _totals(plan: Plan) -> Iterator[str]:
    """The totals once more, below the lists."""
    if plan.submission_due:
        decisions, verb = (plan.submission, "referred") if plan.submits else (plan.held, "held back")
        yield _amounts_of(decisions, verb)
        yield f"{sum(plan.left_out.values())} left out, {plan.owing_less} owing less"
    by_word = changes(plan)
    if changed := ", ".join(f"{len(by_word[word])} {word}" for word in CHANGES if by_word[word]):
        yield changed
    rows = plan.update if plan.update_due else []
    yield f"{len(rows)} in the update, due {format_amount(sum((row.due for row in rows), ZERO))}"


def _update(plan: Plan) -> Iterator[Part]:
    rows = plan.update if plan.update_due else []
    due = format_amount(sum((row.due for row in rows), ZERO))
    text = f"Update: {len(rows)} in the report, due {due}"
    yield Note(text=text if plan.update_due else "The update of this day has been made before.")
    yield Figure(key="update_rows", value=len(rows))
    by_word = changes(plan)
    for word, title in CHANGES.items():
        decisions = plan.in_order(by_word[word])
        yield table(CHANGED, decisions, word, caption=f"{title}: {len(decisions)}" if decisions else "")


def done_view(plan: Plan) -> View:
    """A line about what a night has done."""
    ended, referred, adopted = plan.closes.total(), len(plan.of(Referral)), len(plan.of(Adoption))
    rows = f"{len(plan.update)} in the update" if plan.update_due else "no update"
    rare = {"reopened": Reopening, "paused": Pause, "resumed": Resumption}
    others = "".join(f"{count} {word}, " for word, kind in rare.items() if (count := len(plan.of(kind))))
    counts = f"{referred} referred, {adopted} adopted, {others}{ended} ended, {rows}"
    return View(parts=notes(f"{plan.section}, {plan.day}: {counts}"))
