"""Which circulation rule wins for a loan, which it beats, and whose library is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cached_property
from itertools import product

from gentle_nudge.domain.circulation.event import RowSource, RulingLibraries, Why
from gentle_nudge.domain.circulation.loan import Loan
from gentle_nudge.domain.circulation.snapshot import (
    INSTALLED,
    Closures,
    RowsByName,
    RuleRow,
    Scope,
    Snapshot,
    TriggerLayout,
    small,
)

TRIGGER = re.compile(r"overdue_\d+_")
FULL = (
    *("issuelength", "renewalperiod", "lengthunit", "daysmode", "hardduedate", "hardduedatecompare", "fine"),
    *("chargeperiod", "chargeperiod_charge_at", "firstremind", "overduefinescap", "cap_fine_to_replacement_price"),
    *("recall_overdue_fine", "finedays", "maxsuspensiondays", "suspension_chargeperiod", "renewalsallowed"),
    *("norenewalbefore", "auto_renew", "noautorenewalbefore", "no_auto_renewal_after", "maxissueqty"),
    *("maxonsiteissueqty", "rentaldiscount", "reservesallowed", "holds_per_record", "holds_per_day", "onshelfholds"),
    "opacitemholds",
)
BY_ITEM_TYPE = ("lost_item_processing_fee", "holdallowed", "hold_fulfillment_policy", "returnbranch")
BY_CATEGORY = ("patron_maxissueqty", "patron_maxonsiteissueqty")
BY_LIBRARY = ("lostreturn", "processingreturn")
OF_HOLDS = frozenset(
    ("reservesallowed", "holds_per_record", "holds_per_day", "onshelfholds", "opacitemholds", *BY_ITEM_TYPE[1:3])
)
UNTOLD = frozenset({"KohaAdminEmailAddress", "OverdueTriggersCalendar", "ReturnBeforeExpiry"})
WITHOUT_VALUE = {"lostreturn": "refund", "processingreturn": "refund", "lengthunit": "days", "issuelength": "0"}


def candidates(rows: RowsByName, name: str, asked: Scope) -> list[RuleRow]:
    """The rows of this name that fit, the winner first; a scope that is not given fits rows for any only."""
    by_scope = rows.get(name)
    if not by_scope:
        return []
    libraries, categories, itemtypes = ((None,) if code is None else (small(code), None) for code in asked)
    scopes = product(libraries, categories, itemtypes)
    return [by_scope[scope] for scope in scopes if scope in by_scope]


def ruling_libraries(snapshot: Snapshot, loan: Loan) -> RulingLibraries:
    """Whose rules hold; the library of the check-out holds the item, and it is brought back there."""
    home_or_holding = (
        loan.library if snapshot.preference("HomeOrHoldingBranch") == "holdingbranch" else loan.item_library
    )
    charged = {"ItemHomeLibrary": home_or_holding, "PatronLibrary": loan.patron_library}
    notified = {"item-homebranch": loan.item_library, "patron-homebranch": loan.patron_library}
    refunded = {"ItemHomeBranch": loan.item_library}
    return RulingLibraries(
        circulation=charged.get(snapshot.preference("CircControl"), loan.library),
        notices=notified.get(snapshot.preference("OverdueNoticeFrom"), loan.library),
        loss=charged.get(snapshot.preference("LostChargesControl"), loan.library),
        refund=refunded.get(snapshot.preference("RefundLostOnReturnControl"), loan.library),
    )


@dataclass(frozen=True, kw_only=True)
class LoanRules:
    """The rules and preferences of one loan, each asked for the library that Koha asks."""

    snapshot: Snapshot
    loan: Loan

    @cached_property
    def libraries(self) -> RulingLibraries:
        """Whose rules hold."""
        return ruling_libraries(self.snapshot, self.loan)

    @cached_property
    def closures(self) -> Closures:
        """The calendar of the library that rules due date and fine."""
        return self.snapshot.closures.get(self.libraries.circulation, Closures())

    @cached_property
    def notice_closures(self) -> Closures:
        """The calendar of the library that rules the notices."""
        return self.snapshot.closures.get(self.libraries.notices, Closures())

    @cached_property
    def _candidates(self) -> dict[str, list[RuleRow]]:
        return {}

    def asked(self, name: str) -> Scope:
        """The library, category and item type that Koha asks for this name."""
        loan, libraries = self.loan, self.libraries
        if name in BY_LIBRARY:
            return libraries.refund, None, None
        library = libraries.circulation
        if name == "lost_item_processing_fee":
            library = libraries.loss
        elif TRIGGER.match(name):
            library = libraries.notices
        elif name == "returnbranch":
            library = loan.item_library
        elif name in OF_HOLDS:
            by_item = self.snapshot.preference("ReservesControlBranch") == "ItemHomeLibrary"
            library = loan.item_library if by_item else loan.patron_library
        category = None if name in BY_ITEM_TYPE else loan.category
        return library, category, None if name in BY_CATEGORY else loan.itemtype

    def candidates(self, name: str) -> list[RuleRow]:
        """The rows of this name that fit, the winner first."""
        if name not in self._candidates:
            self._candidates[name] = candidates(self.snapshot.rules_by_name, name, self.asked(name))
        return self._candidates[name]

    def row(self, name: str) -> RuleRow | None:
        """The winning row."""
        return next(iter(self.candidates(name)), None)

    def value(self, name: str) -> str:
        """The value of the winning row; empty without one."""
        row = self.row(name)
        return row.value.strip() if row else ""

    def number(self, name: str) -> Decimal | None:
        """The value as a number; None if it is empty or unreadable."""
        return as_number(self.value(name))

    def day(self, name: str) -> date | None:
        """The value as a date; None if it is empty or unreadable."""
        try:
            return date.fromisoformat(self.value(name)[:10])
        except ValueError:
            return None

    def whys(self, *names: str) -> tuple[Why, ...]:
        """The winning rows of these names as reasons."""
        return tuple(rule_why(row) for row in map(self.row, names) if row)

    def preference(self, name: str) -> Why:
        """A preference as a reason."""
        return Why(source="preference", name=name, value=self.snapshot.preference(name))


def as_number(text: str) -> Decimal | None:
    """The text as a number; None if it is empty or none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def rule_why(row: RuleRow, source: RowSource = "rule") -> Why:
    """A row as a reason."""
    scope = " / ".join(code if code is not None else "*" for code in (row.library, row.category, row.itemtype))
    return Why(source=source, name=row.name, value=row.value, id=row.id, scope=scope)


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
    rules = LoanRules(snapshot=snapshot, loan=loan)
    named = {*FULL, *BY_ITEM_TYPE, *BY_CATEGORY, *BY_LIBRARY}
    named |= {name for name in snapshot.rules_by_name if rules.candidates(name)}
    return RulesOfLoan(
        triggers=snapshot.layout,
        libraries=rules.libraries,
        rules=tuple(_asked_rule(rules, name) for name in sorted(named)),
        preferences=tuple(_preferences(snapshot, INSTALLED.keys() - UNTOLD)),
    )


def _asked_rule(rules: LoanRules, name: str) -> AskedRule:
    library, category, itemtype = rules.asked(name)
    row, beaten = rules.row(name), tuple(rules.candidates(name)[1:])
    stands_in = rules.snapshot.preference("useDaysMode") if name == "daysmode" else WITHOUT_VALUE.get(name)
    return AskedRule(
        name=name,
        value=row.value if row else None,
        library=library,
        category=category,
        itemtype=itemtype,
        row=row,
        beaten=beaten,
        default=None if row and row.value.strip() else stands_in,
    )


def _preferences(snapshot: Snapshot, names: Iterable[str]) -> Iterable[AskedPreference]:
    for name in sorted(names):
        yield AskedPreference(name=name, value=snapshot.preference(name), stored=name in snapshot.preferences)
