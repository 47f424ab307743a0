"""Which circulation rule wins for a loan, which it beats, and whose library is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cached_property
from itertools import product

from gentle_nudge.domain.circulation.loan import Loan, RowSource, RulingLibraries, Why
from gentle_nudge.domain.circulation.snapshot import (
    INSTALLED,
    Closures,
    RowsByName,
    RuleRow,
    Scope,
    Snapshot,
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
TOLD = sorted(INSTALLED.keys() - {"KohaAdminEmailAddress", "OverdueTriggersCalendar", "ReturnBeforeExpiry"})
WITHOUT_VALUE = {"lostreturn": "refund", "processingreturn": "refund", "lengthunit": "days", "issuelength": "0"}


def candidates(rows: RowsByName, name: str, asked: Scope) -> list[RuleRow]:
    """The rows of this name that fit, the winner first; a scope that is not given fits rows for any only."""
    by_scope = rows.get(name)
    if not by_scope:
        return []
    libraries, categories, itemtypes = ((None,) if code is None else (small(code), None) for code in asked)
    scopes = product(libraries, categories, itemtypes)
    return [by_scope[scope] for scope in scopes if scope in by_scope]


@dataclass(frozen=True, kw_only=True)
class LoanRules:
    """The rules and preferences of one loan, each asked for the library that Koha asks."""

    snapshot: Snapshot
    loan: Loan

    @cached_property
    def libraries(self) -> RulingLibraries:
        """Whose rules hold; the library of the check-out holds the item, and it is brought back there."""
        snapshot, loan = self.snapshot, self.loan
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

    @cached_property
    def closures(self) -> Closures:
        """The calendar of the library that rules due date and fine."""
        return self.snapshot.closures.get(self.libraries.circulation, Closures())

    @cached_property
    def notice_closures(self) -> Closures:
        """The calendar of the library that rules the notices."""
        return self.snapshot.closures.get(self.libraries.notices, Closures())

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
        return candidates(self.snapshot.rules_by_name, name, self.asked(name))

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
    """A rule name, the `scope` that Koha asks for, the winning row, and those it beats.

    `default` stands in for no value or an empty one.
    """

    name: str
    scope: Scope
    row: RuleRow | None
    beaten: tuple[RuleRow, ...]
    default: str | None


def asked_rules(rules: LoanRules) -> list[AskedRule]:
    """Every rule that has a say in this loan, by name; the dates and amounts of the loan do not matter."""
    named = {*FULL, *BY_ITEM_TYPE, *BY_CATEGORY, *BY_LIBRARY}
    named |= {name for name in rules.snapshot.rules_by_name if rules.candidates(name)}
    defaults = {**WITHOUT_VALUE, "daysmode": rules.snapshot.preference("useDaysMode")}
    return [
        AskedRule(
            name=name,
            scope=rules.asked(name),
            row=rules.row(name),
            beaten=tuple(rules.candidates(name)[1:]),
            default=None if rules.value(name) else defaults.get(name),
        )
        for name in sorted(named)
    ]
