"""A policy with other values, to ask what would be: `threshold=20`."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from gentle_nudge.domain.collections.policy import Policy
from gentle_nudge.errors import SettingsError
from gentle_nudge.settings.judging import judged

PLACE = "policy"


def what_if(policy: Policy, assignments: Sequence[str]) -> Policy:
    """The policy with these `key=value` put in, values as in TOML or plain words; SettingsError with all problems."""
    values = dict(_read(assignment) for assignment in assignments)
    tables, problems = judged({PLACE: values}, None)
    if problems:
        raise SettingsError(tuple(f"--set {problem.about[0][-1]}: {problem.sentence}" for problem in problems))
    changed = {key: getattr(tables.policy, key) for key in values}
    return replace(policy, **changed)


def _read(assignment: str) -> tuple[str, object]:
    key, sign, text = assignment.partition("=")
    if not sign:
        raise SettingsError((f"--set {assignment}: write key=value, such as threshold=20",))
    try:
        return key.strip(), tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), text.strip()
