"""The findings of `check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.views.plain import WHOLE, Figure, Note, Part, Style, View, notes

STYLES: dict[Severity, Style] = {Severity.PROBLEM: "problem", Severity.WARNING: "warning", Severity.NOTE: "plain"}


def finding_view(findings: Sequence[Finding]) -> View:
    """Each finding with why it matters and the way out; last, how many there are."""
    parts: list[Part] = [Figure(key=WHOLE, value=[asdict(finding) for finding in findings])]
    for finding in findings:
        parts += finding_notes(finding)
    count = f"Found: {numbers_of(findings)}." if findings else "Nothing found: everything is as it should be."
    return View(parts=[*parts, *notes(count)])


def finding_notes(finding: Finding) -> list[Note]:
    """A finding for people."""
    return [
        *notes(f"{finding.severity}: {finding.name}", style=STYLES[finding.severity]),
        *notes(finding.what, finding.why, f"-> {finding.way_out}", level=1),
        *([Note(text=finding.line, level=1, style="copy")] if finding.line else []),
    ]


def finding_values(finding: Finding) -> dict[str, Any]:
    """What programs get of a finding without a line to copy."""
    return {name: getattr(finding, name) for name in ("name", "severity", "what", "why", "way_out")}


def numbers_of(findings: Sequence[Finding]) -> str:
    """How many findings there are of each severity."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(f"{counts[severity]} {severity}{'s' * (counts[severity] != 1)}" for severity in Severity)
