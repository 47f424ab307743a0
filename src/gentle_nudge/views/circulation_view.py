"""Which circulation rules win, and which settings contradict each other."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gentle_nudge.domain.circulation.contradictions import Contradiction, Contradictions
from gentle_nudge.domain.circulation.loan import Combination
from gentle_nudge.domain.circulation.precedence import TOLD, AskedRule, LoanRules, asked_rules
from gentle_nudge.domain.circulation.snapshot import RuleRow
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.finding_view import finding_notes, finding_values, numbers_of
from gentle_nudge.views.plain import Column, Part, View, column, figures, notes, table, unseen
from gentle_nudge.views.timeline_view import combination_values

SCOPE = ("library", "category", "itemtype")


def scope(row: RuleRow) -> str:
    """For whom a rule is: `CPL / PT / *`."""
    return " / ".join(each or "*" for each in (row.library, row.category, row.itemtype))


def _of_row(name: str) -> Any:
    return lambda rule: getattr(rule.row, name) if rule.row else None


SHEET: tuple[Column[AskedRule], ...] = (
    column(None, lambda rule: rule.name, key="name"),
    *(column(None, _of_row(name), key=name) for name in ("value", *SCOPE, "id")),
    column(None, lambda rule: " ".join(str(row.id) for row in rule.beaten), key="beaten"),
)
RULES: tuple[Column[AskedRule], ...] = (
    column("rule", lambda rule: rule.name, "word"),
    column("value", lambda rule: (rule.row and rule.row.value) or f"({rule.default or 'empty'})", "word"),
    column("of", lambda rule: scope(rule.row) if rule.row else "", "word"),
    column("number", lambda rule: rule.row and rule.row.id, "number"),
    column("asked of", lambda rule: rule.scope[0] or "", "word"),
    column("beats", lambda rule: "; ".join(f"{row.value or '(empty)'} ({scope(row)})" for row in rule.beaten)),
)
ASKED: tuple[Column[AskedRule], ...] = (
    *SHEET[:2],
    column(None, lambda rule: dict(zip(SCOPE, rule.scope, strict=True)), "nested", key="asked"),
    column(None, lambda rule: rule.row and _row(rule.row), "nested", key="row"),
    column(None, lambda rule: [_row(row) for row in rule.beaten], "nested", key="beaten"),
    *unseen(default="default"),
)


def rules_view(rules: LoanRules) -> View:
    """Every rule and preference that has a say in the loan."""
    asked, loan, snapshot = asked_rules(rules), rules.loan, rules.snapshot
    nowhere = ", ".join(rule.name for rule in asked if not rule.row and not rule.default)
    ruling = ", ".join(f"{what} {library}" for what, library in asdict(rules.libraries).items())
    preferences: tuple[Column[str], ...] = (
        column("preference", str, "word", key="name"),
        column(None, snapshot.preference, key="value"),
        column("value", lambda name: snapshot.preference(name) or "(empty)", key=None),
        column(None, lambda name: name in snapshot.preferences, key="stored"),
        column("by", lambda name: "the library" if name in snapshot.preferences else "as installed", "word", key=None),
    )
    parts: list[Part] = [
        *figures(**combination_values(loan), triggers=snapshot.layout),
        table(ASKED, asked, "rules"),
        *notes(
            f"A loan at {loan.library}, patron category {loan.category}, item type {loan.itemtype}; ruled: {ruling}."
        ),
        table(RULES, [rule for rule in asked if rule.row or rule.default], empty="No rule is for this loan."),
        *(notes(f"No rule: {nowhere}.") if nowhere else ()),
        table(preferences, TOLD, "preferences"),
    ]
    return View(parts=parts)


def rules_sheet(rules: LoanRules) -> View:
    """The same rules for a spreadsheet."""
    return View(parts=[table(SHEET, asked_rules(rules), "rules")])


def _row(row: RuleRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("id", *SCOPE, "value")}


FOUND: tuple[Column[tuple[Contradiction, Combination | None]], ...] = (
    column(None, lambda row: row[0].finding.name, key="name"),
    column(None, lambda row: row[0].finding.severity.value, key="severity"),
    column(None, lambda row: row[1] and row[1].library, key="library"),
    column(None, lambda row: row[1] and row[1].category, key="category"),
    column(None, lambda row: row[1] and row[1].itemtype, key="itemtype"),
    column(None, lambda row: row[0].finding.what, key="what"),
)


def contradictions_sheet(answer: Contradictions) -> View:
    """A row for each finding and each combination that it concerns."""
    rows = [(each, combination) for each in answer.found for combination in each.combinations or (None,)]
    return View(parts=[table(FOUND, rows, "findings")])


def contradictions_view(answer: Contradictions) -> View:
    """Every finding with the combinations that it concerns; last, how many were judged."""
    found = [
        {**finding_values(each.finding), "combinations": [asdict(one) for one in each.combinations]}
        for each in answer.found
    ]
    parts: list[Part] = figures(combinations=answer.combinations, hourly=answer.hourly, findings=found)  # type: ignore[assignment]
    for each in answer.found:
        parts += finding_notes(each.as_finding)
    judged = counted(answer.combinations, "combination")
    hourly = f", {answer.hourly} lent by the hour left out" if answer.hourly else ""
    findings = [each.finding for each in answer.found]
    count = f"found: {numbers_of(findings)}" if findings else "no setting contradicts another"
    if not answer.combinations and not answer.hourly:
        count = (
            "there is no open loan, and no rule for one library, category and item type. Name all three to judge one"
        )
    return View(parts=[*parts, *notes(f"{judged} judged{hourly}; {count}.")])
