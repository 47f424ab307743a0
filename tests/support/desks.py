"""The desks of several libraries that share one Koha: what happens there on a day, told in the library's words."""

import random
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from tests.builders.koha import (
    a_patron,
    an_item,
    balance,
    delete_patron,
    has_attribute,
    has_credit,
    is_restricted,
    merge,
)
from tests.support.accounts import FOUND, WAIVED, Accounts
from tests.support.holdings import Row
from tests.support.koha import KohaDatabase
from tests.support.never import REOPEN_DAYS


class Desks:
    """What people do at the desks; who does what is a matter of chance."""

    def __init__(self, koha: KohaDatabase, chance: random.Random, *, day: date, flags: Iterable[str]) -> None:
        self.koha, self.chance, self.day = koha, chance, day
        self.accounts = Accounts(koha)
        self.branches, self.flag_fields = ["CPL", "FPL", "MPL"], list(flags)
        self._numbers = count(1)

    def anybody(self) -> int:
        """A patron."""
        found = self.koha.query("SELECT borrowernumber AS n FROM borrowers ORDER BY borrowernumber")
        return int(self.chance.choice(found)["n"])

    def cases(self, *states: str) -> list[Row]:
        """The cases in these states (open, unless told) whose patron is there."""
        columns = (
            "c.*, COALESCE(c.flag, 'sort1') AS flag_field"  # unknown of moved cases, where there is no other field
        )
        there = f"SELECT {columns} FROM gentle_nudge_case c JOIN borrowers ON borrowernumber = patron"
        return self.koha.query(f"{there} WHERE c.state IN :states ORDER BY c.id", states=list(states or ("open",)))

    def in_collections(self) -> int:
        """A patron with an open case, if there is one."""
        return int(self.chance.choice(cases)["patron"]) if (cases := self.cases()) else self.anybody()

    def amount(self, least: int, most: int) -> Decimal:
        """An amount from `least` up to `most`."""
        return Decimal(self.chance.randrange(least * 100, most * 100)) / 100

    def newcomer(self, **columns: Any) -> None:
        """A new patron, perhaps with charges already."""
        number = next(self._numbers)
        names = {"surname": f"Quist{number}", "card": f"CARD{number}", "address": f"{number} PRIVY Lane"}
        branch = self.chance.choice(self.branches)
        patron = a_patron(self.koha, **names, branch=branch, borrowernotes="CANARY", **columns)
        for _ in range(self.chance.randrange(4)):
            self.fined(patron)

    def fined(self, patron: int | None = None) -> None:
        """A charge of today or of a day near the bounds of the window; for a lost item there may be two."""
        patron = patron or self.anybody()
        day = self.day - timedelta(days=self.chance.choice([0, 1, 59, 60, 61, 70, 75, 80, 89, 90, 91, 200]))
        columns: dict[str, Any] = {"note": "CANARY", "description": "CANARY of a Title"}
        columns["branch"] = self.chance.choice(self.branches)
        kind = self.chance.choice(["LOST", "OVERDUE", "MANUAL"])
        if kind == "LOST" and self.chance.random() < 0.8:
            columns["item"] = an_item(self.koha)
            if self.chance.random() < 0.4:
                self.accounts.charge(patron, self.amount(1, 9), day=day, type_="PROCESSING", **columns)
        self.accounts.charge(patron, self.amount(5, 50), day=day, type_=kind, **columns)

    def pays_all(self) -> None:
        """A patron in collections owes nothing more."""
        self.accounts.pay(self.in_collections(), None, self.day)

    def pays_a_part(self) -> None:
        """A patron in collections owes less."""
        patron = self.in_collections()
        if (owed := balance(self.koha, patron)) > 1:
            self.accounts.pay(patron, min(self.amount(1, 20), owed), self.day)

    def has_credit(self) -> None:
        """A patron has a credit that pays for nothing yet."""
        day = self.day - timedelta(days=self.chance.choice([0, 40]))
        has_credit(self.koha, self.anybody(), self.amount(1, 12), day=day, type="CREDIT")

    def uses_a_rest(self) -> None:
        """A credit with a rest is used for a charge of its patron, mostly one recorded with a case."""
        rests = """SELECT accountlines_id AS id, borrowernumber AS patron, credit_type_code AS type, itemnumber AS item,
            amountoutstanding AS owed FROM accountlines WHERE amountoutstanding < 0 AND borrowernumber IS NOT NULL
            AND (credit_type_code <> 'PAYMENT' OR date >= :since) ORDER BY accountlines_id"""
        for rest in self.koha.query(rests, since=self.day - timedelta(days=20)):
            line = self.charge(of=rest["patron"])
            if line and (rest["type"] not in FOUND.values() or line["item"] != rest["item"]):
                self.accounts.use_a_rest(rest, line, self.day)
                return

    def bounces(self) -> None:
        """A payment, or any other credit that was used, is voided."""
        released = {case["patron"] for case in self.cases("released", "paid")}
        used = """SELECT accountlines_id AS id, borrowernumber AS patron FROM accountlines
            WHERE credit_type_code IN ('PAYMENT', 'WRITEOFF', 'LOST_FOUND') AND status IS NULL AND date > :since
            AND amountoutstanding = 0 ORDER BY accountlines_id"""
        credits_ = self.koha.query(used, since=self.day - timedelta(days=REOPEN_DAYS))
        credits_ = [row for row in credits_ if row["patron"] in released] or credits_
        if credits_:
            self.accounts.void(self.chance.choice(credits_)["id"], self.day)

    def charge(self, where: str = "amountoutstanding > 0", of: int | None = None) -> Row | None:
        """A charge of this patron, or of one in collections, if there is one of which this is true."""
        patron = of or self.in_collections()
        lines = self.accounts.lines(f"{where} AND borrowernumber = :patron", patron=patron)
        return self.chance.choice(lines) if lines else None

    def finds(self) -> None:
        """A lost item is found; the library gives back what was paid, or does not."""
        if line := self.charge("debit_type_code = 'LOST' AND status IS NULL"):
            self.accounts.find(line, self.day, refund=self.chance.random() < 0.7)

    def waives(self) -> None:
        """The library gives up a charge or a part of it, or reduces it."""
        if line := self.charge():
            type_ = self.chance.choice([each for each in (*WAIVED, "REFUND") if each != "CANCELLATION"])
            part = self.chance.choice([line["owed"], self.amount(1, 9)])
            is_exact = type_ in {"WRITEOFF", "FORGIVEN"}
            self.accounts.waive(line, min(part, line["owed"]) if is_exact else part, type_, self.day)

    def cancels(self) -> None:
        """A charge was a mistake."""
        if line := self.charge():
            self.accounts.cancel(line, self.day)

    def accrues(self) -> None:
        """A fine grows by a day, or is corrected, perhaps below what was paid of it."""
        if line := self.charge("debit_type_code = 'OVERDUE' AND status IS NULL"):
            up = self.chance.random() < 0.6
            self.accounts.adjust(line, self.amount(1, 3) if up else -self.amount(1, 9), self.day)

    def cleaned(self) -> None:
        """Koha's nightly clean-up deletes settled lines."""
        self.accounts.purge(self.day)

    def merged(self) -> None:
        """A card of a patron in collections is merged into another."""
        other, keeper = self.in_collections(), self.chance.choice([self.in_collections(), self.anybody()])
        if other != keeper:
            merge(self.koha, keeper, [other])

    def deleted(self) -> None:
        """A patron in collections is deleted."""
        delete_patron(self.koha, self.in_collections())

    def number_used_again(self) -> None:
        """Somebody else has the number of a deleted patron."""
        patron = self.in_collections()
        if not self.koha.query("SELECT 1 FROM deletedborrowers WHERE borrowernumber = :n", n=patron):
            delete_patron(self.koha, patron)
            self.newcomer(borrowernumber=patron)

    def anonymized(self) -> None:
        """A patron in collections is nobody any more; the flag may stay behind."""
        columns = ["surname", "firstname", "cardnumber", *self.chance.choice([["sort1", "sort2"], []])]
        change = ", ".join(f"{column} = NULL" for column in columns)
        where = "WHERE borrowernumber = :n"
        self.koha.execute(f"UPDATE borrowers SET anonymized = 1, {change} {where}", n=self.in_collections())

    def flag_taken_off(self) -> None:
        """Staff take a patron back by the flag."""
        if cases := self.cases():
            case = self.chance.choice(cases)
            self.says(case["patron"], case["flag_field"], self.chance.choice(["no", "0", "", None]))

    def flagged_by_hand(self) -> None:
        """Staff hand a patron over by the flag."""
        self.says(self.anybody(), self.chance.choice(self.flag_fields), "yes")

    def overwritten(self) -> None:
        """The flag field is used for something else."""
        if cases := self.cases():
            case = self.chance.choice(cases)
            self.says(case["patron"], case["flag_field"], "Book club")

    def says(self, patron: int, flag: str, value: str | None) -> None:
        """The flag field of the patron has this value; None: nothing."""
        if flag != "attribute:COLL":
            self.koha.execute(f"UPDATE borrowers SET {flag} = :v WHERE borrowernumber = :n", v=value, n=patron)
            return
        self.koha.execute("DELETE FROM borrower_attributes WHERE borrowernumber = :n AND code = 'COLL'", n=patron)
        if value is not None:
            has_attribute(self.koha, patron, "COLL", value)

    def moves(self) -> None:
        """A patron in collections moves to another branch."""
        branch = self.chance.choice(self.branches)
        where = "WHERE borrowernumber = :n"
        self.koha.execute(f"UPDATE borrowers SET branchcode = :b {where}", b=branch, n=self.in_collections())

    def renamed(self) -> None:
        """A patron in collections has a new name."""
        values = {"surname": f"Quist{next(self._numbers)}", "n": self.in_collections()}
        self.koha.execute("UPDATE borrowers SET surname = :surname WHERE borrowernumber = :n", **values)

    def restricted(self) -> None:
        """A patron in collections may not borrow for another reason."""
        is_restricted(self.koha, self.in_collections(), "Lost the card again")

    def restriction_edited(self) -> None:
        """Staff make our restriction theirs."""
        edited = "UPDATE borrower_debarments SET comment = CONCAT(comment, ' (see Ann)') WHERE borrowernumber = :n"
        self.koha.execute(f"{edited} AND comment LIKE 'Patron sent%' LIMIT 1", n=self.in_collections())


DAILY: dict[str, tuple[int, Callable[[Desks], object]]] = {
    "newcomer": (14, Desks.newcomer),
    "fined": (34, Desks.fined),
    "paid all": (9, Desks.pays_all),
    "paid a part": (9, Desks.pays_a_part),
    "credit": (3, Desks.has_credit),
    "credit voided": (5, Desks.bounces),
    "rest used": (3, Desks.uses_a_rest),
    "item found": (5, Desks.finds),
    "waived": (4, Desks.waives),
    "cancelled": (1, Desks.cancels),
    "fine accrues": (4, Desks.accrues),
    "lines purged": (2, Desks.cleaned),
    "card merged": (2, Desks.merged),
    "patron deleted": (2, Desks.deleted),
    "number used again": (1, Desks.number_used_again),
    "anonymized": (1, Desks.anonymized),
    "flag taken off": (3, Desks.flag_taken_off),
    "flag set by hand": (2, Desks.flagged_by_hand),
    "flag overwritten": (1, Desks.overwritten),
    "branch changed": (3, Desks.moves),
    "name changed": (3, Desks.renamed),
    "restricted by others": (2, Desks.restricted),
    "restriction edited": (1, Desks.restriction_edited),
}
