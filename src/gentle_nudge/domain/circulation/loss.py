"""When an item counts as lost, and what is charged for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self


@dataclass(frozen=True, kw_only=True, slots=True)
class LongOverdueJob:
    """How the crontab runs longoverdue.pl: its options, and whether it runs `first` in the night.

    `runs` is preferences (no option given), options, or off. None and () stand for options that are not given.
    """

    runs: Literal["preferences", "options", "off"] = "preferences"
    first: bool = False
    days: int | None = None
    lost: str | None = None
    charge: str | None = None
    categories: tuple[str, ...] = ()
    skip_categories: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    skip_libraries: tuple[str, ...] = ()
    itemtypes: tuple[str, ...] = ()
    skip_itemtypes: tuple[str, ...] = ()
    skip_lost_values: tuple[str, ...] = ()
    mark_returned: bool = False
    maxdays: int = 366
    confirm: bool = True

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the setting `longoverdue`; ValueError says what is needed instead. `first` is set by `replace`."""
        raise NotImplementedError
