"""How an explanation looks on a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gentle_nudge.domain.collections.explanation import Explanation
from gentle_nudge.domain.ledger import JudgedLine
from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.patron import FlagRow
from gentle_nudge.views.terminal import table


def explanation_lines(told: Explanation) -> Iterator[str]:
    """What a person reads: the facts, the lines with what counts, the sums, every rule, the cases."""
    candidate, policy, window = told.candidate, told.section.policy, told.window
    patron, account = candidate.patron, candidate.account
    yield f"Patron number {patron.number}, section {told.section.name}, {told.day:%A} {told.day}"
    category = f"category {patron.category} ({patron.category_type})"
    yield f"  branch {patron.branch}, {category}, born {patron.born or 'unknown'}"
    yield f"  flag {policy.flag}: {_values(patron.flag)}"
    if policy.exemption:
        yield f"  exemption {policy.exemption}: {_values(patron.exemption)}"
    yield f"  window {window.first} to {window.last}, both days included"
    yield from table(("line", "date", "type", "counts", "outstanding"), map(_line, told.lines), money=1)
    yield (
        f"  owed in window {format_amount(account.owed)}, balance {format_amount(account.balance)}, "
        f"whole balance {format_amount(account.whole_balance)}, threshold {format_amount(policy.threshold)}"
    )
    yield from table(("rule", "verdict"), ((r.name, _verdict(out)) for r, out in told.verdicts.items()), money=0)
    yield f"  {_conclusion(told)}"
    for case in told.cases:
        ended = f", {case.state} on {case.closed_on}: {case.why}" if case.closed_on else ""
        yield f"  case {case.id}: referred on {case.referred_on or 'an unknown day'}{ended}"


def _values(rows: tuple[FlagRow, ...]) -> str:
    return ", ".join(repr(row.value) if row.value is not None else "nothing" for row in rows) or "nothing"


def _line(line: JudgedLine) -> tuple[str, ...]:
    counts = "no: " + "; ".join(line.why_not) if line.why_not else "yes"
    return (
        str(line.id),
        f"{line.at:%Y-%m-%d %H:%M}" if line.at else "none",
        line.type or "",
        counts,
        format_amount(line.outstanding),
    )


def _verdict(keeps_out: bool) -> str:  # noqa: FBT001 - a verdict is a yes or a no
    return "keeps out" if keeps_out else "-"


def _conclusion(told: Explanation) -> str:
    return f"Not referred: {told.reason}." if told.reason else "Would be referred."


def explanation_json(told: Explanation) -> dict[str, Any]:
    """An explanation as plain values; no name, no address."""
    patron, account = told.candidate.patron, told.candidate.account
    return {
        "section": told.section.name,
        "day": told.day,
        "number": patron.number,
        "reason": told.reason.name if told.reason else None,
        "verdicts": {reason.name: keeps_out for reason, keeps_out in told.verdicts.items()},
        "owed_in_window": account.owed,
        "balance": account.balance,
        "whole_balance": account.whole_balance,
        "lines": [
            {
                "line": line.id,
                "at": line.at,
                "type": line.type,
                "outstanding": line.outstanding,
                "why_not": line.why_not,
            }
            for line in told.lines
        ],
        "cases": [
            {"case": case.id, "state": case.state, "referred_on": case.referred_on, "why": case.why}
            for case in told.cases
        ],
    }
