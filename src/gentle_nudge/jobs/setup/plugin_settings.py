"""The settings that the plugin stored, and how the plugin itself understands them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from gentle_nudge.domain.money import parse_amount
from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.setting import LONGEST_AGE
from gentle_nudge.koha.read.plugin_data import PluginRules
from gentle_nudge.settings.values import whole

T = TypeVar("T")
SORT_FIELDS = ("sort1", "sort2")

# The two ages of the window, and what the plugin's form shows for one that is not set.
AGES = {"fees_starting_age": 60, "fees_ending_age": 90}


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """The SFTP server of the plugin, which does not know its host key."""

    host: str
    user: str
    directory: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginSettings:
    """The plugin's settings; a missing one is empty."""

    stored: Mapping[str, str]

    def raw(self, key: str) -> str:
        """The value as it is."""
        return self.stored.get(key, "")

    def text(self, key: str) -> str:
        """The value on one line, without surrounding blanks and control characters."""
        return " ".join("".join(sign if sign.isprintable() else " " for sign in self.raw(key)).split())

    def quoted(self, key: str) -> str:
        """The text in quotes, or the word empty."""
        return f'"{self.text(key)}"' if self.text(key) else "empty"

    def parsed(self, key: str, parse: Callable[[str], T]) -> T | None:
        """The text as parsed; None if the parser refuses it."""
        try:
            return parse(self.text(key))
        except ValueError:
            return None

    def says_yes(self, key: str) -> bool:
        """Whether the value is the plugin's yes."""
        return self.raw(key) == "yes"


def ages(plugin: PluginSettings) -> tuple[int, int]:
    """The greater and the lesser age of the window in days; the plugin swaps them if need be."""
    typed = ((plugin.parsed(key, whole), default) for key, default in AGES.items())
    both = [default if age is None or not 0 <= age <= LONGEST_AGE else age for age, default in typed]
    return max(both), min(both)


def cut_off(plugin: PluginSettings) -> datetime | None:
    """The plugin's cut-off date, naive."""
    instant = plugin.parsed("fees_created_before_date_filter", datetime.fromisoformat)
    return instant and instant.replace(tzinfo=None)


def server(plugin: PluginSettings) -> Server | None:
    """The SFTP server, if the plugin uploads."""
    if not (host := plugin.text("host")):
        return None
    directory = plugin.text("upload_path") or "incoming"
    return Server(host=host, user=plugin.text("username"), directory=directory, password=plugin.raw("password"))


def rules(plugin: PluginSettings) -> PluginRules | None:
    """How the plugin itself selects by these settings; None if its night would fail."""
    threshold, flag = plugin.parsed("fees_threshold", parse_amount), plugin.text("collections_flag")
    if threshold is None or not flag:
        return None
    newer, older = ages(plugin)
    return PluginRules(
        threshold=threshold,
        flag=Flag.parse(flag if flag in SORT_FIELDS else f"attribute:{flag}"),
        newer_than=newer,
        older_than=older,
        categories=_split(plugin.raw("categorycodes")),
        debit_types=_split(plugin.raw("debit_type_codes")),
        require_lost=plugin.says_yes("require_lost_fee"),
        adults_only=plugin.says_yes("age_limitation"),
        after=cut_off(plugin),
    )


def _split(text: str) -> tuple[str, ...]:
    """The codes between commas, with their blanks; empty ones at the end are left out (Perl's split)."""
    return tuple(text.rstrip(",").split(",")) if text.strip(",") else ()
