"""A finding of `check`: what is wrong, why that matters, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs; only a problem makes `check` fail."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing worth knowing; `name` stays the same from release to release, so that scripts may ask for it.

    `line` is what the way out tells to copy as it is.
    """

    name: str
    severity: Severity = Severity.PROBLEM
    what: str
    why: str
    way_out: str
    line: str = ""
