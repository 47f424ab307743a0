"""What the program tells of the outcomes, held against the desk's own ledger."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime

from tests.acceptance.evenings import Evenings
from tests.builders.days import SUNDAY, ZONE
from tests.support.accounts import Accounts
from tests.support.holdings import Row
from tests.support.never import Step

PURGE_AFTER = 5  # nights


class Auditor:
    """Follows every command; after every so many nights all figures are those of the ledger, or it complains."""

    def __init__(self, evenings: Evenings, accounts: Accounts) -> None:
        self.evenings, self.accounts, self.every = evenings, accounts, 1
        self.known: set[int] = set()
        self.seen: Counter[str] = Counter()

    def complaints(self, step: Step) -> Iterator[str]:
        """What is told otherwise than the ledger has it, once the ledger has seen what the command has done."""
        self._record(step)
        evening = datetime(step.day.year, step.day.month, step.day.day, 23, tzinfo=ZONE).astimezone(UTC)
        copied = self.evenings.koha.value("SELECT outcomes_copied FROM gentle_nudge_meta")
        if step.args[0] != "nightly" or copied != evening.replace(tzinfo=None):
            return
        self.accounts.ledger.night(step.after.cases, step.day)
        self.seen["nights"] += 1
        if self.seen["nights"] % self.every == 0:
            yield from self._differences(step)
        if self.seen["nights"] % (self.every * PURGE_AFTER) == 0:
            self.accounts.purge(step.day)
            yield from (f"purging has changed a figure: {what}" for what in self._differences(step))

    def _record(self, step: Step) -> None:
        ledger = self.accounts.ledger
        recorded = "SELECT line, outstanding FROM gentle_nudge_case_line WHERE case_id = :n AND outstanding > 0"
        for n in sorted(step.after.cases.keys() - self.known):
            case = step.after.cases[n]
            for row in self.evenings.koha.query(recorded, n=n):
                ledger.recorded(row["line"], n, row["outstanding"])
            if line := case["fee_line"]:
                ledger.charged(line, None, case["fee"])
                ledger.recorded(line, n, case["fee"], is_fee=True)
            self.known.add(n)

    def _differences(self, step: Step) -> Iterator[str]:
        ledger, cases = self.accounts.ledger, list(step.after.cases.values())
        listed = self._told("cases", on=step.day)["cases"]
        told = self._told("outcomes", "--from", f"{SUNDAY:%Y-%m}", on=step.day)
        months = [case for case in cases if case["referred_on"] and f"{case['referred_on']:%Y-%m}" <= told["to"]]
        period, adopted = [case for case in months if not case["adopted"]], [case for case in cases if case["adopted"]]
        expected = {
            **{f"case {each['case']}": (ledger.of(step.after.cases[each["case"]]), each) for each in listed},
            "total": (ledger.total(period), told["total"]),
            "before_us": (ledger.total(adopted), told["before_us"]),
        }
        for what, (mine, theirs) in expected.items():
            if odd := {key: (value, theirs[key]) for key, value in mine.items() if theirs[key] != value}:
                yield f"{what}, in the ledger and as told: {odd}"
        gaps = sorted(ledger.gaps(case["id"] for case in (*period, *adopted)))
        named = sorted((each["case"], each["line"], each["difference"]) for each in told["does_not_add_up"])
        if gaps != named or len(listed) != len(cases):
            yield f"does not add up: {gaps}, told {named}; {len(listed)} of {len(cases)} cases told"
        self.seen["compared"] += 1
        self.seen["gaps"] += len(gaps)

    def _told(self, *args: str, on: date) -> Row:
        told: Row = json.loads(self.evenings.run(*args, "--format", "json", on=on).stdout)
        return told
