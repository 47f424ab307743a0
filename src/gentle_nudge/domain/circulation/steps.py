"""What one day does to a loan: the steps of a night, and then those of the desk, each with its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from gentle_nudge.domain.circulation.account import RoadAccount, RoadLine
from gentle_nudge.domain.circulation.calendar import is_open, open_days
from gentle_nudge.domain.circulation.loan import Event, Kind, NotComputed, Why
from gentle_nudge.domain.circulation.notices import CourtesyNotice, NoticeLevel
from gentle_nudge.domain.circulation.refund import OWED, refunds
from gentle_nudge.domain.circulation.terms import RoadTerms
from gentle_nudge.domain.money import ZERO, format_amount, round_to_cent
from gentle_nudge.domain.wording import counted


@dataclass(kw_only=True)
class Steps:
    """A loan on its way, on the day that is walked now, with the events so far."""

    terms: RoadTerms
    day: date
    account: RoadAccount = field(default_factory=RoadAccount)
    events: list[Event] = field(default_factory=list)
    is_open: bool = True
    is_lost: bool = False
    is_restricted: bool = False
    is_blocked: bool = False
    fine_is_final: bool = False
    by_maxfine: bool = False
    owed_after_loss: Decimal | None = None
    forgiven: Decimal = ZERO

    def __post_init__(self) -> None:
        self.fine_is_final = not self.terms.fine.is_any

    def tell(self, kind: Kind, text: str, why: Iterable[Why], *, amount: Decimal | None = None, **letter: Any) -> None:
        """Note an event of this day, maybe with the `letter`; one of 0.00 is left out, but for a submission."""
        if amount is not None and not amount and kind != "submission":
            return
        late = (self.day - self.terms.due).days
        event = Event(
            day=self.day,
            late=late,
            open_late=open_days(self.terms.rules.closures, self.terms.due, self.day) if late > 0 else None,
            kind=kind,
            amount=amount,
            balance=self.account.balance,
            text=text,
            why=tuple(why),
            **letter,
        )
        self.events.append(event)

    @property
    def fine_may_change(self) -> bool:
        """Whether a later night may still write another fine."""
        return self.is_open and not self.is_lost and not self.fine_is_final

    def fine(self, *, at_desk: bool = False) -> None:
        """The fine of this night, or as it is computed once more when the item comes back."""
        terms = self.terms.fine
        is_written = at_desk or terms.on_closed_days or is_open(terms.closures, self.day)
        if not self.fine_may_change or not is_written:
            return
        line = self.account.latest(OWED)
        before = line.amount if line else ZERO
        cut = terms.written(self.day, before, self.account.owing(OWED))
        self.fine_is_final, self.by_maxfine = cut.is_final, self.by_maxfine or cut.why == terms.room_why
        change = cut.amount - before
        if cut.amount <= 0 or not change:
            return
        if line:
            line.amount, line.outstanding, line.day = cut.amount, line.outstanding + change, self.day
            self.account.touch(self.day)
        else:
            self.account.add(OWED, self.day, cut.amount, status="UNRETURNED")
        stop = f", cut by {' and '.join(each.name for each in cut.why)}" if cut.why else ""
        self.tell("fine", f"the fine grows to {cut.amount}{stop}", (*terms.why, *cut.why), amount=change)

    def notice(self, level: NoticeLevel) -> None:
        """A notice, and the restriction that goes with it."""
        number, letter, ways = level.level, level.letter, level.with_letter
        if ways:
            text = f"notice {number} ({letter}) goes out by {' and '.join(ways).replace('email', 'e-mail')}"
            self.tell("notice", text, level.why, level=number, letter=letter, transports=ways)
        if level.restricts_now and not self.is_restricted:
            self.is_restricted = True
            self.tell("restriction", f"notice {number} restricts the patron", level.why, level=number, letter=letter)

    def courtesy(self, notice: CourtesyNotice) -> None:
        """A courtesy notice."""
        self.tell("courtesy", notice.text, notice.why, letter=notice.letter, transports=notice.transports)

    def lose(self) -> None:
        """The item becomes lost; where that is charged, the loss is settled."""
        terms = self.terms.loss
        self.is_lost = True
        days = counted(terms.days or 0, "day")
        late = Why(source="calendar", name="more than", value=f"{days} late")
        text = f"the item becomes lost (value {terms.lost_value}): more than {days} late"
        self.tell("lost", text, (*terms.why, late))
        line = self.account.latest(OWED)
        if terms.settled and line:
            line.status = "LOST"
            self._forgive(line)
        if terms.charges:
            self._charge_loss()
        if terms.closes:
            self.tell("loan_closed", "the loss closes the loan", terms.closes_why)
            self._close()
        self.owed_after_loss = self.account.balance

    def _forgive(self, line: RoadLine) -> None:
        if self.terms.loss.forgives and line.outstanding > 0:
            self.forgiven, line.forgiven, line.outstanding = line.outstanding, line.outstanding, ZERO
            self.account.touch(self.day)
            why = (self.terms.rules.preference("WhenLostForgiveFine"),)
            self.tell("forgiven", "the loss forgives the fine", why, amount=-self.forgiven)

    def _charge_loss(self) -> None:
        (fee, why), price = self.terms.processing_fee, self.terms.price
        fee, by = round_to_cent(fee), self.terms.rules.preference("WhenLostChargeReplacementFee")
        if fee > 0:
            self.account.add("PROCESSING", self.day, fee)
            self.tell("processing", f"Koha charges its processing fee of {fee}", (by, *why), amount=fee)
        if price.amount:
            self.account.add("LOST", self.day, price.amount)
            text = f"Koha charges the replacement cost of {format_amount(price.amount)}"
            self.tell("replacement", text, (by, *price.why), amount=price.amount)

    def _close(self) -> None:
        was_open, self.is_open = self.is_open, False
        if was_open and self.is_restricted and self.terms.lifts_restrictions:
            lifts = self.terms.rules.preference("AutoRemoveOverduesRestrictions")
            self.tell("restriction_lifted", "with the loan, the restriction goes", (lifts,))

    def pay(self, amount: Decimal) -> None:
        """A payment on the charge for the lost item."""
        charge = self.account.latest("LOST")
        if charge is None or charge.outstanding < amount:
            raise NotComputed(
                f"there is no charge for the lost item that {format_amount(amount)} could be paid on",
                f"at most {format_amount(charge.outstanding)} can be paid on it"
                if charge
                else "on the day of the return this road has no such charge at all",
            )
        charge.settle(amount)
        self.account.touch(self.day)
        why = (Why(source="option", name="--paid", value=format_amount(amount)),)
        self.tell("payment", "paid on the charge for the lost item", why, amount=-amount)

    def come_back(self) -> None:
        """The item is brought back: the last fine, or the refunds of a lost one."""
        rules, was_lost = self.terms.rules, self.is_lost
        if self.day > self.terms.due and not was_lost and rules.snapshot.is_on("CalculateFinesOnReturn"):
            self.fine(at_desk=True)
        line = self.account.latest(OWED)
        if line and line.status == "UNRETURNED":
            line.status = "RETURNED"
        why = Why(source="option", name="--returned", value=str(self.day))
        self.tell("returned", "the item is brought back", [why])
        self._close()
        if self.terms.lost:
            for step in refunds(rules, self.terms.fine, self.account, lost=self.terms.lost, returned=self.day):
                self.tell(step.kind, step.text, step.why, amount=step.amount)

    def block(self) -> None:
        """At the end of a day: whether the debts have come to block check-outs, or no longer do."""
        limit, why = self.terms.debt_limit
        owing = self.account.blocking(self.terms.snapshot.restricting)
        blocks = limit is not None and owing > limit
        if blocks != self.is_blocked:
            self.is_blocked = blocks
            if blocks:
                self.tell("blocked", f"debts block check-outs: {owing} is more than {limit}", [why])
            else:
                self.tell("unblocked", f"check-outs are free again: {owing} is no longer more than {limit}", [why])
