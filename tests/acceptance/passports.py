"""A library among others, whose patrons it brings here: what the acceptance tests of the passport share."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from tests.acceptance.evenings import Evenings
from tests.builders.koha import a_patron, an_attribute_type, has_attribute
from tests.support.command import Finished
from tests.support.homes import HomeServer
from tests.support.koha import KohaDatabase

FRIDAY = date(2026, 11, 27)
LEE = "2100001"
# What a row of `borrowers` holds besides what may travel, and may be seen nowhere here.
SECRETS = {
    "borrowernumber": 777_001,
    "password": "$2a$08$PLANTED-hash",
    "secret": "PLANTED-secret",
    "auth_method": "PLANTED-two-factor",
    "flags": 4,
    "userid": "PLANTED-userid",
    "borrowernotes": "PLANTED-note",
    "opacnote": "PLANTED-opacnote",
    "contactname": "PLANTED-contact",
    "contactnote": "PLANTED-contactnote",
    "altcontactsurname": "PLANTED-altcontact",
    "sort1": "PLANTED-sort1",
    "sort2": "PLANTED-sort2",
    "debarredcomment": "PLANTED-comment",
    "dateenrolled": "2001-02-03",
    "dateexpiry": "2031-02-03",
    "lastseen": "2021-02-03 04:05:06",
    "smsalertnumber": "PLANTED-sms",
    "relationship": "PLANTED-relationship",
    "othernames": "PLANTED-othernames",
    "nested": {"PLANTED-key": ["PLANTED-value"]},
}
PERSON = {
    "surname": "Lee",
    "firstname": "Ann",
    "dateofbirth": "1990-04-03",
    "address": "12 Oak St",
    "city": "Springfield",
    "zipcode": "01101",
    "phone": "555-0101",
}
OF_API = {"dateofbirth": "date_of_birth", "zipcode": "postal_code"}
PASSPORT = """
[passport]
category = "PASS"
branch = "CPL"
{keys}
"""
WATCHED = (
    *("borrowers", "borrower_attributes", "borrower_message_preferences", "borrower_message_transport_preferences"),
    *("accountlines", "account_offsets", "issues", "borrower_relationships", "borrower_debarments", "action_logs"),
    *("gentle_nudge_passport", "gentle_nudge_passport_log"),
)


class Neighbours:
    """A library with the homes LIBB (plugin) and LIBC (api), on a Friday evening."""

    def __init__(self, evenings: Evenings, libb: HomeServer, libc: HomeServer) -> None:
        self.evenings, self.koha, self.libb, self.libc = evenings, evenings.koha, libb, libc
        self.koha.put("categories", categorycode="PASS", description="Guests", category_type="A", enrolmentperiod=12)
        an_attribute_type(self.koha, "PASSPORTED")
        wants_messages(self.koha, "PASS")
        self.configure()

    def configure(self, keys: str = "", *, libb: str = "", libc: str = "", more: str = "", policy: str = "") -> None:
        """These keys are in force."""
        servers = f"{self.libb.settings}{libb}\n{self.libc.settings}{libc}\n"
        self.evenings.configure(policy=policy, tables=PASSPORT.format(keys=keys) + servers + more)

    def run(self, *args: str, on: date = FRIDAY) -> Finished:
        """The finished command."""
        return self.evenings.run("passport", *args, on=on)

    def asked(self, *args: str, on: date = FRIDAY, code: int = 0) -> Any:
        """What the command says as JSON."""
        done = self.run(*args, "--format", "json", on=on)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def copied(self, *args: str, on: date = FRIDAY) -> int:
        """The number of Lee, who was copied from LIBB."""
        return int(self.asked("copy", LEE, "--from", "LIBB", *args, on=on)["number"])

    def refreshed(self, *args: str, on: date = FRIDAY, code: int = 0) -> dict[str, Any]:
        """What a refresh of everybody did."""
        return dict(self.asked("refresh", *(args or ("--all",)), on=on, code=code))

    def patron(self, number: int) -> dict[str, Any]:
        """The row in `borrowers`."""
        (row,) = self.koha.query("SELECT * FROM borrowers WHERE borrowernumber = :n", n=number)
        return row

    def count(self, table: str, where: str = "1 = 1") -> int:
        """How many rows there are."""
        return int(self.koha.value(f"SELECT COUNT(*) FROM `{table}` WHERE {where}"))

    def rows(self) -> dict[str, int]:
        """How many rows each table has that a copy writes."""
        return {table: self.count(table) for table in WATCHED}

    def everything(self) -> dict[str, Any]:
        """A checksum of every table."""
        tables = [next(iter(row.values())) for row in self.koha.query("SHOW TABLES")]
        return {table: self.koha.query(f"CHECKSUM TABLE `{table}`")[0]["Checksum"] for table in tables}

    def is_here(self, home: str = "LIBB", **columns: Any) -> int:
        """A patron from that home, as the plugin makes one: we remember nothing."""
        patron = a_patron(self.koha, **({"category": "PASS"} | columns))
        has_attribute(self.koha, patron, "PASSPORTED", home)
        return patron

    def noted(self) -> list[tuple[str, str | None]]:
        """Our log."""
        rows = self.koha.query("SELECT what, columns FROM gentle_nudge_passport_log ORDER BY id")
        return [(row["what"], row["columns"]) for row in rows]


def of_api(**columns: Any) -> dict[str, Any]:
    """A patron as Koha's API tells it."""
    return {OF_API.get(name, name): value for name, value in columns.items()}


def wants_messages(koha: KohaDatabase, category: str) -> None:
    """The category has two messaging preferences, one of them by e-mail."""
    if not koha.query("SELECT 1 FROM message_transport_types WHERE message_transport_type = 'email'"):
        koha.put("message_transport_types", message_transport_type="email")
    for name, transports in (("Checkout", ["email"]), ("Item_Due", [])):
        attribute = koha.put("message_attributes", message_name=name)
        wish = koha.put(
            "borrower_message_preferences",
            categorycode=category,
            message_attribute_id=attribute,
            days_in_advance=3,
            wants_digest=1,
        )
        for transport in transports:
            koha.put(
                "borrower_message_transport_preferences",
                borrower_message_preference_id=wish,
                message_transport_type=transport,
            )


Begin = Callable[..., Neighbours]
