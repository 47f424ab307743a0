"""The settings that the plugin stored, and how the plugin itself understands them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from gentle_nudge.domain.money import parse_amount
from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.setting import LONGEST_AGE
from gentle_nudge.koha.read.plugin_data import PluginRules
from gentle_nudge.settings.values import whole

SORT_FIELDS = ("sort1", "sort2")

# What the plugin's form shows for ages that are not set.
STARTING, ENDING = 60, 90


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

    def says_yes(self, key: str) -> bool:
        """Whether the value is the plugin's yes."""
        return self.raw(key) == "yes"


def amount_of(plugin: PluginSettings, key: str) -> Decimal | None:
    """The amount; None if our settings would not take it."""
    try:
        return parse_amount(plugin.text(key))
    except ValueError:
        return None


def ages(plugin: PluginSettings) -> tuple[int, int]:
    """The greater and the lesser age of the window in days; the plugin swaps them if need be."""
    starting, ending = ages_as_typed(plugin)
    both = _age(starting, STARTING), _age(ending, ENDING)
    return max(both), min(both)


def ages_as_typed(plugin: PluginSettings) -> tuple[str, str]:
    """The two ages of the window as texts, in the order of the plugin's form."""
    return plugin.text("fees_starting_age"), plugin.text("fees_ending_age")


def _age(text: str, default: int) -> int:
    try:
        age = whole(text)
    except ValueError:
        return default
    return age if 0 <= age <= LONGEST_AGE else default


def cut_off(plugin: PluginSettings) -> datetime | None:
    """The plugin's cut-off date, naive."""
    try:
        return datetime.fromisoformat(plugin.text("fees_created_before_date_filter")).replace(tzinfo=None)
    except ValueError:
        return None


def server(plugin: PluginSettings) -> Server | None:
    """The SFTP server, if the plugin uploads."""
    if not (host := plugin.text("host")):
        return None
    directory = plugin.text("upload_path") or "incoming"
    return Server(host=host, user=plugin.text("username"), directory=directory, password=plugin.raw("password"))


def rules(plugin: PluginSettings) -> PluginRules | None:
    """How the plugin itself selects by these settings; None if its night would fail."""
    threshold, flag = amount_of(plugin, "fees_threshold"), plugin.text("collections_flag")
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
