"""Cases: what a night reads of them, the changes in bulk, what people ask, and how they are forgotten."""

from gentle_nudge.store.cases.asking import Due, dues_of, find, lines_of, listed, of_submission, opened_by
from gentle_nudge.store.cases.changing import (
    Moved,
    close,
    follow,
    mark_to_report,
    move,
    note,
    open_new,
    report_dues,
)
from gentle_nudge.store.cases.forgetting import closed_before, forget, forget_names, names_no_longer_needed
from gentle_nudge.store.cases.reading import (
    RecordedFee,
    open_case_patrons,
    open_cases,
    recorded_fees,
    recorded_lines,
    recorded_restrictions,
    sections,
    sections_with_open_ones,
    to_report,
    withdrawn_on,
)

__all__ = [
    "Due",
    "Moved",
    "RecordedFee",
    "close",
    "closed_before",
    "dues_of",
    "find",
    "follow",
    "forget",
    "forget_names",
    "lines_of",
    "listed",
    "mark_to_report",
    "move",
    "names_no_longer_needed",
    "note",
    "of_submission",
    "open_case_patrons",
    "open_cases",
    "open_new",
    "opened_by",
    "recorded_fees",
    "recorded_lines",
    "recorded_restrictions",
    "report_dues",
    "sections",
    "sections_with_open_ones",
    "to_report",
    "withdrawn_on",
]
