"""The agency's invoice compared with what was sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadInvoice:
    """What the reading of an invoice found, as numbers; `library` is a section or `all`."""

    month: str
    library: str
    sent: int
    billed: int
    billed_twice: int
    never_sent: int
    other_month: int
    not_billed: int
