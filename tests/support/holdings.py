"""What Koha, our cases and the agencies hold of a consortium, read plainly and reckoned by the rules' own words.

It knows the rules as `docs/explanation/the-rules.md` tells them, and nothing of the program.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any

from tests.builders.days import ZONE
from tests.support.koha import KohaDatabase
from tests.support.nights import rows_of

ZERO = Decimal("0.00")
NEWER, OLDER = 90, 60
OURS = "UMS Processing Fee"
OUR_COMMENT = re.compile(r"Patron sent to collections on [\d/.-]+")
GLOBAL = "global"

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class DeskRules:
    """What a section's settings say of lists and holds; without `review_days` nobody sees a list."""

    review_days: int = 0
    review_ends: str = "refer"
    hold_due: str = "zero"
    has_hold_field: bool = False


NO_DESK = DeskRules()


@dataclass(frozen=True, kw_only=True)
class Scopes:
    """The sections as the settings have them: branch -> section, section -> agency, section -> flag field.

    `everybody` are recipients that every section tells besides. `desks` are the rules of sections with lists and holds.
    """

    branches: Mapping[str, str]
    agencies: Mapping[str, str]
    flags: Mapping[str, str]
    charges_by: str
    everybody: tuple[str, ...] = ()
    desks: Mapping[str, DeskRules] = field(default_factory=dict)

    def keeper(self, section: str) -> str:
        """Who goes on with the cases of a section: itself, or `global` once it is gone."""
        return section if section in self.agencies else GLOBAL

    def of_branch(self, branch: str | None) -> str:
        """Who speaks for a branch."""
        return self.branches.get(branch or "", GLOBAL)


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What clerks have decided, as our tables hold it by number; `fields` are patron -> values and last days."""

    lists: dict[int, Row]
    rows: dict[tuple[int, int], Row]
    holds: dict[int, Row]
    wishes: dict[int, Row]
    fields: dict[int, tuple[list[str], list[str]]]

    def in_force(self, section: str, day: date) -> Row | None:
        """The list in force: that of this day, or the latest before."""
        lists = [each for each in self.lists.values() if each["section"] == section and each["for_day"] <= day]
        return max(lists, key=lambda each: each["for_day"], default=None)

    def keeps_back(self, patron: int, section: str, day: date, rules: DeskRules) -> bool:
        """Whether the patron is on hold, by a person or by Koha's field."""
        by_person = any(
            hold["patron"] == patron and hold["section"] in {None, section} and is_from(hold["until"], day)
            for hold in self.holds.values()
            if hold["ended"] is None and hold["source"] != "koha"
        )
        values, untils = self.fields.get(patron, ([], [])) if rules.has_hold_field else ([], [])
        until = max(map(date.fromisoformat, untils), default=None) if all(map(ISO.fullmatch, untils)) else None
        return by_person or (bool(values) and is_from(until, day))

    def why(self, patron: int) -> str:
        """What keeps the patron back, in words."""
        holds = [hold for hold in self.holds.values() if hold["patron"] == patron]
        return f"holds {holds}, field {self.fields.get(patron)}"


ISO = re.compile(r"\d{4}-\d\d-\d\d")


def is_from(until: date | None, day: date) -> bool:
    """Whether something that lasts until then, that day included, lasts on this day."""
    return until is None or day <= until


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What Koha and our cases hold at one moment; `flags` and `blocks` (restrictions not ours) by number.

    `updates` are sections with the days of their updates, `unheard` the reports that have not reached an agency,
    `reminder_fees` the fee lines of reminders with the sections of their series.
    """

    people: dict[int, Row]
    flags: dict[tuple[int, str], tuple[str, ...]]
    lines: dict[int, Row]
    blocks: dict[int, tuple[Any, ...]]
    ours: Counter[int]
    cases: dict[int, Row]
    recorded: dict[int, frozenset[int]]
    reminder_fees: dict[int, str]
    letters: int
    logged: list[str]
    updates: frozenset[tuple[str, date]]
    unheard: frozenset[int]
    decided: Decided

    def open(self, scopes: Scopes | None = None, section: str | None = None) -> list[Row]:
        """The open cases, or those that this section keeps up."""
        cases = [case for case in self.cases.values() if case["state"] == "open"]
        return [case for case in cases if scopes is None or scopes.keeper(case["section"]) == section]

    def reading(self, patron: int, flag: str) -> str:
        """What the flag says: yes, no, or other."""
        said = [value.strip().lower() for value in self.flags.get((patron, flag), ())]
        if any(value in {"yes", "1"} for value in said):
            return "yes"
        return "no" if all(value in {"", "no", "0"} for value in said) else "other"

    def owner(self, line: Row, scopes: Scopes) -> str:
        """Whose a charge is, if charges belong to branches."""
        if line["id"] in self.reminder_fees:
            return scopes.keeper(self.reminder_fees[line["id"]])
        for case in self.cases.values():
            if case["fee_line"] == line["id"] or (case["state"] == "open" and line["id"] in self.recorded[case["id"]]):
                return scopes.keeper(case["section"])
        return scopes.of_branch(line["branch"] or self.people[line["patron"]]["branchcode"])

    def of(self, patron: int, section: str, scopes: Scopes) -> list[Row]:
        """The lines of the patron that are the section's."""
        lines = [line for line in self.lines.values() if line["patron"] == patron and line["owed"]]
        return [line for line in lines if scopes.charges_by == "patron" or self.owner(line, scopes) == section]

    def balance(self, patron: int, section: str, scopes: Scopes) -> Decimal:
        """What the patron owes the section."""
        return sum((line["owed"] for line in self.of(patron, section, scopes)), ZERO)

    def story(self, number: int, scopes: Scopes) -> str:
        """The cases under this number, and what their patrons owe to whom."""
        names = ("id", "section", "state", "closed_on", "patron", "fee_line")
        cases = [[str(case[name]) for name in names] for case in self.cases.values() if case["number"] == number]
        patrons = {case["patron"] for case in self.cases.values() if case["number"] == number}
        lines = [line for line in self.lines.values() if line["patron"] in patrons & self.people.keys()]
        owed = [f"{line['id']}: {line['owed']:.2f} of {line['day']} to {self.owner(line, scopes)}" for line in lines]
        return f"cases {cases}, lines {owed}"

    def owed_in_window(self, patron: int, section: str, scopes: Scopes, day: date) -> Decimal:
        """What counts toward a referral: nothing that staff have taken back."""
        withdrawn = [case for case in self.cases.values() if case["state"] == "withdrawn"]
        taken_back = frozenset[int]().union(*(self.recorded[case["id"]] for case in withdrawn))
        since = [
            case["closed_on"]
            for case in withdrawn
            if case["patron"] == patron
            if scopes.charges_by == "patron" or scopes.keeper(case["section"]) == section
        ]
        last = max(since, default=date.min)
        return sum(
            (
                line["owed"]
                for line in self.of(patron, section, scopes)
                if day - timedelta(days=NEWER) <= line["day"] <= day - timedelta(days=OLDER)
                and line["description"] != OURS
                and line["id"] not in self.reminder_fees
                and (line["is_credit"] or (line["day"] > last and line["id"] not in taken_back))
            ),
            ZERO,
        )


def look(koha: KohaDatabase) -> Seen:
    """Everything that matters, read as plainly as possible."""
    people = {row["borrowernumber"]: row for row in koha.query("SELECT * FROM borrowers")}
    flags: dict[tuple[int, str], tuple[str, ...]]
    flags = {(n, name): (row[name] or "",) for n, row in people.items() for name in ("sort1", "sort2")}
    for row in koha.query("SELECT borrowernumber AS n, attribute FROM borrower_attributes WHERE code = 'COLL'"):
        flags[row["n"], "attribute:COLL"] = (*flags.get((row["n"], "attribute:COLL"), ()), row["attribute"] or "")
    blocks = koha.query("SELECT * FROM borrower_debarments")
    mine = [row for row in blocks if OUR_COMMENT.fullmatch(row["comment"])]
    cases = {row["id"]: row for row in koha.query("SELECT * FROM gentle_nudge_case ORDER BY id")}
    recorded: dict[int, frozenset[int]] = dict.fromkeys(cases, frozenset())
    for row in koha.query("SELECT case_id, line FROM gentle_nudge_case_line"):
        recorded[row["case_id"]] |= {row["line"]}
    fees = "SELECT fee_line, section FROM gentle_nudge_reminder r JOIN gentle_nudge_series s ON s.id = r.series_id"
    return Seen(
        people=people,
        flags=flags,
        lines={row["accountlines_id"]: _line(row) for row in koha.query("SELECT * FROM accountlines")},
        blocks={row["borrower_debarment_id"]: tuple(row.values()) for row in blocks if row not in mine},
        ours=Counter(row["borrowernumber"] for row in mine),
        cases=cases,
        recorded=recorded,
        reminder_fees={row["fee_line"]: row["section"] for row in koha.query(fees)},
        letters=koha.value("SELECT COUNT(*) FROM message_queue"),
        logged=[row["info"] for row in koha.query("SELECT info FROM action_logs WHERE module = 'GENTLENUDGE'")],
        updates=frozenset(
            (row["section"], row["day"])
            for row in koha.query("SELECT section, day FROM gentle_nudge_run WHERE report = 'update'")
        ),
        unheard=frozenset(
            row["report_id"]
            for row in koha.query(
                "SELECT report_id FROM gentle_nudge_delivery WHERE tells AND NOT is_repeat AND state != 'sent'"
            )
        ),
        decided=_decided(koha),
    )


def _decided(koha: KohaDatabase) -> Decided:
    fields: dict[int, tuple[list[str], list[str]]] = {}
    texts = "SELECT borrowernumber AS n, code, attribute FROM borrower_attributes WHERE code IN ('HOLD', 'HOLDUNTIL')"
    for row in koha.query(texts):
        values, untils = fields.setdefault(row["n"], ([], []))
        text = (row["attribute"] or "").strip()
        if row["code"] == "HOLDUNTIL" and text:
            untils.append(text)
        elif row["code"] == "HOLD" and text.lower() not in {"", "no", "0"}:
            values.append(text)
    rows = koha.query("SELECT * FROM gentle_nudge_list_row")
    return Decided(
        lists=_by_id(koha, "list"),
        rows={(row["list_id"], row["patron"]): row for row in rows},
        holds=_by_id(koha, "hold"),
        wishes=_by_id(koha, "wish"),
        fields=fields,
    )


def _by_id(koha: KohaDatabase, name: str) -> dict[int, Row]:
    return {row["id"]: row for row in koha.query(f"SELECT * FROM gentle_nudge_{name} ORDER BY id")}


def _line(row: Row) -> Row:
    return {
        "id": row["accountlines_id"],
        "patron": row["borrowernumber"],
        "day": row["date"].replace(tzinfo=UTC).astimezone(ZONE).date(),
        "owed": row["amountoutstanding"],
        "is_credit": row["debit_type_code"] is None,
        "description": row["description"],
        "type": row["debit_type_code"],
        "status": row["status"],
        "branch": row["branchcode"],
    }


# What arrives at the agencies


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A report as it arrived; `place` orders what one recipient gets of one section and was not sent as a repeat."""

    to: str
    subject: str
    file_name: str
    file: bytes
    place: int = 0
    is_repeat: bool = False

    def dues(self) -> list[tuple[int, Decimal]]:
        """What it says: number and due."""
        rows = rows_of(self.file)
        return [(int(row["borrowernumber"]), Decimal(row.get("Due") or row["Total_Plus_Fee"])) for row in rows]

    @property
    def stream(self) -> tuple[str, str]:
        """The recipient, and the section as the file name tells it."""
        return self.to, re.sub(r"^ums-(updates|sync)-\d{4}-\d\d-\d\d|-\d+(?=\.csv)", "", self.file_name)


@dataclass(kw_only=True)
class Agencies:
    """What each agency was told last of each number, and by which file."""

    held: dict[tuple[str, int], tuple[Decimal, str]] = field(default_factory=dict)

    def hear(self, report: Arrived) -> None:
        """The report was read: the last word holds."""
        for number, due in report.dues():
            self.held[report.to, number] = (due, report.file_name)

    def wronged(self, seen: Seen, scopes: Scopes, handed_over: set[tuple[str, int]], day: date) -> Iterator[str]:
        """Every account that an agency has otherwise than it is: its newest balance while it is open, then nothing.

        Of a paused case it has what `hold_due` says; of one that is about to be paused on this day what it had.
        """
        truth: dict[tuple[str, int], tuple[Decimal, int]] = {}
        for case in seen.open():
            section = scopes.keeper(case["section"])
            for recipient in (scopes.agencies[section], *scopes.everybody):
                account = recipient, case["number"]
                rules = scopes.desks.get(section, NO_DESK)
                is_held = case["paused_on"] or seen.decided.keeps_back(case["patron"], section, day, rules)
                if case["paused_on"] and rules.hold_due == "zero":
                    due = ZERO
                elif is_held and account in self.held:
                    due = self.held[account][0]
                else:
                    due = seen.balance(case["patron"], section, scopes)
                truth[account] = due, case["id"]
                if account not in self.held:
                    yield f"{account} was never told: case {case['id']}"
        for account, (due, told_in) in self.held.items():
            owed, case_id = truth.get(account, (ZERO, 0))
            if (due != owed if case_id else due > ZERO) and account not in handed_over:
                yield f"{account} is held at {due} ({told_in}), in truth {owed}; {seen.story(account[1], scopes)}"
