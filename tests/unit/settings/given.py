"""Configurations as a librarian would write them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gentle_nudge.domain.collections.policy import Policy
from gentle_nudge.errors import SettingsError
from gentle_nudge.settings import Needs, Settings, load

KOHA = 'url = "mysql+pymysql://koha@db.library.example/koha_lib"'
POLICY = {
    "threshold": "25.00",
    "processing_fee": "10.00",
    "flag": '"sort1"',
    "minors": '"exclude"',
    "send_to": '["reports@agency.example"]',
}


def toml(rest: str = "", *, koha: str = KOHA, leave_out: str = "", **policy: str) -> str:
    """A configuration that is right but for what is asked: keys of [policy] as TOML, more tables as `rest`."""
    keys = {key: value for key, value in {**POLICY, **policy}.items() if key not in leave_out.split()}
    lines = [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join(["[koha]", koha, "[policy]", *lines, rest])


def loaded(folder: Path, text: str, environ: Mapping[str, str] | None = None, needs: Needs = "policy") -> Settings:
    """What is made of it."""
    file = folder / "gentle-nudge.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, environ=environ or {}, needs=needs)


def policy_of(settings: Settings) -> Policy:
    """The policy of its first section."""
    return settings.with_groups({})[0].policy


def problems(
    folder: Path, text: str, environ: Mapping[str, str] | None = None, needs: Needs = "policy"
) -> tuple[str, ...]:
    """What is wrong with it."""
    with pytest.raises(SettingsError) as caught:
        loaded(folder, text, environ, needs)
    return caught.value.problems
