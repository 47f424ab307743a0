"""What Koha and its staff do at the desk, written as Koha writes it: patrons, charges, payments, merged cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, func, insert, literal, select, update

from gentle_nudge.demo import people
from gentle_nudge.demo.roles import Charge, Sample
from gentle_nudge.domain.collections.policy import PLUGIN_COMMENT
from gentle_nudge.koha import koha_tables
from gentle_nudge.koha.write import restrict
from gentle_nudge.sqltypes import Money

PAID_AFTER = timedelta(days=2)
OPENING = time(9)
NOTHING = literal(Decimal(0), Money())


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
        """These patrons are in Koha, with their charges, restrictions and exemptions; number -> patron."""
        self.conn.execute(insert(koha_tables.borrowers), [_row(number, samples[number]) for number in sorted(samples)])
        exempt = [(number, sample.exemption) for number, sample in samples.items() if sample.exemption]
        values = [{"borrowernumber": number, "code": "EXEMPT", "attribute": why} for number, why in sorted(exempt)]
        self.conn.execute(insert(koha_tables.borrower_attributes), values)
        charges = [(number, charge) for number, sample in samples.items() for charge in sample.charges]
        for number, charge in sorted(charges, key=lambda each: (-each[1].ago, each[1].at, each[0])):
            self.charge(number, charge)
        for number, sample in samples.items():
            if sample.restricted is not None:
                self.restrict(number, PLUGIN_COMMENT, sample.restricted)

    def charge(self, number: int, charge: Charge) -> None:
        """The patron owes this; or (amount below zero) has left it at the desk."""
        at = self.instant(charge.ago, charge.at)
        if charge.amount < 0:
            self._credit(number, -charge.amount, at)
            return
        line = self._line(number, at, charge.amount, charge.description, debit_type_code=charge.type)
        self._offset(at, charge.amount, "CREATE", debit_id=line)
        if charge.paid:
            self._apply(self._credit(number, charge.amount, at + PAID_AFTER), line, charge.amount, at + PAID_AFTER)

    def pay(self, number: int, at: datetime, *, all_but: Decimal = Decimal(0)) -> Decimal:
        """The patron pays, oldest charges first, and goes on owing no more than `all_but`; what was paid."""
        line = koha_tables.accountlines.c
        owing = select(line.accountlines_id, line.amountoutstanding).where(line.borrowernumber == number)
        debits = self.conn.execute(owing.where(line.amountoutstanding > NOTHING).order_by(line.date)).all()
        rest = paid = sum((outstanding for _, outstanding in debits), Decimal(0)) - all_but
        credit = self._credit(number, paid, at)
        for debit, outstanding in debits:
            part = min(outstanding, rest)
            if part > 0:
                self._apply(credit, debit, part, at)
            rest -= part
        return paid

    def write_flag(self, number: int, value: str | None) -> None:
        """Staff write this into the flag field, sort1."""
        who = koha_tables.borrowers
        self.conn.execute(update(who).where(who.c.borrowernumber == number).values(sort1=value))

    def restrict(self, number: int, comment: str, ago: int) -> None:
        """The patron is restricted, for ever."""
        at = self.instant(ago, OPENING)
        text = comment.replace("{date}", at.date().isoformat())
        new = {"borrowernumber": number, "type": "MANUAL", "comment": text, "created": at}
        self.conn.execute(insert(koha_tables.borrower_debarments).values(new))
        restrict.refresh_debarred(self.conn, [number], self.day)

    def rewrite_restriction(self, number: int, comment: str) -> None:
        """Staff write another comment for the patron's restriction."""
        block = koha_tables.borrower_debarments
        self.conn.execute(update(block).where(block.c.borrowernumber == number).values(comment=comment))
        restrict.refresh_debarred(self.conn, [number], self.day)

    def merge(self, gone: int, keep: int) -> None:
        """The first card is merged into the second: lines and restrictions move, the patron goes."""
        for table in (koha_tables.accountlines, koha_tables.borrower_debarments):
            self.conn.execute(update(table).where(table.c.borrowernumber == gone).values(borrowernumber=keep))
        restrict.refresh_debarred(self.conn, [keep], self.day)
        self.delete(gone)

    def delete(self, number: int) -> None:
        """The patron is gone from Koha; lines stay, without a patron."""
        lines = koha_tables.accountlines
        self.conn.execute(update(lines).where(lines.c.borrowernumber == number).values(borrowernumber=None))
        for table in (koha_tables.borrower_debarments, koha_tables.borrower_attributes, koha_tables.borrowers):
            self.conn.execute(delete(table).where(table.c.borrowernumber == number))

    def _credit(self, number: int, amount: Decimal, at: datetime) -> int:
        line = self._line(number, at, -amount, "", credit_type_code="PAYMENT")
        self._offset(at, amount, "CREATE", credit_id=line)
        return line

    def _apply(self, credit: int, debit: int, amount: Decimal, at: datetime) -> None:
        lines = koha_tables.accountlines
        for line, change in (credit, amount), (debit, -amount):
            here = update(lines).where(lines.c.accountlines_id == line)
            self.conn.execute(here.values(amountoutstanding=lines.c.amountoutstanding + change))
        self._offset(at, -amount, "APPLY", credit_id=credit, debit_id=debit)

    def _line(self, number: int, at: datetime, amount: Decimal, description: str, **kind: str) -> int:
        new = insert(koha_tables.accountlines).values(
            borrowernumber=number,
            date=at,
            amount=amount,
            amountoutstanding=amount,
            description=description,
            note="",
            interface="intranet",
            **kind,
        )
        (line,) = self.conn.execute(new).inserted_primary_key or (0,)
        return int(line)

    def _offset(self, at: datetime, amount: Decimal, type_: str, **lines: int) -> None:
        new = insert(koha_tables.account_offsets)
        self.conn.execute(new.values(type=type_, amount=amount, created_on=at, **lines))


def owing(conn: Connection) -> tuple[int, Decimal]:
    """How many patrons owe something, and how much all of them together."""
    line = koha_tables.accountlines.c
    sums = select(func.sum(line.amountoutstanding, type_=Money())).where(line.borrowernumber.is_not(None))
    balances = [balance for balance in conn.scalars(sums.group_by(line.borrowernumber)) if balance > 0]
    return len(balances), sum(balances, Decimal(0))


def _row(number: int, sample: Sample) -> dict[str, object]:
    home = people.home(number)
    return {
        "borrowernumber": number,
        "cardnumber": str(people.FIRST_CARD + number),
        "surname": sample.name.surname,
        "firstname": sample.name.firstname,
        "address": sample.address or home.address,
        "city": home.city,
        "zipcode": home.zipcode,
        "state": home.state,
        "phone": home.phone,
        "email": home.email,
        "branchcode": people.branch(number),
        "categorycode": sample.category,
        "dateofbirth": sample.born,
        "sort1": sample.flag,
        "protected": int(sample.protected),
        "anonymized": int(sample.anonymized),
        "userid": sample.userid or f"user{number}",
    }
