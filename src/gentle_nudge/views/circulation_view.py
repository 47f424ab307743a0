"""Which circulation rules win, and which settings contradict each other."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gentle_nudge.domain.circulation.contradictions import Contradiction, Contradictions
from gentle_nudge.domain.circulation.loan import Combination, Loan
from gentle_nudge.domain.circulation.precedence import AskedPreference, AskedRule, RulesOfLoan
from gentle_nudge.domain.circulation.snapshot import RuleRow
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.finding_view import finding_notes, numbers_of
from gentle_nudge.views.plain import Column, Part, View, column, figures, notes, table
from gentle_nudge.views.timeline_view import combination_values, finding_values


def scope(row: RuleRow) -> str:
    """For whom a rule is: `CPL / PT / *`."""
    return " / ".join(each or "*" for each in (row.library, row.category, row.itemtype))


def _of_row(name: str) -> Any:
    return lambda rule: getattr(rule.row, name) if rule.row else None


SHEET: tuple[Column[AskedRule], ...] = (
    column(None, lambda rule: rule.name, key="name"),
    column(None, lambda rule: rule.value, key="value"),
    *(column(None, _of_row(name), key=name) for name in ("library", "category", "itemtype", "id")),
    column(None, lambda rule: " ".join(str(row.id) for row in rule.beaten), key="beaten"),
)
RULES: tuple[Column[AskedRule], ...] = (
    column("rule", lambda rule: rule.name, "word"),
    column("value", lambda rule: rule.value or (f"({rule.default})" if rule.default else "(empty)"), "word"),
    column("of", lambda rule: scope(rule.row) if rule.row else "", "word"),
    column("number", lambda rule: rule.row and rule.row.id, "number"),
    column("asked of", lambda rule: rule.library or "", "word"),
    column("beats", lambda rule: "; ".join(f"{row.value or '(empty)'} ({scope(row)})" for row in rule.beaten)),
)
PREFERENCES: tuple[Column[AskedPreference], ...] = (
    column("preference", lambda each: each.name, "word"),
    column("value", lambda each: each.value or "(empty)"),
    column("by", lambda each: "the library" if each.stored else "as installed", "word", key=None),
)


def rules_view(loan: Loan, rules: RulesOfLoan) -> View:
    """Every rule and preference that has a say in the loan."""
    used = [rule for rule in rules.rules if rule.row or rule.default]
    nowhere = ", ".join(rule.name for rule in rules.rules if not rule.row and not rule.default)
    ruling = ", ".join(f"{what} {library}" for what, library in asdict(rules.libraries).items())
    asked = f"A loan at {loan.library}, patron category {loan.category}, item type {loan.itemtype}"
    return View(
        parts=[
            *figures(
                **combination_values(loan),
                triggers=rules.triggers,
                rules=[_rule(rule) for rule in rules.rules],
                preferences=[asdict(each) for each in rules.preferences],
            ),
            *notes(f"{asked}; ruled: {ruling}."),
            table(RULES, used, empty="No rule is for this loan."),
            *(notes(f"No rule: {nowhere}.") if nowhere else ()),
            table(PREFERENCES, rules.preferences),
        ]
    )


def rules_sheet(rules: RulesOfLoan) -> View:
    """The same rules for a spreadsheet."""
    return View(parts=[table(SHEET, rules.rules, "rules")])


def _rule(rule: AskedRule) -> dict[str, Any]:
    asked = {"library": rule.library, "category": rule.category, "itemtype": rule.itemtype}
    return {
        "name": rule.name,
        "value": rule.value,
        "asked": asked,
        "row": _row(rule.row) if rule.row else None,
        "beaten": [_row(row) for row in rule.beaten],
        "default": rule.default,
    }


def _row(row: RuleRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("id", "library", "category", "itemtype", "value")}


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
