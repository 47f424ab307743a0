"""What Koha and its staff do at the desk, written as Koha writes it: patrons, charges, payments, merged cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, func, insert, literal, select, update

from gentle_nudge.demo.people import contacts
from gentle_nudge.demo.roles import Charge, Sample
from gentle_nudge.domain.collections.policy import PLUGIN_COMMENT
from gentle_nudge.domain.money import ZERO
from gentle_nudge.koha.koha_tables import (
    account_offsets,
    accountlines,
    borrower_attributes,
    borrower_debarments,
    borrowers,
    deletedborrowers,
)
from gentle_nudge.koha.write.restrict import refresh_debarred
from gentle_nudge.sqltypes import Money

PAID_AFTER = timedelta(days=2)
OPENING, AFTERNOON = time(9), time(15, 20)


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """The desk of the sample library; `day` is the Sunday shown, from which days are counted back."""

    conn: Connection
    day: date
    zone: ZoneInfo

    def instant(self, ago: int, at: time) -> datetime:
        """That time of the day so many days before the Sunday shown."""
        return datetime.combine(self.day - timedelta(days=ago), at, self.zone)

    def register(self, samples: Mapping[int, Sample]) -> None:
        """Enter patrons with their charges, restrictions and exemptions; number -> patron."""
        self.conn.execute(insert(borrowers), [_row(number, sample) for number, sample in samples.items()])
        exempt = [
            {"borrowernumber": number, "code": "EXEMPT", "attribute": sample.exemption}
            for number, sample in samples.items()
            if sample.exemption
        ]
        self.conn.execute(insert(borrower_attributes), exempt)
        charges = [(number, charge) for number, sample in samples.items() for charge in sample.charges]
        for number, charge in sorted(charges, key=lambda each: (-each[1].ago, each[1].at, each[0])):
            self._charge(number, charge)
        for number, sample in samples.items():
            if sample.restricted is not None:
                self._restrict(number, self.instant(sample.restricted, OPENING))

    def _charge(self, number: int, charge: Charge) -> None:
        at = self.instant(charge.ago, charge.at)
        if charge.amount < 0:
            self._credit(number, -charge.amount, at)
            return
        line = self._line(number, at, charge.amount, description=charge.description, debit_type_code=charge.type)
        self._offset(at, charge.amount, "CREATE", debit_id=line)
        if charge.paid:
            self._apply(self._credit(number, charge.amount, at + PAID_AFTER), line, charge.amount, at + PAID_AFTER)

    def pay(self, number: int, ago: int, *, all_but: Decimal = ZERO) -> None:
        """Record a payment for the oldest charges first, after which the patron still owes `all_but`."""
        at, line = self.instant(ago, AFTERNOON), accountlines.c
        owing = select(line.accountlines_id, line.amountoutstanding).where(
            line.borrowernumber == number, line.amountoutstanding > literal(ZERO, Money())
        )
        debits = self.conn.execute(owing.order_by(line.date)).all()
        rest = sum((outstanding for _, outstanding in debits), ZERO) - all_but
        credit = self._credit(number, rest, at)
        for debit, outstanding in debits:
            part = min(outstanding, rest)
            if part > 0:
                self._apply(credit, debit, part, at)
            rest -= part

    def write_flag(self, number: int, value: str | None) -> None:
        """Write this into the flag field, sort1."""
        self.conn.execute(update(borrowers).where(borrowers.c.borrowernumber == number).values(sort1=value))

    def rewrite_restriction(self, number: int, comment: str) -> None:
        """Write another comment for the patron's restriction."""
        restriction = update(borrower_debarments).where(borrower_debarments.c.borrowernumber == number)
        self.conn.execute(restriction.values(comment=comment))
        refresh_debarred(self.conn, [number], self.day)

    def merge(self, gone: int, keep: int) -> None:
        """Merge the first card into the second: lines and restrictions move, the patron goes."""
        for table in (accountlines, borrower_debarments):
            self.conn.execute(update(table).where(table.c.borrowernumber == gone).values(borrowernumber=keep))
        refresh_debarred(self.conn, [keep], self.day)
        self.delete(gone)

    def delete(self, number: int) -> None:
        """Delete the patron; lines stay, without a patron."""
        self.conn.execute(insert(deletedborrowers).values(borrowernumber=number))
        lines = update(accountlines).where(accountlines.c.borrowernumber == number)
        self.conn.execute(lines.values(borrowernumber=None))
        for table in (borrower_debarments, borrower_attributes, borrowers):
            self.conn.execute(delete(table).where(table.c.borrowernumber == number))

    def _restrict(self, number: int, at: datetime) -> None:
        comment = PLUGIN_COMMENT.replace("{date}", at.date().isoformat())
        new = {"borrowernumber": number, "type": "MANUAL", "comment": comment, "created": at}
        self.conn.execute(insert(borrower_debarments).values(new))
        refresh_debarred(self.conn, [number], self.day)

    def _credit(self, number: int, amount: Decimal, at: datetime) -> int:
        line = self._line(number, at, -amount, credit_type_code="PAYMENT")
        self._offset(at, amount, "CREATE", credit_id=line)
        return line

    def _apply(self, credit: int, debit: int, amount: Decimal, at: datetime) -> None:
        for line, change in (credit, amount), (debit, -amount):
            row = update(accountlines).where(accountlines.c.accountlines_id == line)
            self.conn.execute(row.values(amountoutstanding=accountlines.c.amountoutstanding + change))
        self._offset(at, -amount, "APPLY", credit_id=credit, debit_id=debit)

    def _line(self, number: int, at: datetime, amount: Decimal, **values: str) -> int:
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


def owing(conn: Connection) -> tuple[int, Decimal]:
    """How many patrons owe something, and how much all of them together."""
    line = accountlines.c
    sums = select(func.sum(line.amountoutstanding, type_=Money())).where(line.borrowernumber.is_not(None))
    balances = [balance for balance in conn.scalars(sums.group_by(line.borrowernumber)) if balance > 0]
    return len(balances), sum(balances, ZERO)


def _row(number: int, sample: Sample) -> dict[str, object]:
    return {
        **contacts(number),
        **({"address": sample.address} if sample.address else {}),
        "borrowernumber": number,
        "surname": sample.surname,
        "firstname": sample.firstname,
        "categorycode": sample.category,
        "dateofbirth": sample.born,
        "sort1": sample.flag,
        "protected": int(sample.protected),
        "anonymized": int(sample.anonymized),
        "userid": sample.userid or f"user{number}",
    }
