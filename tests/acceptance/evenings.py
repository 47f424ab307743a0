"""A library, its configuration, and the command on any evening: what the acceptance tests share."""

import csv
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.builders.days import SUNDAY, ZONE
from tests.builders.koha import owing
from tests.support.command import Command, Finished
from tests.support.koha import KohaDatabase

AGENCY = "reports@agency.example.org"
CONFIG = """
[koha]
url = "{url}"
timezone = "America/New_York"
machine = "here"
[policy]
threshold = 25.00
processing_fee = 10.00
flag = "sort1"
minors = "exclude"
add_restriction = true
clear_paid = true
remove_restriction = true
send_to = ["reports@agency.example.org"]
{policy}
{tables}
"""
SMTP = """[mail]
host = "localhost"
port = {port}
"""
MAILDIR = """[mail]
maildir = "{folder}/mail"
"""

noted: dict[str, dict[str, Any]] = {}


class Evenings:
    """The command at a library, on the evening of any day (23:00 there); its sessions have the variables `session`."""

    def __init__(self, koha: KohaDatabase, command: Command, folder: Path) -> None:
        self.koha = koha
        self.command = command
        self.folder = folder
        self.config = folder / "gentle-nudge.toml"
        self.today = SUNDAY
        self.session: dict[str, object] = {}

    def configure(self, *, policy: str = "", tables: str = "", port: int | None = None) -> None:
        """These keys are in force; `port` is that of a mail server, without one mail goes into a Maildir."""
        mail = SMTP.format(port=port) if port else MAILDIR.format(folder=self.folder)
        text = CONFIG.format(url=self.koha.url_without_password, policy=policy, tables=mail + tables)
        self.config.write_text(text, encoding="utf-8")

    def run(self, *args: str | Path, on: date | None = None) -> Finished:
        """The finished command on the evening of that day (and of later calls, until told another)."""
        self.today = on or self.today
        evening = datetime(self.today.year, self.today.month, self.today.day, 23, tzinfo=ZONE)
        return self.command.run(
            "--config",
            self.config,
            *args,
            env={"GENTLE_NUDGE_KOHA__PASSWORD": self.koha.server.password},
            at=evening,
            session=self.session,
        )

    def does(self, *args: str | Path, on: date | None = None) -> str:
        """What the command says on stdout, once it has succeeded and said nothing on stderr."""
        done = self.run(*args, on=on)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return done.stdout

    def initialise(self) -> None:
        """`init` has noted where our tables belong: run once in each database, its row is put there for later tests."""
        new = self.koha.own_tables() and not self.koha.query("SELECT id FROM gentle_nudge_meta")
        if new and self.koha.name in noted:
            self.koha.put("gentle_nudge_meta", **noted[self.koha.name])
            return
        self.does("init", "--yes")
        if new:
            (noted[self.koha.name],) = self.koha.query("SELECT * FROM gentle_nudge_meta")

    # What Koha and our tables say

    def owing(self, amount: str = "30.00", **columns: Any) -> int:
        """A patron who qualifies on the Sunday."""
        return owing(self.koha, amount, **columns)

    def referred(self, amount: str = "30.00", **columns: Any) -> int:
        """A patron who was referred on the Sunday, with everybody else who qualified."""
        patron = self.owing(amount, **columns)
        self.does("nightly", on=SUNDAY)
        return patron

    def flag(self, patron: int) -> str | None:
        """What stands in the patron's sort1."""
        said: str | None = self.koha.value("SELECT sort1 FROM borrowers WHERE borrowernumber = :n", n=patron)
        return said

    def fee(self, patron: int) -> int:
        """The patron's fee line."""
        return int(self.koha.value("SELECT fee_line FROM gentle_nudge_case WHERE patron = :n", n=patron))

    def cases(self) -> list[dict[str, Any]]:
        """Our cases, in order of id."""
        return self.koha.query("SELECT * FROM gentle_nudge_case ORDER BY id")

    def states(self) -> list[str]:
        """The states of the deliveries, in order of queueing."""
        return [row["state"] for row in self.koha.query("SELECT state FROM gentle_nudge_delivery ORDER BY id")]

    def stored(self, file_name: str) -> bytes:
        """The bytes of a stored report."""
        parts = self.koha.query(
            "SELECT p.bytes FROM gentle_nudge_report_part p JOIN gentle_nudge_report r ON r.id = p.report_id "
            "WHERE r.file_name = :name ORDER BY p.part",
            name=file_name,
        )
        return b"".join(row["bytes"] for row in parts)

    def update(self, day: date) -> dict[int, Decimal]:
        """What the update of that day says: number -> due."""
        return dues(self.stored(f"ums-updates-{day}.csv"))


def dues(content: bytes) -> dict[int, Decimal]:
    """Number -> due, of an update or sync."""
    rows: Iterable[dict[str, str]] = csv.DictReader(content.decode().splitlines())
    return {int(row["borrowernumber"]): Decimal(row["Due"]) for row in rows if row.get("Due")}


Library = Callable[..., Evenings]  # the fixture `library`
