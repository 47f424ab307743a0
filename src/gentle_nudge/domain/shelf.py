"""A lost item, as it may stand on its shelf."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ShelfItem:
    """Where an item belongs, and what it is."""

    library: str | None
    location: str | None
    call_number: str | None
    barcode: str | None
    title: str | None
