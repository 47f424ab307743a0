"""How a plan looks on a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.plan import Adoption, Decision, Ending, Plan, Referral, Succession
from gentle_nudge.domain.collections.submission_day import submits_on
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.views.terminal import name, table

if TYPE_CHECKING:
    from gentle_nudge.domain.collections.policy import Section


CHANGES = {
    "adopted": "Adopted: flagged without a case",
    "followed": "Merged cards: the case follows",
    CaseState.RELEASED.value: "Released",
    CaseState.PAID.value: "Ended by staff, paid",
    CaseState.WITHDRAWN.value: "Withdrawn by staff",
    CaseState.MERGED.value: "Merged into a patron with an open case",
    CaseState.DELETED.value: "Gone from Koha",
}


def outcome(decision: Decision) -> str:
    """What becomes of the patron, in a word."""
    match decision:
        case Referral():
            return "referred"
        case Adoption():
            return "adopted"
        case Succession():
            return "followed"
        case Ending(state=state):
            return state.value


def changes(plan: Plan) -> dict[str, list[Decision]]:
    """The decisions of a plan by what becomes of the patron, those without any included."""
    found: dict[str, list[Decision]] = {word: [] for word in ("referred", *CHANGES)}
    for decision in plan.decisions:
        found[outcome(decision)].append(decision)
    return found


def plan_lines(section: Section, plan: Plan) -> Iterator[str]:
    """A section's plan for a person to read; amounts in the library's currency."""
    yield f"Section {section.name}, {plan.day:%A} {plan.day}"
    yield from _submission_lines(section, plan)
    yield from _left_out_lines(plan)
    yield from _update_lines(plan)
    for refusal in plan.refusals:
        yield f"! {refusal.sentence}"
        yield f"  {refusal.hint}"
    yield from (f"! {named}" for named in plan.named)


def _submission_lines(section: Section, plan: Plan) -> Iterator[str]:
    if not plan.submission_due:
        weekday = f"{submits_on(section.policy, plan.day):%A}"
        yield f"No submission is due (day of the week: {weekday})." if section.enabled else "Submissions are off."
        return
    referred, verb = (plan.of(Referral), "referred") if plan.submits else (plan.held, "held back")
    owing = sum((decision.balance for decision in referred), ZERO)
    fees = sum((decision.fee for decision in referred), ZERO)
    late = " (late)" if plan.late else ""
    yield f"Submission{late}: {len(referred)} {verb}, owing {format_amount(owing)}, fees {format_amount(fees)}"
    yield from table(("number", "card", "name", "in window", "balance", "with fee"), map(_referral, referred), money=3)


def _referral(referral: Referral) -> tuple[str, ...]:
    patron = referral.patron
    amounts = (referral.account.owed, referral.balance, referral.total)
    return (str(patron.number), patron.card or "", name(patron.surname, patron.firstname), *map(format_amount, amounts))


def _left_out_lines(plan: Plan) -> Iterator[str]:
    if not plan.submission_due:
        return
    yield f"Left out, though they owe enough in the window: {sum(plan.left_out.values())}"
    yield from table(("patrons", "because"), ((str(n), reason) for reason, n in _counted(plan)), money=0)
    yield f"Others who owe something in the window: {plan.owing_less}"


def _counted(plan: Plan) -> list[tuple[str, int]]:
    return sorted(((reason.value, n) for reason, n in plan.left_out.items()), key=lambda pair: (-pair[1], pair[0]))


def _update_lines(plan: Plan) -> Iterator[str]:
    if not plan.update_due:
        yield "The update of this day has been made before."
        return
    rows = plan.update()
    total = sum((row.due for row in rows), ZERO)
    yield f"Update: {len(rows)} in the report, due {format_amount(total)}"
    for word, decisions in changes(plan).items():
        if decisions and word in CHANGES:
            yield f"{CHANGES[word]}: {len(decisions)}"
            yield from table(("number", "balance", "why"), map(_change, decisions), money=0)


def _change(decision: Decision) -> tuple[str, ...]:
    return str(decision.number), format_amount(decision.balance), decision.why


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan as plain values; amounts as texts with two decimals."""
    decided = changes(plan)
    return {
        "section": plan.section,
        "day": plan.day,
        "submission_due": plan.submission_due,
        "late": plan.late,
        "update_due": plan.update_due,
        "referred": [_decision_json(decision) for decision in decided.pop("referred")],
        "held": [_decision_json(decision) for decision in plan.held],
        **{word: [_decision_json(decision) for decision in decisions] for word, decisions in decided.items()},
        "update_rows": len(plan.update()) if plan.update_due else 0,
        "left_out": {reason.name: n for reason, n in plan.left_out.items()},
        "owing_less": plan.owing_less,
        "refusals": [{"kind": r.kind, "sentence": r.sentence, "hint": r.hint} for r in plan.refusals],
        "named": list(plan.named),
    }


def _decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "number": decision.number,
        "why": decision.why,
        "balance": decision.balance,
        "fee": decision.fee if isinstance(decision, Referral) else ZERO,
        "owed_in_window": decision.candidate.account.owed if isinstance(decision, Referral | Adoption) else None,
    }
