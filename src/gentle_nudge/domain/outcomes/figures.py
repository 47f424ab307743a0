"""What became of a case: recorded + grown = paid + returned + waived + other + referred again + owing + difference.

Everything follows from the rows of Koha's account offsets alone, so that a rule mended later mends the past too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from operator import attrgetter
from typing import Literal

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.money import ZERO

Kind = Literal["paid", "returned", "waived", "other"]
RETURNED = frozenset({("LOST", "LOST_FOUND"), ("PROCESSING", "PROCESSING_FOUND")})
WAIVED = frozenset({"WRITEOFF", "FORGIVEN", "DISCOUNT", "CANCELLATION"})
GONE = frozenset({CaseState.DELETED, CaseState.ANONYMIZED})
UNBLOCKED = frozenset({CaseState.RELEASED, CaseState.PAID})


@dataclass(frozen=True, kw_only=True, slots=True)
class Offset:
    """A row of Koha's `account_offsets` about a debit; `same_item`: its credit is about the item of the debit."""

    id: int
    day: date
    type: str
    amount: Decimal
    credit: int | None = None
    credit_type: str | None = None
    credit_amount: Decimal | None = None
    same_item: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Amounts:
    """The sums of lines. Each may be negative: a payment may be voided after its item was refunded."""

    recorded: Decimal = ZERO
    grown: Decimal = ZERO
    paid: Decimal = ZERO
    returned: Decimal = ZERO
    waived: Decimal = ZERO
    other: Decimal = ZERO
    referred_again: Decimal = ZERO
    owing: Decimal = ZERO
    difference: Decimal = ZERO

    @classmethod
    def total(cls, each: Iterable[Amounts]) -> Amounts:
        """The sums of all of them."""
        rows = list(each)
        return rows[0] if len(rows) == 1 else cls(**{name: sum(map(attrgetter(name), rows), ZERO) for name in NAMES})

    @property
    def left(self) -> Decimal:
        """What is owing by all that was counted."""
        return self.recorded + self.grown - self.paid - self.returned - self.waived - self.other


NAMES = tuple(field.name for field in fields(Amounts))


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What a case recorded of a line. Rows up to `last_offset` were there before; `is_fee`: the fee of the case."""

    case: int
    outstanding: Decimal
    last_offset: int = 0
    is_fee: bool = False
    day: date | None = None
    due_on: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowedLine:
    """A debit as Koha was last seen to have it; `owing` is None before the first copy.

    `shares` are those of the cases that recorded it, in order of case.
    """

    number: int
    type: str | None
    shares: tuple[Share, ...]
    owing: Decimal | None = None
    found_on: date | None = None
    gone_on: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LineFigures:
    """What became of one line in one case; `unseen` is the part of other that was settled between two nights."""

    line: int
    share: Share
    amounts: Amounts
    type: str | None = None
    gone_on: date | None = None
    unseen: Decimal = ZERO
    item_back: bool = False
    first_credit: date | None = None
    last_credit: date | None = None


def line_figures(line: FollowedLine, offsets: Sequence[Offset]) -> Iterator[LineFigures]:
    """What became of the line in each case that recorded it, by its offsets in order of id.

    Rows up to the `last_offset` of the next case belong to the case before, which owes nothing of the line any more.
    """
    for share, following in pairwise((*line.shares, None)):
        if share is None:
            continue
        counted = [
            offset
            for offset in offsets
            if offset.id > share.last_offset and (following is None or offset.id <= following.last_offset)
        ]
        sums, item_back = follow(share.outstanding, line.type, counted)
        left, unseen, referred_again, owing = sums.left, ZERO, ZERO, ZERO
        if following is not None:
            referred_again = following.outstanding
        elif line.gone_on is not None:
            unseen = left
        else:
            owing = left if line.owing is None else line.owing
        if following is None and line.type == "LOST" and line.found_on is not None:
            item_back = True
        days = [offset.day for offset in counted if offset.type == "APPLY" and offset.amount]
        yield LineFigures(
            line=line.number,
            share=share,
            amounts=replace(
                sums,
                other=sums.other + unseen,
                referred_again=referred_again,
                owing=owing,
                difference=left - unseen - referred_again - owing,
            ),
            type=line.type,
            gone_on=line.gone_on,
            unseen=unseen,
            item_back=item_back,
            first_credit=min(days, default=None),
            last_credit=max(days, default=None),
        )


def follow(recorded: Decimal, type_: str | None, offsets: Iterable[Offset]) -> tuple[Amounts, bool]:
    """What these rows have made of a line of this type, and whether its item was found."""
    left, grown, found = recorded, ZERO, False
    kinds: dict[Kind, Decimal] = {"paid": ZERO, "returned": ZERO, "waived": ZERO, "other": ZERO}
    used = defaultdict[int | None, Decimal](Decimal)
    for offset in offsets:
        kind, amount = kind_of(offset, type_), offset.amount
        if offset.type == "APPLY":
            kinds[kind] -= amount
            used[offset.credit] -= amount
            left += amount
            if kind == "returned":
                found = found or offset.credit_type == "LOST_FOUND"
                given_back = min(amount - (offset.credit_amount or ZERO), kinds["paid"])
                if given_back > 0:
                    kinds["paid"] -= given_back
                    kinds["returned"] += given_back
        elif offset.type == "VOID":
            undone = min(amount, used[offset.credit])
            kinds[kind] -= undone
            used[offset.credit] -= undone
            grown += amount - undone
            left += amount
        else:
            new = max(ZERO, left + amount)
            grown += new - left
            left = new
    return Amounts(recorded=recorded, grown=grown, **kinds), found


def kind_of(offset: Offset, line_type: str | None) -> Kind:
    """What a credit of this type does to a line of this type."""
    if offset.credit_type == "PAYMENT":
        return "paid"
    if (line_type, offset.credit_type) in RETURNED and offset.same_item:
        return "returned"
    return "waived" if offset.credit_type in WAIVED else "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowedCase:
    """The facts of a case that its figures need; without `referred_on` the day is unknown. `number`: first reported."""

    id: int
    section: str
    number: int | None = None
    referred_on: date | None = None
    adopted: bool = False
    owed: Decimal | None = None
    state: CaseState = CaseState.OPEN
    closed_on: date | None = None
    branch: str | None = None
    category: str | None = None
    age: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseFigures:
    """What became of a case: the sums of its recorded lines, and apart from them those of its fee."""

    case: FollowedCase
    lines: tuple[LineFigures, ...]
    amounts: Amounts
    fee: Amounts

    @classmethod
    def of(cls, case: FollowedCase, lines: Iterable[LineFigures]) -> CaseFigures:
        """The figures of a case with these lines, its fee among them."""
        lines = tuple(lines)
        amounts, fee = (
            Amounts.total(line.amounts for line in lines if line.share.is_fee is is_fee) for is_fee in (False, True)
        )
        return cls(case=case, lines=lines, amounts=amounts, fee=fee)

    @property
    def came_back(self) -> Decimal:
        """What was paid and returned."""
        return self.amounts.paid + self.amounts.returned

    @property
    def fee_other(self) -> Decimal:
        """All that became of the fee besides payments and waivers, less what it grew."""
        return self.fee.returned + self.fee.other + self.fee.referred_again - self.fee.grown

    @property
    def lost(self) -> list[LineFigures]:
        """The recorded charges for lost items."""
        return [line for line in self.lines if line.type == "LOST" and not line.share.is_fee]

    @property
    def items_back(self) -> int:
        """How many lost items were found."""
        return sum(line.item_back for line in self.lost)

    @property
    def is_unblocked(self) -> bool:
        """Whether the case has ended with everything paid."""
        return self.case.state in UNBLOCKED

    @property
    def is_settled(self) -> bool:
        """Whether nothing is owing of its lines and fee, and nothing was referred again."""
        rest = (self.amounts.owing, self.fee.owing, self.amounts.referred_again, self.fee.referred_again)
        return self.is_unblocked or not any(rest)

    @property
    def settled_on(self) -> date | None:
        """The day of the last credit of a settled case, without one the day on which it was closed."""
        if not self.is_settled:
            return None
        return max(filter(None, (line.last_credit for line in self.lines)), default=self.case.closed_on)

    @property
    def settled_after(self) -> int | None:
        """Days from the referral to the settlement; None if it is not settled or a day is unknown."""
        settled, referred = self.settled_on, self.case.referred_on
        return (settled - referred).days if settled and referred else None

    @property
    def first_credit(self) -> date | None:
        """The day of the first credit."""
        return min(filter(None, (line.first_credit for line in self.lines)), default=None)

    @property
    def owing_gone(self) -> Decimal:
        """What is owing of a patron who is gone."""
        return self.amounts.owing if self.case.state in GONE else ZERO
