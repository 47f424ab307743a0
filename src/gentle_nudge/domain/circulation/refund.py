"""What is given back when a lost item is brought back, and what is owed again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from gentle_nudge.domain.circulation.account import RoadAccount
from gentle_nudge.domain.circulation.fine import FineTerms
from gentle_nudge.domain.circulation.loan import Why
from gentle_nudge.domain.circulation.precedence import WITHOUT_VALUE, LoanRules, as_number
from gentle_nudge.domain.money import ZERO

OWED, FOUND = "OVERDUE", "FOUND"
RefundKind = Literal["refund_lost", "refund_processing", "fine_restored", "fine"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Refunded:
    """One step of the refund: the event's kind, what it changes the balance by, in words, and why."""

    kind: RefundKind
    amount: Decimal
    text: str
    why: tuple[Why, ...]


def refunds(
    rules: LoanRules, fine: FineTerms, account: RoadAccount, *, lost: date, returned: date
) -> Iterator[Refunded]:
    """The refunds of an item that was lost on a day and brought back on another, done to the account step by step."""
    age = as_number(rules.snapshot.preference("NoRefundOnLostReturnedItemsAge"))
    if age is not None and (returned - lost).days >= age:
        return
    policy, why = _policy(rules, "lostreturn")
    yield from _refund(rules, account, "LOST", returned)
    yield from _refund(rules, account, "PROCESSING", returned)
    fined = account.latest(OWED)
    if policy == "restore" and fined and fined.forgiven:
        fined.outstanding, amount, fined.forgiven = fined.outstanding + fined.forgiven, fined.forgiven, ZERO
        account.touch(returned)
        yield Refunded(kind="fine_restored", amount=amount, text="the forgiven fine is owed again", why=why)
    elif policy == "charge" and fined and fine.is_any:
        cut = fine.written(returned, ZERO, account.owing(OWED))
        if cut.amount > 0:
            account.add(OWED, returned, cut.amount, status="RETURNED")
            text = f"a new fine of {cut.amount} up to the day of the return"
            yield Refunded(kind="fine", amount=cut.amount, text=text, why=(*why, *fine.why, *cut.why))


def _policy(rules: LoanRules, name: str) -> tuple[str, tuple[Why, ...]]:
    value, default = rules.value(name), WITHOUT_VALUE[name]
    assumed = () if value else (Why(source="assumption", name=name, value=default),)
    return value or default, (*rules.whys(name), *assumed, rules.preference("RefundLostOnReturnControl"))


def _refund(rules: LoanRules, account: RoadAccount, type_: str, day: date) -> Iterator[Refunded]:
    """Credit what is outstanding, and with any policy but `refund_unpaid` what was paid; the rest stays unused."""
    policy, why = _policy(rules, "lostreturn" if type_ == "LOST" else "processingreturn")
    charge = account.latest(type_)
    if charge is None or policy == "0":
        return
    credit = charge.outstanding + (ZERO if policy == "refund_unpaid" else charge.credited)
    unused = charge.settle(credit)
    charge.status = FOUND
    if unused:
        account.add(f"{charge.type}_FOUND", day, -unused)
    account.touch(day)
    what = "the replacement cost" if type_ == "LOST" else "Koha's processing fee"
    kind: RefundKind = "refund_lost" if type_ == "LOST" else "refund_processing"
    yield Refunded(kind=kind, amount=-credit, text=f"{what} is credited, by the rule {policy}", why=why)
