"""The fine for overdue days: its units, its amount, and what cuts it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Self

from gentle_nudge.domain.circulation.calendar import open_days
from gentle_nudge.domain.circulation.loan import Why
from gentle_nudge.domain.circulation.precedence import LoanRules, as_number
from gentle_nudge.domain.circulation.snapshot import Closures
from gentle_nudge.domain.money import format_amount, round_to_cent

OF_AMOUNT = ("fine", "chargeperiod", "firstremind", "chargeperiod_charge_at", "overduefinescap")
NONE = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What the item costs to replace, as Koha would use it, with the reasons; 0.00 if there is no price."""

    amount: Decimal
    why: tuple[Why, ...]


def price_of(rules: LoanRules) -> Price:
    """The item's own price, else the default of its type if `useDefaultReplacementCost` is on."""
    loan, snapshot = rules.loan, rules.snapshot
    itemtype = snapshot.itemtypes.get(loan.itemtype)
    default = itemtype.default_price if itemtype else None
    if not loan.price and default and snapshot.preference("useDefaultReplacementCost") == "1":
        why = Why(source="itemtype", name="defaultreplacecost", value=format_amount(default))
        return Price(amount=round_to_cent(default), why=(rules.preference("useDefaultReplacementCost"), why))
    return Price(amount=loan.price, why=(Why(source="option", name="--price", value=format_amount(loan.price)),))


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """An amount, and what cut it if something did."""

    amount: Decimal
    why: tuple[Why, ...] = ()
    is_final: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FineTerms:
    """How one loan is fined. `ceiling` is the least of the rule's maximum and the price; None: there is none.

    `room` is what MaxFine leaves for this loan beside the patron's other fines; None: no limit.
    """

    due: date
    closures: Closures
    is_charged: bool
    on_closed_days: bool
    skips_closed_days: bool
    fine: Decimal
    period: Decimal
    grace: Decimal
    grace_counts: bool
    at_start: bool
    ceiling: Decimal | None
    ceiling_why: tuple[Why, ...]
    room: Decimal | None
    room_why: tuple[Why, ...]
    why: tuple[Why, ...]

    @classmethod
    def of(cls, rules: LoanRules, due: date, price: Price) -> Self:
        """The terms of this loan."""
        snapshot = rules.snapshot
        cap, most = rules.number("overduefinescap"), as_number(snapshot.preference("MaxFine"))
        ceilings = [(cap, rules.whys("overduefinescap"))] if cap and cap > 0 else []
        if rules.value("cap_fine_to_replacement_price") not in {"", "0"} and price.amount:
            ceilings.append((price.amount, (*rules.whys("cap_fine_to_replacement_price"), *price.why)))
        ceiling, ceiling_why = min(ceilings, key=lambda each: each[0], default=(None, ()))
        preferences = ("finesMode", "finesCalendar", *(["FinesIncludeGracePeriod"] if rules.row("firstremind") else []))
        return cls(
            due=due,
            closures=rules.closures,
            is_charged=snapshot.preference("finesMode") == "production",
            on_closed_days=snapshot.preference("ChargeFinesOnClosedDays") == "1",
            skips_closed_days=snapshot.preference("finesCalendar") == "noFinesWhenClosed",
            fine=rules.number("fine") or NONE,
            period=rules.number("chargeperiod") or NONE,
            grace=rules.number("firstremind") or NONE,
            grace_counts=snapshot.is_on("FinesIncludeGracePeriod"),
            at_start=rules.value("chargeperiod_charge_at") == "1",
            ceiling=ceiling,
            ceiling_why=ceiling_why,
            room=most - (rules.loan.other_overdue or NONE) if most else None,
            room_why=(rules.preference("MaxFine"),),
            why=(*rules.whys(*OF_AMOUNT), *map(rules.preference, preferences)),
        )

    @property
    def is_any(self) -> bool:
        """Whether nights may ever write a fine."""
        return self.is_charged and self.fine > 0 and self.period > 0

    def uncut(self, day: date) -> Decimal:
        """The amount on this day, before anything cuts it."""
        units = open_days(self.closures, self.due, day) if self.skips_closed_days else (day - self.due).days
        after_grace = units - self.grace
        if self.period <= 0 or after_grace <= 0:
            return NONE
        counted = Decimal(units) if self.grace_counts else after_grace
        rounding = ROUND_CEILING if self.at_start else ROUND_FLOOR
        return (counted / self.period).to_integral_value(rounding) * self.fine

    def amount(self, day: date) -> Cut:
        """The amount on this day by the rules alone."""
        amount = self.uncut(day)
        if self.ceiling is not None and amount >= self.ceiling:
            is_cut = amount > self.ceiling
            return Cut(amount=round_to_cent(self.ceiling), why=self.ceiling_why if is_cut else (), is_final=True)
        return Cut(amount=round_to_cent(amount))

    def written(self, day: date, before: Decimal, owing: Decimal) -> Cut:
        """The amount of the line after this day, which was `before` and of which so much is `owing`."""
        cut = self.amount(day)
        if self.room is None or cut.amount <= before:
            return cut
        room = self.room - owing
        if room <= 0:
            return Cut(amount=before, why=self.room_why, is_final=True)
        if cut.amount > before + room:
            return Cut(amount=round_to_cent(before + room), why=self.room_why, is_final=True)
        return cut
