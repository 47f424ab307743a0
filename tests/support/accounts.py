"""The accounts of Koha's patrons: everything that a desk does to them, written as Koha writes it, and noted."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.builders.koha import apply, balance, has_credit, lift_after_payment, owes, pays, void
from tests.support.koha import KohaDatabase
from tests.support.ledger import ZERO, Ledger

WAIVED = ("WRITEOFF", "FORGIVEN", "CANCELLATION", "DISCOUNT")
FOUND = {"LOST": "LOST_FOUND", "PROCESSING": "PROCESSING_FOUND"}
Row = dict[str, Any]


class Accounts:
    """The accounts, and the desk's own ledger of them."""

    def __init__(self, koha: KohaDatabase) -> None:
        self.koha, self.ledger = koha, Ledger()

    @contextmanager
    def on(self, day: date) -> Iterator[None]:
        """Whatever is done in the block is done at noon of this day."""
        last = self.koha.value("SELECT COALESCE(MAX(id), 0) FROM account_offsets")
        yield
        noon = datetime.combine(day, time(12), UTC).replace(tzinfo=None)
        self.koha.execute("UPDATE account_offsets SET created_on = :at WHERE id > :last", at=noon, last=last)

    def lines(self, where: str, **values: object) -> list[Row]:
        """The charges of patrons who are there, of which this is true."""
        names = "accountlines_id AS id, borrowernumber AS patron, amountoutstanding AS owed, itemnumber AS item, status"
        is_charge = "borrowernumber IS NOT NULL AND debit_type_code NOT IN ('VOID', 'PAYOUT')"
        query = f"SELECT {names}, debit_type_code AS type FROM accountlines WHERE {is_charge} AND {where} ORDER BY id"
        return self.koha.query(query, **values)

    def charge(self, patron: int, amount: Decimal, *, day: date, type_: str, **columns: Any) -> int:
        """A new charge of that day."""
        line = owes(self.koha, patron, amount, day=day, type=type_, **columns)
        self.ledger.charged(line, type_, amount)
        return line

    def pay(self, patron: int, amount: Decimal | None, day: date) -> None:
        """The patron pays so much (None: all that is owed), for the oldest charges first."""
        if balance(self.koha, patron) <= 0:
            return
        with self.on(day):
            credit = pays(self.koha, patron, amount, day=day)
        parts = "SELECT debit_id AS line, -amount AS part FROM account_offsets WHERE credit_id = :n AND type = 'APPLY'"
        for each in self.koha.query(parts, n=credit):
            self.ledger.used(credit, each["line"], each["part"], kind="paid", day=day)

    def credit(self, line: Row, type_: str, amount: Decimal, *, used: Decimal, day: date, **columns: Any) -> int:
        """A new credit of that type, of which so much is used for the charge."""
        with self.on(day):
            credit = has_credit(self.koha, line["patron"], amount, type=type_, day=day, **columns)
            self._use(credit, line, used, kind=kind_of(type_), day=day)
        return credit

    def _use(self, credit: int, line: Row, amount: Decimal, *, kind: str, day: date) -> None:
        apply(self.koha, credit, line["id"], amount)
        self.ledger.used(credit, line["id"], amount, kind=kind, day=day)
        lift_after_payment(self.koha, line["patron"])

    def waive(self, line: Row, part: Decimal, type_: str, day: date) -> None:
        """So much of the charge is given up: written off, forgiven, or reduced."""
        self.credit(line, type_, part, used=part if part <= line["owed"] else ZERO, day=day)

    def cancel(self, line: Row, day: date) -> None:
        """The charge was a mistake; that is possible while nothing was paid of it."""
        if not self.koha.value("SELECT COUNT(*) FROM account_offsets WHERE debit_id = :n AND credit_id", n=line["id"]):
            self.credit(line, "CANCELLATION", line["owed"], used=line["owed"], day=day)
            self._has_status(line, "CANCELLED")

    def adjust(self, line: Row, by: Decimal, day: date) -> None:
        """An accruing fine grows or is corrected; what it would be below nothing becomes a credit."""
        below = max(ZERO, -(line["owed"] + by))
        with self.on(day):
            if below:
                has_credit(self.koha, line["patron"], below, type="OVERPAYMENT", day=day)
            change = "amount = amount + :by, amountoutstanding = amountoutstanding + :change, date = :at"
            self.koha.execute(
                f"UPDATE accountlines SET {change} WHERE accountlines_id = :n",
                by=by, change=by + below, at=datetime.combine(day, time(12)), n=line["id"],
            )  # fmt: skip
            type_ = "OVERDUE_INCREASE" if by > 0 else "OVERDUE_DECREASE"
            self.koha.put("account_offsets", debit_id=line["id"], type=type_, amount=by)
        self.ledger.grown(line["id"], by + below)

    def find(self, line: Row, day: date, *, refund: bool) -> None:
        """The lost item is back, with its processing charge; with `refund` also what was paid of them before."""
        with_it = "debit_type_code = 'PROCESSING' AND itemnumber = :item AND status IS NULL AND borrowernumber = :n"
        for each in (line, *self.lines(with_it, item=line["item"], n=line["patron"])):
            paid = """SELECT COALESCE(-SUM(o.amount), 0) FROM account_offsets o
                JOIN accountlines c ON c.accountlines_id = o.credit_id
                WHERE o.debit_id = :n AND c.credit_type_code <> 'WRITEOFF'"""
            back = self.koha.value(paid, n=each["id"]) if refund else ZERO
            whole, credit = each["owed"] + back, 0
            if whole > 0:
                of = FOUND[each["type"]]
                credit = self.credit(each, of, whole, used=each["owed"], day=day, itemnumber=each["item"])
            self.ledger.found(each["id"], credit, back)
            self._has_status(each, "FOUND")

    def void(self, credit: int, day: date) -> None:
        """A credit is voided: a cheque has bounced."""
        with self.on(day):
            void(self.koha, credit, day=day)
        self.ledger.voided(credit)

    def use_a_rest(self, credit: Row, line: Row, day: date) -> None:
        """What is left of a credit is used for a charge."""
        kind = "other" if credit["type"] in FOUND.values() else kind_of(credit["type"])
        with self.on(day):
            self._use(credit["id"], line, min(line["owed"], -credit["owed"]), kind=kind, day=day)

    def purge(self, day: date, days: int = 30) -> None:
        """Koha's cleanup_database.pl --fees: every line without a balance that is older than so many days.

        Its SQL looks at the counterparts too, but the row that says how a line was made has none, and is enough.
        """
        settled = "COALESCE(amountoutstanding, 0) = 0 AND date < :since"
        values = {"since": day - timedelta(days=days)}
        rows = self.koha.query(f"SELECT accountlines_id AS n FROM accountlines WHERE {settled}", **values)
        self.koha.execute(f"DELETE FROM accountlines WHERE {settled}", **values)
        self.ledger.purged([row["n"] for row in rows])

    def _has_status(self, line: Row, status: str) -> None:
        self.koha.execute("UPDATE accountlines SET status = :s WHERE accountlines_id = :n", s=status, n=line["id"])


def kind_of(type_: str) -> str:
    """What a credit of this type does to a charge, in the words of the outcomes."""
    if type_ == "PAYMENT":
        return "paid"
    if type_ in FOUND.values():
        return "returned"
    return "waived" if type_ in WAIVED else "other"
