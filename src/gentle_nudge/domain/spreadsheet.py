"""Texts as cells of a CSV file: line ends, and the guard against formulas."""

from __future__ import annotations

import re

# What a spreadsheet would run as a formula; a sign before nothing but a number or a telephone number is harmless.
SUSPECT = "=@+-\t\r"
FORMULA = re.compile(r"[=@\t\r]|[+-](?![0-9 ().\-/x]*\Z)")


def plain(text: str | None) -> str:
    r"""The text with every line end as \n (a bare CR would break the row); None is empty."""
    if not text:
        return ""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def guarded(text: str | None) -> str:
    """The plain text, with a leading ' if a spreadsheet would take it for a formula."""
    if not text:
        return ""
    # Nearly every text ends here: this is asked of every cell.
    if text[0] not in SUSPECT and "\r" not in text:
        return text
    return f"'{plain(text)}" if FORMULA.match(text) else plain(text)
