"""A library that lends: rules, triggers, calendar and letters in the layout of its Koha, and what `timeline` says."""

import json
from datetime import date
from typing import Any

from tests.acceptance.evenings import Evenings
from tests.support.command import Finished
from tests.support.koha import KohaDatabase

Scope = tuple[str | None, str | None, str | None]
Answer = dict[str, Any]
ANY: Scope = (None, None, None)
PREFERENCES = {
    "finesMode": "production",
    "finesCalendar": "noFinesWhenClosed",
    "FinesIncludeGracePeriod": "1",
    "ChargeFinesOnClosedDays": "0",
    "CircControl": "ItemHomeLibrary",
    "HomeOrHoldingBranch": "homebranch",
    "DefaultLongOverdueLostValue": "2",
    "DefaultLongOverdueChargeValue": "2",
    "WhenLostChargeReplacementFee": "1",
    "MarkLostItemsAsReturned": "batchmod,cronjob,onpayment",
    "AutoRemoveOverduesRestrictions": "no",
    "useDefaultReplacementCost": "0",
    "noissuescharge": "5",
}
POLICY = 'submit_on = "monday"'
LETTERS = ("PREDUE", "DUE", "ODUE", "ODUE2", "ODUE3")
SUNDAY, GOOD_FRIDAY, EASTER_MONDAY = 0, date(2026, 4, 3), date(2026, 4, 6)
TODAY = date(2026, 3, 2)


class Lending:
    """A Koha that lends; `timeline` asks it on 2 March 2026, and no table of ours is there."""

    def __init__(self, evenings: Evenings) -> None:
        self.evenings = evenings
        self.koha: KohaDatabase = evenings.koha
        self.has_tables = self.koha.has("overduerules", "branchcode")
        self.configure()
        for name, value in PREFERENCES.items():
            self.koha.prefer(name, value)
        self.koha.execute("UPDATE categories SET overduenoticerequired = 1")
        self.koha.put_many("message_transport_types", [{"message_transport_type": way} for way in ("email", "print")])
        for code in LETTERS:
            self.koha.put("letter", module="circulation", code=code, message_transport_type="email")

    def configure(self, *, policy: str = POLICY, tables: str = "", threshold: str = "25.00") -> None:
        """These keys are in force."""
        self.evenings.configure(policy=policy, tables=tables)
        text = self.evenings.config.read_text(encoding="utf-8")
        text = text.replace("threshold = 25.00", f"threshold = {threshold}")
        self.evenings.config.write_text(text, encoding="utf-8")

    # What Koha says

    def rule(self, name: str, value: str, scope: Scope = ANY) -> int:
        """A circulation rule; its number."""
        library, category, itemtype = scope
        return self.koha.put(
            "circulation_rules",
            branchcode=library,
            categorycode=category,
            itemtype=itemtype,
            rule_name=name,
            rule_value=value,
        )

    def rules(self, scope: Scope = ANY, **values: str) -> None:
        """Several circulation rules of one scope."""
        for name, value in values.items():
            self.rule(name, value, scope)

    def triggers(
        self, library: str, category: str, *delays: int, restricts: tuple[int, ...] = (), ways: str = "email"
    ) -> None:
        """Overdue notices ODUE, ODUE2, ODUE3 after so many days; '' is every library."""
        letters = dict(enumerate(LETTERS[2:], start=1))
        if not self.has_tables:
            scope = (library or None, category, None)
            for level, delay in enumerate(delays, start=1):
                self.rule(f"overdue_{level}_delay", str(delay), scope)
                self.rule(f"overdue_{level}_notice", letters[level], scope)
                self.rule(f"overdue_{level}_mtt", ways, scope)
                if level in restricts:
                    self.rule(f"overdue_{level}_restrict", "1", scope)
            return
        cells: dict[str, object] = {}
        for level, delay in enumerate(delays, start=1):
            restrict = int(level in restricts)
            cells |= {f"delay{level}": delay, f"letter{level}": letters[level], f"debarred{level}": restrict}
        row = self.koha.put("overduerules", branchcode=library, categorycode=category, **cells)
        for level, _ in enumerate(delays, start=1):
            for way in ways.split(","):
                self.koha.put(
                    "overduerules_transport_types", overduerules_id=row, letternumber=level, message_transport_type=way
                )

    def closed(self, library: str, *, weekday: int | None = None, days: tuple[date, ...] = ()) -> None:
        """The library is closed on that weekday (0 is Sunday), or on these days."""
        if self.koha.has("repeatable_holidays", "weekday"):
            if weekday is not None:
                self.koha.put("repeatable_holidays", branchcode=library, weekday=weekday)
            for day in days:
                parts = {"day": day.day, "month": day.month, "year": day.year}
                self.koha.put("special_holidays", branchcode=library, isexception=0, **parts)
            return
        if weekday is not None:
            self.koha.put("library_weekly_closures", library_id=library, weekday=weekday)
        for day in days:
            self.koha.put("library_single_closures", library_id=library, date=day)

    def closed_as_cpl(self) -> None:
        """CPL is closed on Sundays and at Easter."""
        self.closed("CPL", weekday=SUNDAY, days=(GOOD_FRIDAY, EASTER_MONDAY))

    def processing_fee(self, amount: str, itemtype: str = "BK") -> None:
        """The fee for a lost item of that type, wherever this Koha keeps it."""
        if self.koha.has("itemtypes", "processfee"):
            sql = "UPDATE itemtypes SET processfee = :amount WHERE itemtype = :type"
            self.koha.execute(sql, amount=amount, type=itemtype)
        else:
            self.rule("lost_item_processing_fee", amount, (None, None, itemtype))

    def courtesy(self, days: int, *, category: str | None = None, patron: int | None = None) -> None:
        """A courtesy notice by e-mail so many days before the due date: a patron's, or a category's template."""
        name = "Advance_Notice" if days else "Item_Due"
        asked = "SELECT message_attribute_id FROM message_attributes WHERE message_name = :name"
        message = self.koha.value(asked, name=name) or self.koha.put("message_attributes", message_name=name)
        wish = self.koha.put(
            "borrower_message_preferences",
            borrowernumber=patron,
            categorycode=category,
            message_attribute_id=message,
            days_in_advance=days or None,
        )
        self.koha.put(
            "borrower_message_transport_preferences",
            borrower_message_preference_id=wish,
            message_transport_type="email",
        )

    def first_library(self) -> None:
        """The library of the first case: a fine of 0.50 a day up to 10.00, three notices, lost after 29 days."""
        self.rules(issuelength="14", lengthunit="days", daysmode="Days")
        self.rules(fine="0.50", chargeperiod="1", chargeperiod_charge_at="0", overduefinescap="10.00")
        self.triggers("", "PT", 7, 14, 28, restricts=(2,))
        self.processing_fee("5.00")
        self.courtesy(2, category="PT")
        self.koha.prefer("DefaultLongOverdueDays", "29")
        self.koha.prefer("WhenLostForgiveFine", "1")

    # What the command says

    def run(self, *args: str, on: date = TODAY) -> Finished:
        """The finished command, which has changed no table of whatever kind."""
        before = self.checksums()
        done = self.evenings.run("timeline", *args, on=on)
        assert self.checksums() == before
        return done

    def checksums(self) -> list[dict[str, Any]]:
        """What the server says of the contents of every table."""
        names = [name for row in self.koha.query("SHOW TABLES") for name in row.values()]
        return self.koha.query("CHECKSUM TABLE " + ", ".join(f"`{name}`" for name in names))

    def says(self, *args: str, on: date = TODAY) -> str:
        """What the command says, once it has succeeded and said nothing on stderr."""
        done = self.run(*args, on=on)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return done.stdout

    def road(self, combination: str, *args: str) -> Answer:
        """The road of a loan: `road("FPL/PT/BK", "--due", "2026-03-16")`."""
        answer: Answer = json.loads(self.says(*of(combination), *args, "--format", "json"))
        return answer

    def ruled(self, combination: str, *args: str) -> dict[str, Answer]:
        """The rules of a loan, by name."""
        answer = json.loads(self.says("rules", *of(combination), *args, "--format", "json"))
        return {rule["name"]: rule for rule in answer["rules"]}

    def contradictions(self, *args: str) -> Answer:
        """What `timeline check` says."""
        answer: Answer = json.loads(self.says("check", *args, "--format", "json"))
        return answer

    def refuses(self, *args: str) -> str:
        """What the command says when it refuses a question; nothing is on stdout."""
        done = self.run(*args)
        assert (done.returncode, done.stdout) == (2, ""), done.stdout + done.stderr
        return done.stderr


def of(combination: str) -> tuple[str, ...]:
    """The options of `FPL/PT/BK`."""
    branch, category, itemtype = combination.split("/")
    return ("--branch", branch, "--category", category, "--itemtype", itemtype)


def events(road: Answer, *kinds: str) -> list[Answer]:
    """The events of these kinds."""
    return [event for event in road["events"] if event["kind"] in kinds]


def days(road: Answer, *kinds: str) -> list[str]:
    """The days of these events, without the year."""
    return [event["day"][5:] for event in events(road, *kinds)]


def names(found: Answer) -> list[str]:
    """The names of the findings."""
    return [finding["name"] for finding in found["findings"]]
