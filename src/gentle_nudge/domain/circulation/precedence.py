"""Which circulation rule wins for a loan, and which it beats."""

from __future__ import annotations

from dataclasses import dataclass

from gentle_nudge.domain.circulation.event import RulingLibraries
from gentle_nudge.domain.circulation.loan import Loan
from gentle_nudge.domain.circulation.snapshot import RuleRow, Snapshot, TriggerLayout


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedRule:
    """A rule name as Koha asks for it: `library`, `category` and `itemtype` asked, the winning row, those it beats.

    `value` is what Koha then uses, None without a row. `default` stands in for no value or an empty one.
    """

    name: str
    value: str | None
    library: str | None
    category: str | None
    itemtype: str | None
    row: RuleRow | None
    beaten: tuple[RuleRow, ...]
    default: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedPreference:
    """A preference with its value; not `stored`: Koha's default."""

    name: str
    value: str
    stored: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RulesOfLoan:
    """The answer of `timeline rules`: rules and preferences by name."""

    triggers: TriggerLayout
    libraries: RulingLibraries
    rules: tuple[AskedRule, ...]
    preferences: tuple[AskedPreference, ...]


def rules_of(snapshot: Snapshot, loan: Loan) -> RulesOfLoan:
    """Every rule and preference that has a say in this loan; the dates and amounts of the loan do not matter."""
    raise NotImplementedError
