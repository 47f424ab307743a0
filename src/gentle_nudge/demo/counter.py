"""What Koha and its staff do at the desk, written as Koha writes it: patrons, flags, restrictions, merged cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, delete, func, insert, select, update

from gentle_nudge.demo.people import contacts
from gentle_nudge.demo.roles import Sample
from gentle_nudge.demo.till import OPENING, Till
from gentle_nudge.domain.collections.policy import PLUGIN_COMMENT
from gentle_nudge.domain.money import ZERO
from gentle_nudge.koha.koha_tables import (
    accountlines,
    borrower_attributes,
    borrower_debarments,
    borrowers,
    deletedborrowers,
    message_queue,
)
from gentle_nudge.koha.write.restrict import refresh_debarred
from gentle_nudge.sqltypes import Money


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk(Till):
    """The desk of the sample library, with its till."""

    def register(self, samples: Mapping[int, Sample]) -> None:
        """Enter patrons with their charges, restrictions and exemptions; number -> patron."""
        self.conn.execute(insert(borrowers), [_row(number, sample) for number, sample in samples.items()])
        exempt = [
            {"borrowernumber": number, "code": "EXEMPT", "attribute": sample.exemption}
            for number, sample in samples.items()
            if sample.exemption
        ]
        if exempt:
            self.conn.execute(insert(borrower_attributes), exempt)
        charges = [(number, charge) for number, sample in samples.items() for charge in sample.charges]
        for number, charge in sorted(charges, key=lambda each: (-each[1].ago, each[1].at, each[0])):
            self.charge(number, charge)
        for number, sample in samples.items():
            if sample.restricted is not None:
                self._restrict(number, self.instant(sample.restricted, OPENING))

    def write_flag(self, number: int, value: str | None) -> None:
        """Write this into the flag field, sort1."""
        self.conn.execute(update(borrowers).where(borrowers.c.borrowernumber == number).values(sort1=value))

    def rewrite_restriction(self, number: int, comment: str) -> None:
        """Write another comment for the patron's restriction."""
        restriction = update(borrower_debarments).where(borrower_debarments.c.borrowernumber == number)
        self.conn.execute(restriction.values(comment=comment))
        refresh_debarred(self.conn, [number], self.day)

    def send_letters(self) -> None:
        """Let Koha send and print everything in its queue."""
        waiting = message_queue.c.status == "pending"
        self.conn.execute(update(message_queue).where(waiting).values(status="sent"))

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


def owing(conn: Connection) -> tuple[int, int, Decimal]:
    """How many patrons there are, how many of them owe something, and how much in all."""
    line = accountlines.c
    sums = select(func.sum(line.amountoutstanding, type_=Money())).where(line.borrowernumber.is_not(None))
    balances = [balance for balance in conn.scalars(sums.group_by(line.borrowernumber)) if balance > 0]
    patrons = conn.scalar(select(func.count()).select_from(borrowers)) or 0
    return patrons, len(balances), sum(balances, ZERO)


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
