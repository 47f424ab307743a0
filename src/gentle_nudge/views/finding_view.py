"""How the findings of `check` look on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gentle_nudge.domain.finding import Finding, Severity


def finding_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Each finding with why it matters and the way out; at last how many there are."""
    for finding in findings:
        yield f"{finding.severity}: {finding.name}"
        yield from (f"  {text}" for text in (finding.what, finding.why, f"-> {finding.way_out}"))
    counts = Counter(finding.severity for finding in findings)
    said = [f"{counts[severity]} {severity}{'' if counts[severity] == 1 else 's'}" for severity in Severity]
    yield f"Found: {', '.join(said)}." if findings else "Nothing found: everything is as it should be."
