"""Koha's configuration as read: rules, triggers, preferences, calendars, codes, letters, and the open loans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Literal

TriggerLayout = Literal["overduerules", "circulation_rules"]

# The preferences that the road asks for, with the value that Koha installs.
INSTALLED: Mapping[str, str] = {
    "AutoRemoveOverduesRestrictions": "no",
    "CalculateFinesOnReturn": "1",
    "ChargeFinesOnClosedDays": "0",
    "CircControl": "ItemHomeLibrary",
    "DefaultLongOverdueChargeValue": "",
    "DefaultLongOverdueDays": "",
    "DefaultLongOverdueLostValue": "",
    "DefaultLongOverduePatronCategories": "",
    "DefaultLongOverdueSkipLostStatuses": "",
    "DefaultLongOverdueSkipPatronCategories": "",
    "EnhancedMessagingPreferences": "1",
    "FinesIncludeGracePeriod": "1",
    "HomeOrHoldingBranch": "holdingbranch",
    "KohaAdminEmailAddress": "",
    "LostChargesControl": "ItemHomeLibrary",
    "MarkLostItemsAsReturned": "batchmod,moredetail,cronjob,additem,pendingreserves,onpayment",
    "MaxFine": "",
    "NoRefundOnLostReturnedItemsAge": "",
    "OverdueNoticeCalendar": "0",
    "OverdueNoticeFrom": "cron",
    "OverdueTriggersCalendar": "0",
    "RefundLostOnReturnControl": "CheckinLibrary",
    "ReservesControlBranch": "PatronLibrary",
    "ReturnBeforeExpiry": "0",
    "TranslateNotices": "0",
    "WhenLostChargeReplacementFee": "1",
    "WhenLostForgiveFine": "0",
    "finesCalendar": "noFinesWhenClosed",
    "finesMode": "off",
    "noissuescharge": "5",
    "useDaysMode": "Calendar",
    "useDefaultReplacementCost": "0",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleRow:
    """A row of `circulation_rules`; None stands for any library, category or item type.

    A filled cell of `overduerules` is one too, with the number of its row there, and the name that newer Kohas give it:
    `overdue_<n>_delay`, `_notice`, `_restrict` (1) or `_mtt` (transports, joined by commas). Branch '' is None.
    """

    id: int
    library: str | None = None
    category: str | None = None
    itemtype: str | None = None
    name: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Closures:
    """When a library is closed, of either layout; a day in `exceptions` is open whatever else is said.

    `weekly` are Koha's weekdays (0 is Sunday), `yearly` days as MMDD (1225), `single` dates.
    """

    weekly: frozenset[int] = frozenset()
    yearly: frozenset[int] = frozenset()
    single: frozenset[date] = frozenset()
    exceptions: frozenset[date] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class PatronCategory:
    """A patron category; without `debt_limit` of its own (NULL, or no such column) the preference holds."""

    code: str
    gets_notices: bool = True  # overduenoticerequired = 1
    debt_limit: Decimal | None = None  # noissuescharge


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemType:
    """An item type; `processing_fee` is None where a rule says it (no column `processfee`), and 0 if NULL."""

    code: str
    default_price: Decimal | None = None  # defaultreplacecost
    processing_fee: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Courtesy:
    """A courtesy notice so many days before the due date (0: on it), of a patron or of a category's template.

    `patrons`: how many patrons of the category have chosen one for that day; None for one patron's own.
    """

    days: int
    is_digest: bool = False
    transports: tuple[str, ...] = ()
    patrons: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenLoan:
    """Loans now open that agree in all of this, and how many they are (for `timeline check`).

    `library` is the one of the check-out, `itemtype` the item's, `lost` the item's `itemlost`, `price` the item's own.
    """

    library: str
    category: str
    itemtype: str
    due: date
    lost: int = 0
    price: Decimal | None = None
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything read of Koha's configuration.

    `rules` are all rows of `circulation_rules`. `triggers` are the filled cells of `overduerules` and its transports;
    empty with the newer layout, whose triggers are among the rules. `preferences` are the stored ones of INSTALLED by
    the name given there, NULL as "". A library without a calendar in `closures` is always open. `branches` are the
    libraries' own e-mail addresses (`branchemail`), empty for none. `letters`: the transports of every letter of the
    module circulation and the language `default`, by its code and library in small letters; library '' is for all.
    `restricting`: the debit types with `restricts_checkouts`. `fines_by_plugin`: a plugin has `overwrite_calc_fine`.
    `open_loans` are read for `timeline check` alone.
    """

    rules: tuple[RuleRow, ...] = ()
    layout: TriggerLayout = "overduerules"
    triggers: tuple[RuleRow, ...] = ()
    preferences: Mapping[str, str] = field(default_factory=dict)
    closures: Mapping[str, Closures] = field(default_factory=dict)
    branches: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, PatronCategory] = field(default_factory=dict)
    itemtypes: Mapping[str, ItemType] = field(default_factory=dict)
    letters: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    restricting: frozenset[str] = frozenset({"OVERDUE", "LOST", "PROCESSING"})
    fines_by_plugin: bool = False
    open_loans: tuple[OpenLoan, ...] = ()

    def preference(self, name: str) -> str:
        """The value of a preference: the stored one, else the one that Koha installs."""
        return self.preferences.get(name, INSTALLED[name]).strip()

    def is_on(self, name: str) -> bool:
        """Whether a switch among the preferences is on."""
        return self.preference(name) not in {"", "0"}

    @cached_property
    def rules_by_name(self) -> RowsByName:
        """The rules by name and scope."""
        return by_name_and_scope(self.rules)

    @cached_property
    def triggers_by_name(self) -> RowsByName:
        """The cells of the older layout, or the triggers among the rules, by name and scope."""
        if self.layout == "overduerules":
            return by_name_and_scope(self.triggers)
        return {name: rows for name, rows in self.rules_by_name.items() if name.startswith("overdue_")}


Scope = tuple[str | None, str | None, str | None]  # library, category, item type, in small letters; None: any
RowsByName = Mapping[str, Mapping[Scope, RuleRow]]


def small(code: str | None) -> str | None:
    """A code as Koha's database compares it."""
    return code.casefold() if code is not None else None


def by_name_and_scope(rows: Iterable[RuleRow]) -> RowsByName:
    """The rows by name and scope; of several of the same scope the first one made."""
    found: dict[str, dict[Scope, RuleRow]] = {}
    for row in rows:
        scope = (small(row.library), small(row.category), small(row.itemtype))
        first = found.setdefault(row.name, {}).setdefault(scope, row)
        if row.id < first.id:
            found[row.name][scope] = row
    return found
