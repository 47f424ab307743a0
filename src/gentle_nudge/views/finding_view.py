"""The findings of `check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.views.plain import WHOLE, Column, Note, View, column, table

COLUMNS: tuple[Column[Finding], ...] = (
    column(None, lambda finding: finding.name, key="name"),
    column(None, lambda finding: finding.severity, key="severity"),
    column(None, lambda finding: finding.what, key="what"),
    column(None, lambda finding: finding.why, key="why"),
    column(None, lambda finding: finding.way_out, key="way_out"),
)


def finding_view(findings: Sequence[Finding]) -> View:
    """Each finding with why it matters and the way out; at last how many there are."""
    parts = [table(COLUMNS, findings, WHOLE)]
    notes = [
        note
        for finding in findings
        for note in (
            Note(text=f"{finding.severity}: {finding.name}"),
            *(Note(text=text, level=1) for text in (finding.what, finding.why, f"-> {finding.way_out}")),
        )
    ]
    counts = Counter(finding.severity for finding in findings)
    said = [f"{counts[severity]} {severity}{'' if counts[severity] == 1 else 's'}" for severity in Severity]
    count = f"Found: {', '.join(said)}." if findings else "Nothing found: everything is as it should be."
    return View(parts=[*parts, *notes, Note(text=count)])
