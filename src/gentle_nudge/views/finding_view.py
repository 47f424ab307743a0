"""The findings of `check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.views.plain import WHOLE, Figure, Note, Part, View


def finding_view(findings: Sequence[Finding]) -> View:
    """Each finding with why it matters and the way out; at last how many there are."""
    parts: list[Part] = [Figure(key=WHOLE, value=[asdict(finding) for finding in findings])]
    for finding in findings:
        parts += [Note(text=f"{finding.severity}: {finding.name}")]
        parts += [Note(text=text, level=1) for text in (finding.what, finding.why, f"-> {finding.way_out}")]
    counts = Counter(finding.severity for finding in findings)
    said = [f"{counts[severity]} {severity}{'' if counts[severity] == 1 else 's'}" for severity in Severity]
    count = f"Found: {', '.join(said)}." if findings else "Nothing found: everything is as it should be."
    return View(parts=[*parts, Note(text=count)])
