"""What the plugin was told: its settings as it stored them, and how it understands them itself."""

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
    """The SFTP server of the plugin; the host key is not known to it."""

    host: str
    user: str
    directory: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginSettings:
    """The plugin's settings; a setting that is not there is empty."""

    stored: Mapping[str, str]

    def raw(self, key: str) -> str:
        """The value as it is."""
        return self.stored.get(key, "")

    def text(self, key: str) -> str:
        """The value on one line, without surrounding blanks and control characters."""
        return " ".join("".join(sign if sign.isprintable() else " " for sign in self.raw(key)).split())

    def says_yes(self, key: str) -> bool:
        """Whether the value is the plugin's yes."""
        return self.raw(key) == "yes"


def amount_of(given: PluginSettings, key: str) -> Decimal | None:
    """The amount, None where there is none that our settings would take."""
    try:
        return parse_amount(given.text(key))
    except ValueError:
        return None


def ages(given: PluginSettings) -> tuple[int, int]:
    """The greater and the lesser age of the window in days; the plugin swaps them if need be."""
    defaults = (STARTING, ENDING)
    found = [_age(text, default) for text, default in zip(given_ages(given), defaults, strict=True)]
    return max(found), min(found)


def given_ages(given: PluginSettings) -> tuple[str, str]:
    """The two ages of the window as they were typed."""
    return given.text("fees_starting_age"), given.text("fees_ending_age")


def _age(text: str, default: int) -> int:
    try:
        age = whole(text)
    except ValueError:
        return default
    return age if 0 <= age <= LONGEST_AGE else default


def cut_off(given: PluginSettings) -> datetime | None:
    """The plugin's cut-off date, naive."""
    try:
        return datetime.fromisoformat(given.text("fees_created_before_date_filter")).replace(tzinfo=None)
    except ValueError:
        return None


def server(given: PluginSettings) -> Server | None:
    """The SFTP server, if the plugin uploads."""
    host = given.text("host")
    if not host:
        return None
    return Server(
        host=host,
        user=given.text("username"),
        directory=given.text("upload_path") or "incoming",
        password=given.raw("password"),
    )


def rules(given: PluginSettings) -> PluginRules | None:
    """How the plugin itself selects by these settings; None where its night would fail."""
    threshold, said = amount_of(given, "fees_threshold"), given.text("collections_flag")
    if threshold is None or not said:
        return None
    newer, older = ages(given)
    return PluginRules(
        threshold=threshold,
        flag=Flag.parse(said if said in SORT_FIELDS else f"attribute:{said}"),
        newer_than=newer,
        older_than=older,
        categories=_split(given.raw("categorycodes")),
        debit_types=_split(given.raw("debit_type_codes")),
        require_lost=given.says_yes("require_lost_fee"),
        adults_only=given.says_yes("age_limitation"),
        after=cut_off(given),
    )


def _split(text: str) -> tuple[str, ...]:
    """The codes between commas, with their blanks; empty ones at the end are none (Perl's split)."""
    return tuple(text.rstrip(",").split(",")) if text.strip(",") else ()
