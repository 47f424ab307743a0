"""Snapshots and roads for the tests: the libraries of the worked cases, with their usual settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from gentle_nudge.domain.circulation.findings import findings_of
from gentle_nudge.domain.circulation.loan import (
    Event,
    Loan,
    RemindersOfRoad,
    SoFar,
    SubmissionRules,
    SubmissionVerdict,
    Why,
)
from gentle_nudge.domain.circulation.long_overdue import LongOverdueJob
from gentle_nudge.domain.circulation.snapshot import (
    Closures,
    ItemType,
    PatronCategory,
    RuleRow,
    Snapshot,
)
from gentle_nudge.domain.circulation.terms import RoadTerms
from gentle_nudge.domain.circulation.walk import Road, walk
from gentle_nudge.domain.money import ZERO

USUAL = {
    "finesMode": "production",
    "HomeOrHoldingBranch": "homebranch",
    "DefaultLongOverdueLostValue": "2",
    "DefaultLongOverdueChargeValue": "2",
    "useDaysMode": "Days",
}
YEAR = 2026
CLOSED_AT_CPL = Closures(weekly=frozenset({0}), single=frozenset({date(2026, 4, 3), date(2026, 4, 6)}))
LETTERS = ("ODUE", "ODUE2", "ODUE3")
PREFERENCES = {"lost": "DefaultLongOverdueDays", "forgive": "WhenLostForgiveFine"}


def rules(*rows: tuple[str, str] | tuple[str, str, str]) -> tuple[RuleRow, ...]:
    """Rule rows from a name, a value and perhaps a scope such as `CPL PT *`, numbered from 1."""
    made = []
    for number, (name, value, *scope) in enumerate(rows, start=1):
        library, category, itemtype = (
            None if code == "*" else code for code in (scope[0] if scope else "* * *").split()
        )
        made.append(RuleRow(id=number, library=library, category=category, itemtype=itemtype, name=name, value=value))
    return tuple(made)


def triggers(
    delays: tuple[int, ...], *, category: str = "PT", library: str | None = None, number: int = 1, restricts: int = 0
) -> tuple[RuleRow, ...]:
    """The cells of a row of `overduerules`, by e-mail."""
    cells = []
    for level, (delay, letter) in enumerate(zip(delays, LETTERS, strict=False), start=1):
        parts = {"delay": str(delay), "notice": letter, "mtt": "email"} | (
            {"restrict": "1"} if level == restricts else {}
        )
        cells += [(f"overdue_{level}_{part}", value) for part, value in parts.items()]
    return tuple(
        RuleRow(id=number, library=library, category=category, name=name, value=value) for name, value in cells
    )


def snapshot(
    *rows: RuleRow,
    cells: tuple[RuleRow, ...] = (),
    itemtype: ItemType | None = None,
    gets_notices: bool = True,
    **preferences: str,
) -> Snapshot:
    """Koha as in the worked cases."""
    named = {code: PatronCategory(code=code, gets_notices=gets_notices) for code in ("PT", "ST")}
    types = {code: ItemType(code=code, processing_fee=ZERO) for code in ("BK", "DVD")}
    return Snapshot(
        rules=tuple(rows),
        triggers=cells,
        preferences=USUAL | preferences,
        closures={"CPL": CLOSED_AT_CPL},
        branches={code: f"{code}@library.example" for code in ("CPL", "FPL", "MPL")},
        categories=named,
        itemtypes=types | ({itemtype.code: itemtype} if itemtype else {}),
        letters={code.casefold(): {"": frozenset({"email"})} for code in (*LETTERS, "PREDUE", "DUE")},
    )


def loan(combination: str = "FPL/PT/BK", **facts: object) -> Loan:
    """A loan of a combination, all of whose libraries are that one; due on Monday 2026-03-16."""
    library, category, itemtype = combination.split("/")
    made = Loan(library=library, item_library=library, patron_library=library, category=category, itemtype=itemtype)
    known = {"due": date(2026, 3, 16)} if "checkout" not in facts else {}
    return replace(made, **(known | facts))  # type: ignore[arg-type]  # the facts of a Loan, by name


def policy(threshold: str = "25.00", fee: str = "10.00", *, older: int = 60, newer: int = 90) -> SubmissionRules:
    """Submissions on Mondays of whoever owes the threshold in the window."""

    def judge(so_far: SoFar) -> SubmissionVerdict:
        first, last = (so_far.day - timedelta(days=days) for days in (newer, older))
        owed = sum((line.outstanding for line in so_far.lines if first <= line.day <= last), ZERO)
        why = (Why(source="setting", name="threshold", value=threshold),)
        reason = (
            None if min(owed, so_far.balance) >= Decimal(threshold) else "owes less than the threshold in the window"
        )
        return SubmissionVerdict(owed=owed, fee=Decimal(fee), reason=reason, why=why)

    return SubmissionRules(section="global", judge=judge, threshold=Decimal(threshold), count_fees_newer_than=newer)


NOBODY = SubmissionRules(none_because="no section speaks for it")
PREFERENCES_DECIDE = LongOverdueJob()


def road(
    koha: Snapshot,
    asked: Loan,
    submissions: SubmissionRules = NOBODY,
    *,
    job: LongOverdueJob = PREFERENCES_DECIDE,
    reminders: RemindersOfRoad | None = None,
) -> Road:
    return walk(RoadTerms.of(koha, asked, job), submissions, reminders)


def told(events: Road, *kinds: str) -> list[tuple[str, str]]:
    """The days of the events of these kinds, each with its amount, else its level or nothing, as text."""
    return [(f"{event.day:%m-%d}", _figure(event)) for event in events.events if event.kind in kinds]


def _figure(event: Event) -> str:
    return str(event.amount if event.amount is not None else (event.level or ""))


def balances(events: Road) -> Mapping[str, str]:
    """The balance after the fine of every day of 2026 on which it changed."""
    fines = (event for event in events.events if event.kind == "fine" and event.day.year == YEAR)
    return {f"{event.day:%m-%d}": str(event.balance) for event in fines}


def names(events: Road) -> list[str]:
    return sorted(finding.name for finding in findings_of(events))


# The rules of a usual loan: 14 days, 0.50 a day at the end of each, at most 10.00.
PLAIN = rules(("issuelength", "14"), ("fine", "0.50"), ("chargeperiod", "1"), ("overduefinescap", "10.00"))
FIRST_CASE = {
    "cells": triggers((7, 14, 28), restricts=2),
    "itemtype": ItemType(code="BK", processing_fee=Decimal("5.00")),
    "DefaultLongOverdueDays": "29",
    "WhenLostForgiveFine": "1",
}


def first_case(*more: RuleRow, **changed: object) -> Snapshot:
    """The settings of the first worked case, with other rules or settings."""
    return snapshot(*(more or PLAIN), **(FIRST_CASE | changed))  # type: ignore[arg-type]  # both by name
