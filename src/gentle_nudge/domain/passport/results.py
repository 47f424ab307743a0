"""What the commands of the passport found and did, as it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.passport.admission import Refusal
from gentle_nudge.domain.passport.answer import Answer, Outcome
from gentle_nudge.domain.passport.difference import Difference, Memory, Passported, Skipped
from gentle_nudge.domain.passport.mapping import Value
from gentle_nudge.domain.passport.same_person import Duplicate
from gentle_nudge.domain.passport.terms import PassportServer


@dataclass(frozen=True, kw_only=True, slots=True)
class Here:
    """The patron who has the card here; `home` is what their attribute names."""

    number: int
    by: Literal["card", "userid"]
    home: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LookedUp:
    """What is known of a card."""

    card: str
    here: Here | None
    answers: list[Answer]


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyRequest:
    """Who is wanted here; without a server all are asked."""

    card: str
    server: str | None = None
    dry_run: bool = False
    not_duplicate: bool = False
    allow_fee: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Copied:
    """What became of the request; `server` is the home, None while none is known."""

    request: CopyRequest
    outcome: Literal["made", "exists", "not_found", "refused"]
    server: PassportServer | None = None
    refusal: Refusal | None = None
    number: int | None = None
    columns: Mapping[str, Value | int] = field(default_factory=dict)
    attribute: str | None = None
    messages: int = 0
    fee: Decimal = ZERO
    restricted_until: date | None = None
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A patron about whom their home was asked."""

    patron: Passported
    answer: Answer

    @property
    def number(self) -> int:
        """The patron's."""
        return self.patron.number

    @property
    def server(self) -> PassportServer:
        """The home's."""
        return self.answer.server


@dataclass(frozen=True, kw_only=True, slots=True)
class Refreshed:
    """What a refresh did; each list in order of number. `held_at`: so few may change that it has changed nobody."""

    dry_run: bool
    asked: Mapping[int, Asked] = field(default_factory=dict)
    skipped: Mapping[int, tuple[Passported, Skipped]] = field(default_factory=dict)
    changed: Mapping[int, Difference] = field(default_factory=dict)
    memory: Mapping[int, Memory] = field(default_factory=dict)
    held_at: int | None = None

    @property
    def not_found(self) -> list[Asked]:
        """Those whom their home does not know any more."""
        return [each for each in self.asked.values() if each.answer.outcome in {Outcome.NOT_FOUND, Outcome.CLONE}]

    @property
    def failed(self) -> list[Asked]:
        """Those of whom nothing was heard."""
        return [each for each in self.asked.values() if each.answer.outcome.is_failure]

    @property
    def unchanged(self) -> int:
        """How many are as they are at home."""
        return len(self.asked) - len(self.changed) - len(self.not_found) - len(self.failed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicates:
    """The pairs in order of number, and the answers that failed, by patron."""

    found: list[Duplicate]
    failed: dict[int, Answer]
