"""What Koha and our tables hold of reminders, read plainly, and what each patron is due by the rules' own words.

It knows the rules as `docs/how-to/reminders.md` tells them, and nothing of the program.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from tests.support.holdings import GLOBAL, NO_DESK, OURS, ZERO, Row, Scopes, Seen, look
from tests.support.koha import KohaDatabase

BILL, OLDEST = 5, 150
NEVER_COUNT = {"ACCOUNT", "ACCOUNT_RENEW"}
Key = tuple[str, int]  # section and patron


@dataclass(frozen=True, kw_only=True)
class Level:
    """A level: its period, its fee, and whether it blocks."""

    days: int
    fee: Decimal = ZERO
    block: bool = False


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """The reminders of a section: the least debt, and the levels by number, the last of them the bill."""

    minimum: Decimal
    levels: Mapping[int, Level]

    def toml(self, table: str, keys: str = "") -> str:
        """The settings."""
        text = f"\n[{table}]\nminimum = {self.minimum}\n{keys}"
        for number, level in self.levels.items():
            head = f"[{table}.bill]" if number == BILL else f"[[{table}.level]]"
            block = str(level.block).lower()
            text += (
                f'{head}\nafter_days = {level.days}\nletter = "{code_of(number)}"\nfee = {level.fee}\nblock = {block}\n'
            )
        return text

    def after(self, level: int) -> int | None:
        """The level after this one (0: the first), if there is one."""
        return next((number for number in self.levels if number > level), None)


def code_of(level: int) -> str:
    """The code of its letter."""
    return "DEBTBILL" if level == BILL else f"DEBTREM{level}"


TWO, TEN = Decimal("2.00"), Decimal("10.00")
MOST = Ladder(
    minimum=TEN,
    levels={
        1: Level(days=10),
        2: Level(days=6, fee=TWO),
        3: Level(days=5, block=True),
        4: Level(days=4, fee=TWO),
        BILL: Level(days=8, fee=TEN, block=True),
    },
)
SHORT = Ladder(
    minimum=Decimal("20.00"),
    levels={1: Level(days=12, fee=Decimal("1.50"), block=True), BILL: Level(days=9, fee=TWO, block=True)},
)
LADDERS = {"north": MOST, "south": SHORT, GLOBAL: MOST}


@dataclass(frozen=True, kw_only=True)
class Debt:
    """What a patron owes a section on a day; `any_age` are the charges with those that are too old."""

    charges: Decimal = ZERO
    any_age: Decimal = ZERO
    fees: Decimal = ZERO
    since: date | None = None


@dataclass(frozen=True, kw_only=True)
class Reminded:
    """Everything at one moment; of `messages` the state is Koha's, `broken` are codes of letters nobody can use."""

    seen: Seen
    scopes: Scopes
    day: date
    series: dict[int, Row]
    reminders: dict[int, Row]
    messages: dict[int, Row]
    queue: dict[int, Row]
    blocks: dict[int, Row]
    guarantors: Mapping[int, list[int]]
    deleted: Counter[int]
    broken: frozenset[str]

    @cached_property
    def open_series(self) -> dict[Key, Row]:
        """The open series."""
        return {(row["section"], row["patron"]): row for row in self.series.values() if row["state"] == "open"}

    @cached_property
    def owed(self) -> Mapping[Key, list[Row]]:
        """The lines of each patron and section, by day; all of a patron's, if those are one section's."""
        owed = defaultdict[Key, list[Row]](list)
        people, by_patron = self.seen.people, self.scopes.charges_by == "patron"
        for line in sorted(self.seen.lines.values(), key=lambda line: (line["day"], line["id"])):
            if (patron := line["patron"]) in people and line["owed"]:
                for section in self.scopes.agencies if by_patron else [self.seen.owner(line, self.scopes)]:
                    owed[section, patron].append(line)
        return owed

    @cached_property
    def fees(self) -> set[int]:
        """The lines that are fees of ours."""
        described = {n for n, line in self.seen.lines.items() if line["description"] == OURS}
        recorded = {case["fee_line"] for case in self.seen.cases.values()}
        return described | recorded | {row["fee_line"] for row in self.reminders.values()}

    @cached_property
    def taken_back(self) -> frozenset[int]:
        """The charges that staff took back from the agency."""
        cases = self.seen.cases.values()
        return frozenset(n for case in cases if case["state"] == "withdrawn" for n in self.seen.recorded[case["id"]])

    @cached_property
    def no_earlier(self) -> Mapping[Key, date]:
        """The last day whose charges do not count: staff have stopped a series, or taken a case back."""
        last = defaultdict[Key, date](lambda: date.min)
        days = [((row["section"], row["patron"]), row["closed_on"]) for row in self.series.values() if is_stopped(row)]
        for case in (case for case in self.seen.cases.values() if case["state"] == "withdrawn"):
            lines = [self.seen.lines[n] for n in self.seen.recorded[case["id"]] if n in self.seen.lines]
            is_gone = case["patron"] not in self.seen.people or self.deleted[case["patron"]]
            heirs = {line["patron"] for line in lines} if is_gone else set()
            by_patron, keeper = self.scopes.charges_by == "patron", self.scopes.keeper(case["section"])
            sections = [each for each in self.scopes.agencies if by_patron or keeper == each]
            days += [((each, n), case["closed_on"]) for each in sections for n in (case["patron"], *heirs)]
        for key, day in days:
            last[key] = max(last[key], day)
        return last

    def debt(self, key: Key) -> Debt:
        """What is owed now, as it counts today."""
        lines, first = self.owed.get(key, []), self.day - timedelta(days=OLDEST)
        charges = [line for line in lines if line["owed"] > 0 and self._counts(line, key)]
        open_charges = [line for line in charges if line["day"] >= first]
        credit = sum((line["owed"] for line in lines if line["owed"] < 0), ZERO)
        running, since = credit, None
        for line in open_charges:
            running += line["owed"]
            if since is None and running >= LADDERS[key[0]].minimum:
                since = line["day"]
        return Debt(
            charges=max(ZERO, running),
            any_age=max(ZERO, credit + sum((line["owed"] for line in charges), ZERO)),
            fees=sum((line["owed"] for line in lines if line["id"] in self.fees and line["owed"] > 0), ZERO),
            since=since,
        )

    def _counts(self, line: Row, key: Key) -> bool:
        grows = (line["type"], line["status"]) == ("OVERDUE", "UNRETURNED")
        is_out = grows or line["type"] in NEVER_COUNT or line["id"] in self.fees | self.taken_back
        return not is_out and self.no_earlier.get(key, date.min) < line["day"] <= self.day

    def in_collections(self, key: Key) -> bool:
        """Whether the section's case is open (anybody's, if all charges are one section's), or its flag says yes."""
        section, patron = key
        kept_by = {section} | ({case["section"] for case in self.seen.open()} - self.scopes.agencies.keys())
        if self.scopes.everybody and section != GLOBAL:  # one agency: `global` goes on with the cases of a gone section
            kept_by = {section}
        cases = [case["section"] for case in self.seen.open() if case["patron"] == patron]
        by_case = bool(cases) if self.scopes.charges_by == "patron" else not kept_by.isdisjoint(cases)
        return by_case or self.seen.reading(patron, self.scopes.flags[section]) == "yes"

    @cached_property
    def letters(self) -> Mapping[int, list[Row]]:
        """The levels sent of each series."""
        letters = defaultdict[int, list[Row]](list)
        for row in self.reminders.values():
            letters[row["series_id"]].append(row)
        return letters

    def letters_of(self, series: Row | None) -> list[Row]:
        """The levels sent of this series."""
        return self.letters.get(series["id"], []) if series else []

    def readers(self, patron: int) -> list[int]:
        """To whom letters about this patron go: of a child to the guarantors too."""
        born = self.seen.people[patron]["dateofbirth"]
        is_child = born is not None and born > self.day - timedelta(days=17 * 365)
        return [patron, *(self.guarantors.get(patron, []) if is_child else [])]

    def has(self, patron: int, column: str) -> bool:
        """Whether the patron has an `email` or an `address`."""
        return bool((self.seen.people.get(patron, {}).get(column) or "").strip())

    def verdict(self, key: Key) -> tuple[str, int | str | None]:
        """What the series must be after a run of today, and what the patron gets: a level, a `print`, or nothing."""
        section, patron = key
        if end := self._end(key):
            return end, None
        rules = self.scopes.desks.get(section, NO_DESK)
        if self.seen.decided.keeps_back(patron, section, self.day, rules):
            return "open", None
        debt, minimum = self.debt(key), LADDERS[section].minimum
        if debt.charges < minimum:
            return "paid" if not debt.charges and debt.any_age < minimum else "below_minimum", None
        return "open", self._gets(key, debt)

    def _end(self, key: Key) -> str | None:
        """The end of a series that has nothing to do with money."""
        (section, patron), series = key, self.open_series.get(key)
        person = self.seen.people.get(patron)
        if person is None or (series and self.deleted[patron] > series["used_before"]):
            return "gone"
        if self.scopes.charges_by == "patron" and self.scopes.of_branch(person["branchcode"]) != section:
            return "moved"
        if self.in_collections(key):
            return "referred"
        return "gone" if person["anonymized"] else None

    def _gets(self, key: Key, debt: Debt) -> int | str | None:
        """What somebody gets whom nothing keeps back."""
        (section, patron), letters = key, self.letters_of(self.open_series.get(key))
        last = letters[-1] if letters else None
        level = LADDERS[section].after(last["level"] if last else 0)
        if last and self._is_to_print(last):
            return "print"
        begins = last["day"] if last else debt.since
        if level is None or begins is None or code_of(level) in self.broken or not self._is_reached(patron):
            return None
        never_left = last and not {"sent", "gone"} & {row["state"] for row in self.messages_of(last)}
        is_due = begins + timedelta(days=LADDERS[section].levels[level].days) <= self.day
        return level if is_due and not never_left else None

    def messages_of(self, reminder: Row) -> list[Row]:
        """The messages of a level."""
        return [row for row in self.messages.values() if row["reminder_id"] == reminder["id"]]

    def _is_to_print(self, last: Row) -> bool:
        messages = self.messages_of(last)
        failed = [row for row in messages if (row["transport"], row["state"]) == ("email", "failed")]
        printed = {row["replaces"] for row in messages}
        by_post = [row for row in failed if row["message"] not in printed and self.has(row["addressee"], "address")]
        known = {last["patron"], *self.guarantors.get(last["patron"], [])}
        return last["letter"] not in self.broken and any(row["addressee"] in known for row in by_post)

    def _is_reached(self, patron: int) -> bool:
        return any(self.has(each, way) for each in self.readers(patron) for way in ("email", "address"))


def is_stopped(series: Row) -> bool:
    """Whether staff have stopped it."""
    return bool(series["state"] == "stopped")


def read(koha: KohaDatabase, scopes: Scopes, day: date) -> Reminded:
    """Everything that matters, read as plainly as possible."""
    guarantors = defaultdict[int, list[int]](list)
    for row in koha.query("SELECT guarantee_id AS child, guarantor_id AS n FROM borrower_relationships ORDER BY id"):
        guarantors[row["child"]].append(row["n"])
    queue = by(koha, "message_queue", "message_id")
    messages = by(koha, "gentle_nudge_reminder_message")
    for row in messages.values():
        if row["state"] == "pending":
            row["state"] = queue.get(row["message"], {"status": "gone"})["status"]
    series, reminders = by(koha, "gentle_nudge_series"), by(koha, "gentle_nudge_reminder")
    for row in reminders.values():
        row.update({name: series[row["series_id"]][name] for name in ("section", "patron")})
    return Reminded(
        seen=look(koha),
        scopes=scopes,
        day=day,
        series=series,
        reminders=reminders,
        messages=messages,
        queue=queue,
        blocks=by(koha, "borrower_debarments", "borrower_debarment_id"),
        guarantors=guarantors,
        deleted=Counter(row["n"] for row in koha.query("SELECT borrowernumber AS n FROM deletedborrowers")),
        broken=frozenset(row["code"] for row in koha.query("SELECT code FROM letter WHERE LOCATE('[%', content)")),
    )


def by(koha: KohaDatabase, table: str, key: str = "id") -> dict[int, dict[str, Any]]:
    """The rows of a table by their number, in order."""
    return {row[key]: row for row in koha.query(f"SELECT * FROM {table} ORDER BY {key}")}
