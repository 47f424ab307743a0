"""Why a patron is, or is not, referred: facts, lines, sums, the verdict of every rule, cases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.explanation import Explanation
from gentle_nudge.domain.collections.list_days import next_submission_day
from gentle_nudge.domain.collections.referral import Reason
from gentle_nudge.domain.collections.review import ListRow, Place
from gentle_nudge.domain.ledger import JudgedLine
from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.patron import OLDEST, FlagRow, known_birth
from gentle_nudge.views.plain import Column, View, column, figures, notes, table, unseen

LINES: tuple[Column[JudgedLine], ...] = (
    column("line", lambda line: line.id, "number"),
    *unseen(at="at"),
    column("date", lambda line: f"{line.at:%Y-%m-%d %H:%M}" if line.at else "none", "day", key=None),
    column("type", lambda line: line.type),
    column("counts", lambda line: f"no: {'; '.join(line.why_not)}" if line.why_not else "yes", key=None),
    column("outstanding", lambda line: line.outstanding, "money"),
    *unseen(why_not="why_not"),
)

VERDICTS: tuple[Column[tuple[Reason, bool]], ...] = (
    column("rule", lambda verdict: verdict[0].name),
    column("verdict", lambda verdict: "keeps out" if verdict[1] else "-"),
)

CASES = unseen(case="id", state="state", referred_on="referred_on", why="why")


def explanation_view(explanation: Explanation) -> View:
    """The patron as one section sees them; in JSON without a name or an address."""
    patron, account = explanation.candidate.patron, explanation.candidate.account
    section, reason, verdicts = explanation.section, explanation.reason, explanation.verdicts
    sums = {"owed in window": account.owed, "balance": account.balance, "whole balance": account.whole_balance}
    amounts = {**sums, "threshold": section.policy.threshold}
    open_cases = [case for case in explanation.cases if case.state is CaseState.OPEN]
    return View(
        parts=[
            *notes(f"Patron number {patron.number}, section {section.name}, {explanation.day:%A} {explanation.day}"),
            *notes(*(f"In collections since {_since(case)} (case {case.id})." for case in open_cases)),
            *figures(section=section.name, day=explanation.day, number=patron.number),
            *figures(reason=reason.name if reason else None if account.can_be_kept else "SUMS_TOO_LARGE"),
            *figures(reopens_case=explanation.reopening.case.id if explanation.reopening else None),
            *figures(verdicts={rule.name: keeps_out for rule, keeps_out in verdicts.items()}),
            *figures(**{what.replace(" ", "_"): amount for what, amount in sums.items()}),
            *notes(*_facts(explanation), level=1),
            table(LINES, explanation.lines, "lines", level=1),
            *notes(", ".join(f"{what} {format_amount(amount)}" for what, amount in amounts.items()), level=1),
            table(VERDICTS, verdicts.items(), level=1),
            *notes(_verdict(explanation), level=1),
            table(CASES, explanation.cases, "cases"),
            *notes(*(_case(case) for case in explanation.cases if case not in open_cases), level=1),
        ]
    )


def _facts(explanation: Explanation) -> Iterator[str]:
    patron, policy, window = explanation.candidate.patron, explanation.section.policy, explanation.window
    category = f"category {patron.category} ({patron.category_type})"
    born = str(patron.born or "unknown")
    if patron.born and not known_birth(patron.born, explanation.day):
        born += f" (more than {OLDEST} years ago, so unknown)"
    yield f"branch {patron.branch}, {category}, born {born}"
    yield f"flag {policy.flag}: {_values(patron.flag)}"
    if policy.exemption:
        yield f"exemption {policy.exemption}: {_values(patron.exemption)}"
    yield f"window {window.first} to {window.last}, both days included"


def _verdict(explanation: Explanation) -> str:
    if explanation.reopening:
        case = explanation.reopening.case
        return f"Case {case.id} would be reopened, without a second fee: its charges owe again."
    if explanation.reason:
        return f"Not referred: {explanation.reason}{_about_the_list(explanation)}."
    if not explanation.candidate.account.can_be_kept:
        return "Not referred: passed over, because the sums are too large to be kept."
    return "Would be referred."


def _about_the_list(explanation: Explanation) -> str:
    """What the list says, if it is the reason."""
    place = explanation.candidate.records.place
    match explanation.reason, place:
        case Reason.LEFT_OUT, Place(row=ListRow(why=why, who=who, at=at)):
            when = f" on {at.date()}" if at else ""
            return f" for {place.for_day} ({who}{when}: {why})"
        case Reason.NOT_ON_THE_LIST, Place():
            return f": {next_submission_day(explanation.section.policy, explanation.day)}"
        case _:
            return ""


def _values(rows: tuple[FlagRow, ...]) -> str:
    return ", ".join("nothing" if row.value is None else repr(row.value) for row in rows) or "nothing"


def _since(case: Case) -> date | str:
    return case.referred_on or "an unknown day"


def _case(case: Case) -> str:
    return f"case {case.id}: referred on {_since(case)}, {case.state} on {case.closed_on}: {case.why}"
