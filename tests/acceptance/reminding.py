"""Two sections with reminders: what the acceptance tests of reminders share."""

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.acceptance.evenings import Evenings
from tests.builders.koha import a_patron, owes
from tests.support.koha import KohaDatabase

LEVELS = """
[remind]
minimum = 10.00
{remind}
[[remind.level]]
after_days = 30
letter = "DEBTREM1"
[[remind.level]]
after_days = 14
letter = "DEBTREM2"
fee = 2.00
[[remind.level]]
after_days = 14
letter = "DEBTREM3"
fee = 2.00
block = true
[[remind.level]]
after_days = 14
letter = "DEBTREM4"
fee = 5.00
block = true
[remind.bill]
after_days = 21
letter = "DEBTBILL"
fee = 10.00
block = true
"""
SECTIONS = """
[libraries]
charges_by = "charge"
others = false
[[library]]
name = "north"
branches = ["CPL", "MPL"]
{north}
[[library]]
name = "south"
branches = ["FPL"]
flag = "sort2"
{south}
"""
CODES = ("DEBTREM1", "DEBTREM2", "DEBTREM3", "DEBTREM4", "DEBTBILL")
TEXT = "<<borrowers.firstname>> owes <<debt.total>>.\n<debt><<line.date>> <<line.type>> <<line.outstanding>></debt>"
WATCHED = ("accountlines", "account_offsets", "borrower_debarments", "message_queue", "borrowers", "action_logs")


def day(text: str) -> date:
    """A day of 2026: `02-09`; or any day in full."""
    return date.fromisoformat(text if len(text) > 5 else f"2026-{text}")


class Reminding:
    """A library that reminds, on any evening; Koha sends what is in its queue when a test says so."""

    def __init__(self, evenings: Evenings) -> None:
        self.evenings = evenings
        self.koha: KohaDatabase = evenings.koha

    # What happens

    def configure(
        self, remind: str = "", *, north: str = "", south: str = "", policy: str = "", levels: str = ""
    ) -> None:
        """These keys are in force."""
        tables = (levels or LEVELS).format(remind=remind) + SECTIONS.format(north=north, south=south)
        self.evenings.configure(policy=policy, tables=tables)

    def has_letters(self, *codes: str, transports: str = "email print", **columns: object) -> None:
        """Koha has these notices (all of the levels, if none is named)."""
        for transport in transports.split():
            kind = {"message_transport_type": transport}
            if not self.koha.query(
                "SELECT 1 FROM message_transport_types WHERE message_transport_type = :t", t=transport
            ):
                self.koha.put("message_transport_types", **kind)
            for code in codes or CODES:
                known: dict[str, object] = {"module": "circulation", "title": f"{code} <<today>>", "content": TEXT}
                self.koha.put("letter", code=code, **kind, **(known | columns))

    def owing(self, amount: str = "25.00", on: str = "01-10", **columns: Any) -> int:
        """An adult with an e-mail address who owes this for a lost item since that day."""
        charge = {key: columns.pop(key) for key in ("type", "branch_of_charge") if key in columns}
        known = {"email": "pat@mail.example", "address": "1 Main St"} | columns
        patron = a_patron(self.koha, **known)
        self.owes(patron, amount, on, type=charge.get("type", "LOST"), branch=charge.get("branch_of_charge", "CPL"))
        return patron

    def owes(self, patron: int, amount: str, on: str, *, branch: str = "CPL", **columns: Any) -> int:
        """One more charge of that day."""
        return owes(self.koha, patron, amount, day=day(on), branch=branch, **columns)

    def koha_sends(self) -> None:
        """Koha sends and prints everything in its queue."""
        self.koha.execute("UPDATE message_queue SET status = 'sent' WHERE status = 'pending'")

    def run(self, on: str, *args: str, sends: bool = True, code: int = 0) -> dict[str, dict[str, Any]]:
        """The run of that evening, by section; then Koha sends."""
        done = self.evenings.run("remind", *args, "--format", "json", on=day(on))
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert bool(done.stderr) == bool(code), done.stderr
        if sends:
            self.koha_sends()
        return {section["section"]: section for section in json.loads(done.stdout)["sections"]}

    def letters(self, on: str, section: str = "north", **how: Any) -> list[tuple[int, str]]:
        """Level and total of each letter of that evening's run."""
        return [(letter["level"], letter["total"]) for letter in self.run(on, **how)[section]["letters"]]

    def until_bill(self, patron_days: tuple[str, ...] = ("02-09", "02-23", "03-09", "03-23", "04-13")) -> None:
        """The runs of these evenings."""
        for each in patron_days:
            self.run(each)

    # What is there

    def queue(self) -> list[dict[str, Any]]:
        """Koha's queue, in order."""
        return self.koha.query("SELECT * FROM message_queue ORDER BY message_id")

    def fees(self) -> list[Decimal]:
        """The fee lines, as charged."""
        rows = self.koha.query(
            "SELECT amount FROM accountlines WHERE description = 'Debt reminder fee' ORDER BY accountlines_id"
        )
        return [row["amount"] for row in rows]

    def restrictions(self) -> list[str]:
        """The comments of all restrictions."""
        rows = self.koha.query("SELECT comment FROM borrower_debarments ORDER BY borrower_debarment_id")
        return [row["comment"] for row in rows]

    def series(self) -> list[tuple[str, str]]:
        """Section and state of each series."""
        rows = self.koha.query("SELECT section, state FROM gentle_nudge_series ORDER BY id")
        return [(row["section"], row["state"]) for row in rows]

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All rows of ours and of the tables of Koha's that we write."""
        tables = (*WATCHED, *self.koha.own_tables())
        return {table: self.koha.query(f"SELECT * FROM `{table}`") for table in tables}


def at_noon(on: date) -> datetime:
    """Noon of that day, as Koha writes it."""
    return datetime.combine(on, time(12))


def days_after(first: str, count: int) -> str:
    """The day so many days later."""
    return (day(first) + timedelta(days=count)).isoformat()


Begin = Callable[..., Reminding]
