"""What is given back when a lost item is brought back, and what is owed again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from gentle_nudge.domain.circulation.account import DebitOrCredit, RoadAccount
from gentle_nudge.domain.circulation.event import Why
from gentle_nudge.domain.circulation.fine import FineTerms
from gentle_nudge.domain.circulation.precedence import WITHOUT_VALUE, LoanRules, as_number

OWED, FOUND = "OVERDUE", "FOUND"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refunded:
    """One step of the refund: the event's kind, what it changes the balance by, in words, and why."""

    kind: Literal["refund_lost", "refund_processing", "fine_restored", "fine"]
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
    charge = account.latest("LOST")
    if charge and policy != "0":
        yield _refund(account, charge, returned, Refunded(kind="refund_lost", amount=Decimal(0), text=policy, why=why))
    for_processing, processing_why = _policy(rules, "processingreturn")
    processing = account.latest("PROCESSING")
    if processing and for_processing != "0":
        told = Refunded(kind="refund_processing", amount=Decimal(0), text=for_processing, why=processing_why)
        yield _refund(account, processing, returned, told)
    fined = account.latest(OWED)
    if policy == "restore" and fined and fined.forgiven:
        fined.outstanding, amount, fined.forgiven = fined.outstanding + fined.forgiven, fined.forgiven, Decimal(0)
        account.touch(returned)
        yield Refunded(kind="fine_restored", amount=amount, text="the forgiven fine is owed again", why=why)
    elif policy == "charge" and fined and fine.is_any:
        cut = fine.written(returned, Decimal(0), account.owing(OWED))
        if cut.amount > 0:
            account.add(OWED, returned, cut.amount, status="RETURNED")
            text = f"a new fine of {cut.amount} up to the day of the return"
            yield Refunded(kind="fine", amount=cut.amount, text=text, why=(*why, *fine.why, *cut.why))


def _policy(rules: LoanRules, name: str) -> tuple[str, tuple[Why, ...]]:
    value, whys = rules.value(name), rules.whys(name)
    default = WITHOUT_VALUE[name]
    assumed = () if value else (Why(source="assumption", name=name, value=default),)
    return value or default, (*whys, *assumed, rules.preference("RefundLostOnReturnControl"))


def _refund(account: RoadAccount, charge: DebitOrCredit, day: date, told: Refunded) -> Refunded:
    """Credit what is outstanding, and with any policy but `refund_unpaid` what was paid; the rest stays unused."""
    paid = Decimal(0) if told.text == "refund_unpaid" else charge.credited
    credit = charge.outstanding + paid
    unused = charge.settle(credit)
    charge.status = FOUND
    if unused:
        account.add(f"{charge.type}_FOUND", day, -unused)
    account.touch(day)
    what = "the replacement cost" if charge.type == "LOST" else "Koha's processing fee"
    return Refunded(kind=told.kind, amount=-credit, text=f"{what} is credited, by the rule {told.text}", why=told.why)
