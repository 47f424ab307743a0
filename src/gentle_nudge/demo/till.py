"""Money at the desk, written as Koha writes it: charges, payments, write-offs, lost items that are found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, func, insert, literal, select, update

from gentle_nudge.demo.roles import Charge
from gentle_nudge.domain.money import ZERO
from gentle_nudge.koha.koha_tables import account_offsets, accountlines, old_issues
from gentle_nudge.sqltypes import Money

PAID_AFTER = timedelta(days=2)
OPENING, AFTERNOON, LAST_MINUTE = time(9), time(15, 20), time(23, 59)
What = Literal["paid", "returned", "waived"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What the desk did about a debit, in its own words; an amount below zero takes something back."""

    day: date
    number: int
    line: int
    type: str
    what: What
    amount: Decimal


class Debit(NamedTuple):
    """A charge as it stands: its number, its patron, its item if it has one, and what is outstanding."""

    line: int
    number: int
    item: int | None
    type: str
    outstanding: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Till:
    """The till of the sample library; `day` is the Sunday shown, from which days are counted back.

    `ledger` is what it has done about debits since it was opened.
    """

    conn: Connection
    day: date
    zone: ZoneInfo
    ledger: list[Entry] = field(default_factory=list)

    def instant(self, ago: int, at: time) -> datetime:
        """That time of the day so many days before the Sunday shown."""
        return datetime.combine(self.day - timedelta(days=ago), at, self.zone)

    def charge(self, number: int, charge: Charge) -> None:
        """Enter a charge, with the checkout of its item, or an unused credit."""
        at = self.instant(charge.ago, charge.at)
        if charge.amount < 0:
            self._credit(number, -charge.amount, at)
            return
        facts = {"description": charge.description, "itemnumber": charge.item, "old_issue_id": charge.item}
        line = self._line(number, at, charge.amount, debit_type_code=charge.type, **facts)
        self._offset(at, charge.amount, "CREATE", debit_id=line)
        if charge.due:
            due = self.instant(charge.due, LAST_MINUTE).replace(tzinfo=None)  # Koha writes it in the library's zone
            self.conn.execute(insert(old_issues).values(issue_id=charge.item, date_due=due))
        if charge.paid:
            self._apply(self._credit(number, charge.amount, at + PAID_AFTER), line, charge.amount, at + PAID_AFTER)

    def pay(self, number: int, ago: int, *, all_but: Decimal = ZERO) -> None:
        """Record a payment for the oldest charges first, after which the patron still owes `all_but`."""
        self._settle(number, ago, all_but, "PAYMENT")

    def waive(self, number: int, ago: int) -> None:
        """Write off all that the patron still owes."""
        self._settle(number, ago, ZERO, "WRITEOFF")

    def _settle(self, number: int, ago: int, all_but: Decimal, type_: str) -> None:
        at, line = self.instant(ago, AFTERNOON), accountlines.c
        debits = self._debits(line.borrowernumber == number, line.amountoutstanding > literal(ZERO, Money()))
        rest = sum((debit.outstanding for debit in debits), ZERO) - all_but
        credit = self._credit(number, rest, at, type_)
        for debit in debits:
            part = min(debit.outstanding, rest)
            if part > 0:
                self._apply(credit, debit.line, part, at)
                self._note(debit, at, "paid" if type_ == "PAYMENT" else "waived", part)
            rest -= part

    def find(self, items: Collection[int], ago: int) -> None:
        """These lost items are back: what was charged for them is credited, but for what was written off."""
        at, line = self.instant(ago, OPENING), accountlines.c
        for debit in self._debits(line.itemnumber.in_(items), line.debit_type_code.in_(["LOST", "PROCESSING"])):
            paid = self._paid(debit.line)
            refund = debit.outstanding + paid
            if refund:
                credit = self._credit(debit.number, refund, at, f"{debit.type}_FOUND", itemnumber=debit.item)
                self._apply(credit, debit.line, debit.outstanding, at)
            self._change(debit.line, status="FOUND")
            self._note(debit, at, "returned", refund)
            self._note(debit, at, "paid", -paid)

    def _paid(self, debit: int) -> Decimal:
        """What was paid of the debit, and not voided since."""
        offset, credit = account_offsets.c, accountlines.c
        of_payments = account_offsets.join(accountlines, credit.accountlines_id == offset.credit_id)
        parts = select(func.sum(offset.amount, type_=Money())).select_from(of_payments)
        return -(self.conn.scalar(parts.where(offset.debit_id == debit, credit.credit_type_code == "PAYMENT")) or ZERO)

    def void(self, number: int, ago: int) -> None:
        """The patron's last payment has bounced: what it paid is owing again, and a debit stands against it."""
        at, line, offset = self.instant(ago, OPENING), accountlines.c, account_offsets.c
        is_payment = (line.borrowernumber == number, line.credit_type_code == "PAYMENT")
        payment = self.conn.scalars(select(func.max(line.accountlines_id)).where(*is_payment)).one()
        applied = select(offset.debit_id, offset.amount).where(offset.credit_id == payment, offset.type == "APPLY")
        parts = {debit: -amount for debit, amount in self.conn.execute(applied)}
        for debit in self._debits(line.accountlines_id.in_(parts)):
            part = parts[debit.line]
            self._change(debit.line, amountoutstanding=debit.outstanding + part)
            self._offset(at, part, "VOID", credit_id=payment, debit_id=debit.line)
            self._note(debit, at, "paid", -part)
        amount = sum(parts.values(), ZERO)
        against = self._line(number, at, amount, debit_type_code="VOID")
        self._offset(at, amount, "CREATE", debit_id=against)
        self._change(payment, amountoutstanding=-amount, status="VOID")
        self._apply(payment, against, amount, at)

    def _debits(self, *which: ColumnElement[bool]) -> list[Debit]:
        """These charges, the oldest first."""
        line = accountlines.c
        wanted = select(line.accountlines_id, line.borrowernumber, line.itemnumber)
        wanted = wanted.add_columns(line.debit_type_code, line.amountoutstanding)
        rows = self.conn.execute(wanted.where(*which).order_by(line.date, line.accountlines_id))
        return [Debit._make(row) for row in rows]

    def _note(self, debit: Debit, at: datetime, what: What, amount: Decimal) -> None:
        if amount:
            number, line, type_ = debit.number, debit.line, debit.type
            self.ledger.append(Entry(day=at.date(), number=number, line=line, type=type_, what=what, amount=amount))

    def _credit(self, number: int, amount: Decimal, at: datetime, type_: str = "PAYMENT", **facts: object) -> int:
        line = self._line(number, at, -amount, credit_type_code=type_, **facts)
        self._offset(at, amount, "CREATE", credit_id=line)
        return line

    def _apply(self, credit: int, debit: int, amount: Decimal, at: datetime) -> None:
        for line, change in (credit, amount), (debit, -amount):
            self._change(line, amountoutstanding=accountlines.c.amountoutstanding + change)
        self._offset(at, -amount, "APPLY", credit_id=credit, debit_id=debit)

    def _change(self, line: int, **values: object) -> None:
        self.conn.execute(update(accountlines).where(accountlines.c.accountlines_id == line).values(**values))

    def _line(self, number: int, at: datetime, amount: Decimal, **values: object) -> int:
        new = {
            "borrowernumber": number,
            "date": at,
            "amount": amount,
            "amountoutstanding": amount,
            "description": "",
            "note": "",
            "interface": "intranet",
            **values,
        }
        (line,) = self.conn.execute(insert(accountlines).values(new)).inserted_primary_key or (0,)
        return int(line)

    def _offset(self, at: datetime, amount: Decimal, type_: str, **lines: int) -> None:
        self.conn.execute(insert(account_offsets).values(type=type_, amount=amount, created_on=at, **lines))
