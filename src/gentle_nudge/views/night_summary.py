"""A night's values, as they are kept and as its page and its JSON show them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections import for_a_person
from gentle_nudge.domain.collections.for_a_person import Need
from gentle_nudge.domain.collections.plan import (
    Adoption,
    ChangedCase,
    Decision,
    Ending,
    Pause,
    Plan,
    Referral,
    Reopening,
    Resumption,
    Succession,
    heir_of,
)
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.review import ListState
from gentle_nudge.domain.ledger import Line
from gentle_nudge.domain.money import ZERO, for_people, format_amount
from gentle_nudge.domain.outbox import Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.views.night_view import outcome

Values = dict[str, Any]
MOST_ROWS = 1000  # of one night: nobody reads more on a page, and their values fit into a packet of 1 MiB
SENTENCES = {
    "adopted": "reported from tonight on",
    "reopened": "owes {owes} again; the case goes on, without a second fee",
    "followed": "the case goes on with the card that was kept",
    "paused": "{why}; the agency is told {told}, and then no more until the hold ends",
    "resumed": "{why}; the agency is told {told}",
    "paid": "paid; the flag was taken off",
    "withdrawn": "withdrawn; still owes {owes}, the agency is told {told}",
    "merged": "two cases became one; this one ends",
    "deleted": "deleted from Koha; the case ends",
    "anonymized": "anonymized in Koha; the case ends",
}
SUMS = {"referred", "balance", "fees", "released_or_paid"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What carrying out a plan has brought to light.

    `opened` are the new cases by patron; `lifted` and `blocked` the decisions, by number, after which a restriction of
    ours is gone or stays. `open_cases`, `open_due` and `paused` count the open cases afterwards.
    """

    opened: Mapping[int, int] = field(default_factory=dict)
    lifted: frozenset[int] = frozenset()
    blocked: frozenset[int] = frozenset()
    reports: Sequence[Stored] = ()
    open_cases: int = 0
    open_due: Decimal = ZERO
    paused: int = 0


def values_of(plan: Plan, section: Section, done: Done, *, before: Iterable[Need]) -> Values:
    """The values of a section's night, plain as in JSON; `before` are the needs of the night before."""
    referred, changed = plan.submission, [each for each in plan.decisions if not isinstance(each, Referral)]
    rows = [_referred(referral, done) for referral in referred[:MOST_ROWS]]
    others = [_changed(decision, done) for decision in changed[: MOST_ROWS - len(rows)]]
    endings = Counter(ending.state for ending in plan.of(Ending))
    last_words = {case.id for case in plan.records.last_words}
    going_on = [row for row in plan.kept if row.case not in last_words]
    began = len(referred) + sum(not adoption.released for adoption in plan.of(Adoption))
    shown = began + sum(isinstance(each, Reopening | Succession | Pause | Resumption) for each in plan.decisions)
    return {
        "section": section.name,
        "day": plan.day.isoformat(),
        "needs_a_person": [
            kept(need)
            for need in for_a_person.in_order(for_a_person.of_plan(plan, section, done.blocked), before, plan.day)
        ],
        "figures": {
            "referred": len(referred),
            "balance": format_amount(sum((referral.balance for referral in referred), ZERO)),
            "fees": format_amount(sum((referral.fee for referral in referred), ZERO)),
            "released_or_paid": endings[CaseState.RELEASED] + endings[CaseState.PAID],
            "open_cases": done.open_cases,
            "open_due": format_amount(done.open_due),
            "paused": done.paused,
        },
        "reports": [_report(stored, plan) for stored in done.reports],
        "referred": rows,
        "changed": others,
        "not_shown": len(referred) + len(changed) - len(rows) - len(others),
        "others": max(done.open_cases - shown, 0),
        "others_changed": sum(row.new_due for row in going_on),
        "list": list_of(plan),
    }


def list_of(plan: Plan) -> Values | None:
    """The list that the night has made, or used or ended; of both the new one."""
    if plan.list_made:
        made, state = plan.list_made, ListState.OPEN if plan.list_made.rows else ListState.APPROVED
        return _list(made.for_day, state, [row.referral.balance for row in made.rows])
    if plan.under and plan.list_ends and plan.submits:
        return _list(plan.under.for_day, plan.list_ends, [referral.balance for referral in plan.of(Referral)])
    return None


def _list(for_day: date, state: ListState, balances: Sequence[Decimal]) -> Values:
    owed = format_amount(sum(balances, ZERO))
    return {"for_day": for_day.isoformat(), "state": state.value, "patrons": len(balances), "balance": owed}


def with_submission(earlier: Values, values: Values) -> Values:
    """The values of a night whose submission was made later on the same day, by a run of its own."""
    figures = values["figures"]
    return {
        **earlier,
        "figures": figures | {key: _sum(earlier["figures"][key], figures[key]) for key in SUMS},
        "needs_a_person": [
            *values["needs_a_person"],
            *(need for need in earlier["needs_a_person"] if need["kind"] != "referrals_held"),
        ],
        "list": values["list"] or earlier["list"],
        **{key: [*earlier[key], *values[key]] for key in ("reports", "referred", "changed")},
    }


def week_of(nights: Sequence[Values]) -> Values:
    """The values of several nights of a section as one, latest first: figures summed, needs as they are now."""
    latest, figures = nights[0], dict(nights[0]["figures"])
    for night in nights[1:]:
        figures |= {key: _sum(figures[key], night["figures"][key]) for key in SUMS}
    oldest_first = nights[::-1]
    return latest | {
        "figures": figures,
        **{key: [row for night in oldest_first for row in night[key]] for key in ("reports", "referred", "changed")},
        "not_shown": sum(night["not_shown"] for night in nights),
        "lists": [night["list"] for night in oldest_first if night["list"]],
    }


def _sum(one: int | str, other: int | str) -> int | str:
    return (
        one + other if isinstance(one, int) and isinstance(other, int) else format_amount(Decimal(one) + Decimal(other))
    )


def kept(need: Need) -> Values:
    """A need as it is kept with the night."""
    since = need.since.isoformat() if need.since else None
    same = {"kind": need.kind, "number": need.number, "case": need.case, "since": since, "sentence": need.sentence}
    return same | {"about": need.about}


def read(needs: Iterable[Values]) -> list[Need]:
    """The needs that were kept with a night."""
    return [Need(**{**need, "since": date.fromisoformat(need["since"])}) for need in needs]


def _report(stored: Stored, plan: Plan) -> Values:
    """The amount of a submission is that with the fees."""
    if stored.report is ReportKind.SUBMISSION:
        amount = sum((referral.total for referral in plan.of(Referral)), ZERO)
    else:
        amount = sum((row.due for row in plan.update), ZERO)
    same = {"file_name": stored.file_name, "report": stored.report.value, "rows": stored.rows}
    return same | {"amount": format_amount(amount)}


def _referred(referral: Referral, done: Done) -> Values:
    return {
        "number": referral.number,
        "library": referral.patron.branch,
        "case": done.opened.get(referral.number),
        "balance": format_amount(referral.balance),
        "fee": format_amount(referral.fee),
        "due": format_amount(referral.total),
        "lines": debits(referral.account.lines),
    }


def debits(lines: Iterable[Line]) -> list[Values]:
    """What somebody owes for, by type of debit, the largest sum first."""
    by_type: defaultdict[str | None, list[Decimal]] = defaultdict(list)
    for line in lines:
        if line.outstanding > ZERO:
            by_type[line.type].append(line.outstanding)
    return [
        {"type": kind, "count": len(sums), "outstanding": format_amount(sum(sums, ZERO))}
        for kind, sums in sorted(by_type.items(), key=lambda pair: (-sum(pair[1], ZERO), pair[0] or ""))
    ]


def _changed(decision: Decision, done: Done) -> Values:
    case = decision.case.id if isinstance(decision, Reopening | ChangedCase) else None
    return {
        "outcome": outcome(decision),
        "number": heir_of(decision) or decision.number,
        "case": case or done.opened.get(decision.number),
        "due": format_amount(decision.row.due) if decision.row else None,
        "sentence": _sentence(decision, done),
    }


def _sentence(decision: Decision, done: Done) -> str:
    """What happened, for somebody who knows the patron."""
    word = outcome(decision)
    if isinstance(decision, Adoption) and decision.released:
        return "owes nothing: released at once"
    if word == "released":
        restriction = ", restriction lifted" if decision.number in done.lifted else ""
        return f"flag off{'; restriction left, see above' if decision.number in done.blocked else restriction}"
    if isinstance(decision, Pause) and decision.row is None:
        return f"{decision.why}; the agency is told nothing"
    told = for_people(decision.row.due) if decision.row else "nothing"
    return SENTENCES[word].format(owes=for_people(decision.balance), told=told, why=decision.why)
