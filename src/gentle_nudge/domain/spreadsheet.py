"""Texts as cells of a CSV file: line ends, control characters, and the guard against formulas."""

from __future__ import annotations

import re

# All but tab and line ends.
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# A spreadsheet would run these as formulas, some after skipping blanks, some after making full-width signs plain ones.
# A sign before nothing but a number or a telephone number is harmless.
FORMULA = re.compile(r"[\t\r]|[\s\ufeff\u200b]*(?:[=\uff1d@\uff20]|[+\uff0b\-\uff0d](?![0-9 ().\-/x]*\Z))")
SUSPECT = frozenset(" =\uff1d@\uff20+\uff0b-\uff0d")


def plain(text: str | None) -> str:
    r"""The text with every line end as \n (a bare CR would break the row), without other controls; None is empty."""
    if not text:
        return ""
    if text.isprintable():
        return text
    return CONTROLS.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def guarded(text: str | None) -> str:
    """The plain text, with a leading ' if a spreadsheet would take it for a formula."""
    if not text:
        return ""
    # Nearly every text ends here: this is asked of every cell.
    if text[0] not in SUSPECT and text.isprintable():
        return text
    text = CONTROLS.sub("", text)
    return f"'{plain(text)}" if FORMULA.match(text) else plain(text)
