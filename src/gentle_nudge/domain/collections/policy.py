"""The library's rules as values: flag, window, policy, section."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from gentle_nudge.domain.ledger import Window
from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import Flag, PatronFields

GLOBAL = "global"


PLUGIN_COMMENT = "Patron sent to collections on {date}"


A_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The rules of one section, as `[policy]` and `[[library]]` give them; amounts in the library's currency."""

    threshold: Decimal
    processing_fee: Decimal
    flag: Flag
    minors: Literal["include", "exclude", "guardian"]
    send_to: tuple[str, ...] = ()
    copy_to: tuple[str, ...] = ()
    submit_on: Weekday = Weekday.SUNDAY
    count_fees_newer_than: int = 90
    count_fees_older_than: int = 60
    ignore_fees_before: date | None = None
    count_processing_fees: bool = False
    refer_withdrawn_charges: bool = False
    categories: frozenset[str] = frozenset()
    excluded_categories: frozenset[str] = frozenset()
    excluded_category_types: frozenset[str] = frozenset()
    debit_types: frozenset[str] = frozenset()
    excluded_debit_types: frozenset[str] = frozenset()
    require_lost_fee: bool = False
    adult_age: int = 18
    unknown_birthdate: Literal["include", "exclude"] = "exclude"
    exemption: Flag | None = None
    fee_debit_type: str = "MANUAL"
    fee_description: str = "UMS Processing Fee"
    fee_branch: str = "none"
    add_restriction: bool = False
    restriction_type: str = "MANUAL"
    restriction_comment: str = PLUGIN_COMMENT
    clear_paid: bool = False
    clear_at_or_below: Decimal = ZERO
    remove_restriction: bool = False
    released_due: Literal["balance", "zero"] = "balance"
    negative_due: Literal["as_is", "zero"] = "as_is"
    withdrawn_due: Literal["zero", "balance", "none"] = "zero"
    most_referrals: int | Literal["usual"] = "usual"
    most_adoptions: int = 20
    most_withdrawals: int = 20
    update_lists: Literal["all", "changed"] = "all"
    full_update_on: Weekday | None = Weekday.SUNDAY
    empty_report: Literal["sentence", "header", "none"] = "sentence"
    spreadsheet_guard: bool = True

    def window(self, day: date) -> Window:
        """The window of a run on this day; ages given the wrong way round are swapped."""
        newer, older = self.count_fees_newer_than, self.count_fees_older_than
        return Window(first=day - timedelta(days=max(newer, older)), last=day - timedelta(days=min(newer, older)))

    @property
    def patron_fields(self) -> PatronFields:
        """What these rules ask of a patron beyond the row in `borrowers`."""
        return PatronFields(flag=self.flag, exemption=self.exemption, guardians=self.minors == "guardian")

    def recipients(self) -> tuple[str, ...]:
        """Everybody who gets the reports by e-mail, each once, in the order of the settings."""
        return tuple(dict.fromkeys((*self.send_to, *self.copy_to)))

    def comment(self, day: date) -> str:
        """The comment of a restriction made on this day."""
        return self.restriction_comment.replace("{date}", day.isoformat())

    def made_this_comment(self, comment: str | None) -> bool:
        """Whether the whole comment is ours, or the plugin's, with any date."""
        return bool(comment) and any(
            re.fullmatch(re.escape(sentence.strip()).replace(r"\{date\}", A_DATE), (comment or "").strip())
            for sentence in (self.restriction_comment, PLUGIN_COMMENT)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The branches a section speaks for: those named, or all but those named."""

    branches: frozenset[str] = frozenset()
    all_but: bool = True

    def holds(self, branch: str | None) -> bool:
        """Whether the section speaks for this branch, whatever the letter case (as Koha's collation has it)."""
        named = (branch or "").casefold() in {each.casefold() for each in self.branches}
        return named != self.all_but


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A scope with its own policy: a `[[library]]`, or `global`, which is `[policy]` itself.

    `formerly` are its earlier names, `keeps_up` sections that are gone and whose open cases it goes on with,
    `sharing` the names of other sections whose cases use the same flag field.
    """

    name: str = GLOBAL
    policy: Policy
    scope: Scope = field(default_factory=Scope)
    charges_by: Literal["patron", "charge", "item"] = "patron"
    enabled: bool = True
    formerly: tuple[str, ...] = ()
    keeps_up: tuple[str, ...] = ()
    sharing: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which it made its runs."""
        return (self.name, *self.formerly)

    @property
    def cases_of(self) -> tuple[str, ...]:
        """The names of the sections whose cases are its own."""
        return (*self.names, *self.keeps_up)

    @property
    def is_global(self) -> bool:
        """Whether this is `[policy]` itself."""
        return self.name == GLOBAL
