"""A library that lives from day to day, and plain bookkeeping of what each of its nights must do.

The bookkeeping knows the rules as `docs/explanation/the-rules.md` tells them, and nothing of the program.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.report_row import ReportKind
from tests.builders.days import SUNDAY
from tests.builders.koha import (
    a_patron,
    an_attribute_type,
    balance,
    delete_patron,
    has_attribute,
    has_credit,
    is_restricted,
    merge,
    owes,
    pays,
)
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights, rows_of

THRESHOLD, FEE, ZERO = Decimal("25.00"), Decimal("10.00"), Decimal("0.00")
NEWER, OLDER = 90, 60
A_SUNDAY = 6
OURS = "UMS Processing Fee"
SURNAMES = ["Abel", "ábel", "de Vries", "O'Brien", "Zimmer", "山田", "=Sum", None, "Smith", "smith"]


@dataclass(frozen=True, kw_only=True)
class Person:
    """A patron as Koha has them."""

    surname: str | None
    firstname: str | None
    card: str | None
    flags: tuple[str | None, ...]

    @property
    def reading(self) -> str:
        """What the flag says: yes, no, or other."""
        said = [(value or "").strip().lower() for value in self.flags]
        if any(value in {"yes", "1"} for value in said):
            return "yes"
        return "no" if all(value in {"", "no", "0"} for value in said) else "other"

    @property
    def shown(self) -> tuple[str, str, str]:
        """Name and card as a report shows them."""
        surname = self.surname or ""
        return (f"'{surname}" if surname.startswith("=") else surname, self.firstname or "", self.card or "")


@dataclass(frozen=True, kw_only=True)
class World:
    """What Koha holds at one moment; `blocks` are the restrictions that are not ours."""

    people: dict[int, Person]
    lines: dict[int, dict[str, Any]]
    blocks: dict[int, tuple[Any, ...]]
    ours: Counter[int]

    def balance(self, patron: int) -> Decimal:
        """What the patron owes in all."""
        return sum((line["owed"] for line in self.lines.values() if line["patron"] == patron), ZERO)


@dataclass(kw_only=True)
class Book:
    """A case as the bookkeeping has it; `told` is what the agency last heard: due, name, card."""

    number: int
    patron: int
    adopted: bool
    lines: frozenset[int]
    state: str = "open"
    withdrawn_on: date = date.min
    told: tuple[Decimal, tuple[str, str, str]] = (ZERO, ("", "", ""))


@dataclass(frozen=True, kw_only=True)
class Told:
    """A row of the update; `place` is the patron to look up for its place, None: gone, at the end."""

    number: int
    name: tuple[str, str, str]
    due: Decimal
    place: int | None


@dataclass(kw_only=True)
class Books:
    """What the nights must have done so far.

    The last night did not let the cases of the patrons `untouched` end, or let through what it was `lifted_to`.
    """

    lists: str
    cases: list[Book] = field(default_factory=list)
    withdrawn: dict[int, date] = field(default_factory=dict)
    submissions: list[date] = field(default_factory=list)
    first_night: date | None = None
    untouched: list[int] = field(default_factory=list)
    lifted_to: int | None = None

    def in_collections(self) -> dict[int, Book]:
        """Patron -> open case."""
        return {case.patron: case for case in self.cases if case.state == "open"}

    def night(self, world: World, day: date, *, lift: bool = False) -> tuple[list[Told], set[int] | None]:
        """The update's rows of this night, and whom it refers (None: no submission); all of it is booked.

        `lift`: as many cases end as are found.
        """
        before = self.in_collections()
        heirs: set[int] = set()
        withdrawn = dict(self.withdrawn)
        known = [replace(case) for case in before.values()]
        told = [self._goes_on(case, world, day, taken=set(before), heirs=heirs) for case in before.values()]
        accidents = too_many(list(zip(known, before.values(), strict=True)))
        self.lifted_to = len(accidents) or None if lift else None
        self.untouched = [] if lift else [was.patron for was, _ in accidents]
        rows = [row for n, row in zip(before, told, strict=True) if row and n not in self.untouched]
        for was, case in accidents if not lift else ():
            case.patron, case.state, case.told = was.patron, was.state, was.told
            self.withdrawn.pop(was.patron, None)
            self.withdrawn |= {n: since for n, since in withdrawn.items() if n == was.patron}
        for number, person in world.people.items():
            if person.reading == "yes" and number not in before and number not in heirs:
                rows.append(self._opens(world, number, world.balance(number), adopted=True))
                if world.balance(number) <= 0:
                    self.cases[-1].state = "released"
        referred = None
        if self._submits(day):
            taken = before.keys() | heirs
            referred = {n for n, it in world.people.items() if n not in taken and self._refers(world, n, it, day)}
            rows += [self._opens(world, n, world.balance(n) + FEE, adopted=False) for n in sorted(referred)]
            self.submissions.append(day)
        self.first_night = self.first_night or day
        return rows, referred

    def _goes_on(self, case: Book, world: World, day: date, *, taken: set[int], heirs: set[int]) -> Told | None:
        person, patron = world.people.get(case.patron), case.patron
        if person is None:
            heir = self._heir(case, world)
            if heir is None or heir in taken | heirs:
                case.state = "deleted" if heir is None else "merged"
                return self._tells(case, case.told[1], ZERO, None)
            heirs.add(heir)
            person, patron = world.people[heir], heir
            case.patron = heir
        owed = world.balance(patron)
        if person.reading == "no" and patron not in heirs:
            case.state = "paid" if owed <= 0 else "withdrawn"
            if case.state == "withdrawn":
                self.withdrawn[patron] = case.withdrawn_on = day
            return self._tells(case, person.shown, ZERO, patron)
        if owed <= 0:
            case.state = "released"
        elif patron not in heirs and not self._is_news(case, person, owed, day):
            return None
        return self._tells(case, person.shown, owed, patron)

    def _is_news(self, case: Book, person: Person, owed: Decimal, day: date) -> bool:
        return self.lists == "all" or day.weekday() == A_SUNDAY or case.told != (owed, person.shown)

    def _heir(self, case: Book, world: World) -> int | None:
        owners = Counter(world.lines[line]["patron"] for line in case.lines if world.lines[line]["patron"])
        return min(owners, key=lambda owner: (-owners[owner], owner)) if owners else None

    def _opens(self, world: World, number: int, due: Decimal, *, adopted: bool) -> Told:
        lines = frozenset(n for n, line in world.lines.items() if line["patron"] == number and line["owed"])
        self.cases.append(Book(number=number, patron=number, adopted=adopted, lines=lines))
        return self._tells(self.cases[-1], world.people[number].shown, due, number)

    @staticmethod
    def _tells(case: Book, name: tuple[str, str, str], due: Decimal, place: int | None) -> Told:
        case.told = (due, name)
        return Told(number=case.number, name=name, due=due, place=place)

    def _submits(self, day: date) -> bool:
        sunday = day - timedelta(days=(day.weekday() - A_SUNDAY) % 7)
        last = self.submissions[-1] if self.submissions else None
        if last and last >= sunday:
            return False
        if day == sunday:
            return True
        knew = self.first_night is not None and self.first_night <= sunday
        return knew and (last is None or (day - last).days > 7)

    def _refers(self, world: World, number: int, person: Person, day: date) -> bool:
        owed = self.owed_in_window(world, number, day)
        return person.reading == "no" and min(owed, world.balance(number)) >= THRESHOLD

    def owed_in_window(self, world: World, number: int, day: date) -> Decimal:
        """What counts toward a referral."""
        first, last = day - timedelta(days=NEWER), day - timedelta(days=OLDER)
        inherited = (
            case.withdrawn_on
            for case in self.cases
            if case.state == "withdrawn" and case.patron not in world.people
            if any(world.lines[line]["patron"] == number for line in case.lines)
        )
        since = max([self.withdrawn.get(number, date.min), *inherited])
        return sum(
            (
                line["owed"]
                for line in world.lines.values()
                if line["patron"] == number
                and first <= line["day"] <= last
                and line["description"] != OURS
                and (line["is_credit"] or line["day"] > since)
            ),
            ZERO,
        )


def too_many(cases: list[tuple[Book, Book]]) -> list[tuple[Book, Book]]:
    """The cases that must not end, of all that were open: each as it was before, and as it would be."""
    ended = [(was, case) for was, case in cases if case.state not in {"open", "released"}]
    ended += [(was, case) for was, case in cases if case.state == "released" and was.told[0] > 0]
    unpaid = [(was, case) for was, case in ended if case.state in {"paid", "withdrawn", "deleted"}]
    if len(ended) > max(5, len(cases) // 2):
        return ended
    return unpaid if len(unpaid) > max(3, min(20, len(cases) // 4)) else []


class Year:
    """The library, its days and its nights, all from one seed."""

    def __init__(self, koha: KohaDatabase, *, seed: int, lists: str, attribute: bool) -> None:
        self.koha = koha
        self.chance = random.Random(seed)
        self.flag = "attribute:COLL" if attribute else "sort1"
        if attribute:
            an_attribute_type(koha, "COLL", repeatable=1)
        self.nights = Nights(
            koha,
            clear_paid=True,
            add_restriction=True,
            remove_restriction=True,
            update_lists=lists,
            flag=Flag.parse(self.flag),
        )
        self.books = Books(lists=lists)
        self.happened: Counter[str] = Counter()
        self._cards = count(1)
        self.day = SUNDAY - timedelta(days=1)
        for _ in range(25):
            self._newcomer()

    def lives(self, days: int) -> None:
        """So many days and nights; every night is held against the books."""
        for _ in range(days):
            self.day += timedelta(days=1)
            for _ in range(self.chance.randrange(1, 8)):
                self._something_happens()
            if len(self.books.in_collections()) > 3 and self.chance.random() < 0.3:
                self._flags_wiped()
            if self.chance.random() < 0.07:
                self.happened["missed night"] += 1
            else:
                self._night()
        self._the_books_agree()

    # Nights

    def _night(self) -> None:
        lift = bool(self.books.untouched) and not self._flags_put_back()
        before = self.world()
        going_on = list(self.books.in_collections().values())
        expected, referred = self.books.night(before, self.day, lift=lift)
        night = self.nights.night(self.day, most_endings=self.books.lifted_to)
        refusals = [refusal.kind for plan in night.plans.values() for refusal in plan.refusals]
        assert (night.failures, refusals) == ({}, ["endings"] if self.books.untouched else [])
        self.happened["endings refused"] += bool(refusals)
        after = self.world()
        self._koha_changed_as_it_may(before, after, referred or set())
        self._cases_are_as_booked(after)
        assert not any(after.ours[case.patron] for case in going_on if case.state == "released")
        self._update_is(expected, after)
        self._submission_is(referred, before)

    def _koha_changed_as_it_may(self, before: World, after: World, referred: set[int]) -> None:
        assert {n: after.lines[n] for n in before.lines} == before.lines, "no line is deleted or changed"
        fees = [line for n, line in after.lines.items() if n not in before.lines]
        assert Counter(fee["patron"] for fee in fees) == Counter(referred)
        assert all((fee["owed"], fee["description"]) == (FEE, OURS) for fee in fees)
        assert after.blocks == before.blocks, "restrictions of others stay"
        for number, person in before.people.items():
            kept = [value for value in person.flags if (value or "").strip().lower() not in OF_OURS]
            still = [value for value in after.people[number].flags if (value or "").strip().lower() not in OF_OURS]
            assert kept == still, "a flag in other use stays"
            assert after.people[number].shown == person.shown

    def _cases_are_as_booked(self, after: World) -> None:
        found = self.koha.query("SELECT number, patron, adopted, state, why, fee_line FROM gentle_nudge_case")
        booked = Counter((case.number, case.patron, case.adopted, case.state) for case in self.books.cases)
        assert Counter((row["number"], row["patron"], bool(row["adopted"]), row["state"]) for row in found) == booked
        assert all(row["why"] for row in found if row["state"] != "open"), "no case is closed without a reason"
        charged = [row["fee_line"] for row in found if not row["adopted"]]
        assert sorted(charged) == sorted(n for n, line in after.lines.items() if line["description"] == OURS)
        says_yes = {number for number, person in after.people.items() if person.reading == "yes"}
        going_on = self.books.in_collections().keys() - set(self.books.untouched)
        overwritten = {n for n in going_on if after.people[n].reading == "other"}
        assert says_yes - set(self.books.untouched) == going_on - overwritten

    def _update_is(self, expected: list[Told], after: World) -> None:
        order = "SELECT borrowernumber AS n FROM borrowers ORDER BY surname, borrowernumber"
        place = {row["n"]: number for number, row in enumerate(self.koha.query(order))}
        expected.sort(key=lambda row: (row.place is None, place.get(row.place or 0, 0), row.number))
        rows = self.nights.rows(ReportKind.UPDATE, self.day)
        shown = [
            (int(row["borrowernumber"]), (row["surname"], row["firstname"], row["cardnumber"]), Decimal(row["Due"]))
            for row in rows
        ]
        assert shown == [(row.number, row.name, row.due) for row in expected]
        self._sums_are(ReportKind.UPDATE, len(rows), sum((Decimal(row["Due"]) for row in rows), ZERO))
        for case in self.books.in_collections().values() if not self.books.untouched else ():
            assert case.told[0] == after.balance(case.patron), "the last balance told is the true one"

    def _submission_is(self, referred: set[int] | None, before: World) -> None:
        if referred is None:
            made = "SELECT COUNT(*) FROM gentle_nudge_run WHERE report = 'submission' AND day = :day"
            assert self.koha.value(made, day=self.day) == 0
            return
        rows = self.nights.rows(ReportKind.SUBMISSION, self.day)
        assert {int(row["borrowernumber"]) for row in rows} == referred
        assert len(rows) == len(referred)
        for row in rows:
            number = int(row["borrowernumber"])
            owed = before.balance(number)
            amounts = [Decimal(row[name]) for name in ("Amt_In_Range", "Total_Due", "Total_Plus_Fee")]
            assert amounts == [self.books.owed_in_window(before, number, self.day), owed, owed + FEE]
        self._sums_are(ReportKind.SUBMISSION, len(rows), sum((before.balance(number) for number in referred), ZERO))
        self.happened["referred"] += len(referred)

    def _sums_are(self, report: ReportKind, rows: int, amount: Decimal) -> None:
        where = "FROM gentle_nudge_run WHERE report = :report AND day = :day"
        (run,) = self.koha.query(f"SELECT id, amount, fees {where}", report=report, day=self.day)
        counted = "SELECT number FROM gentle_nudge_run_count WHERE run = :run AND what = 'patrons'"
        fees = FEE * rows if report is ReportKind.SUBMISSION else ZERO
        assert (run["amount"], run["fees"]) == (amount, fees)
        assert [row["number"] for row in self.koha.query(counted, run=run["id"])] == ([rows] if rows else [])

    def _the_books_agree(self) -> None:
        submitted: Counter[int] = Counter()
        for day in self.books.submissions:
            submitted.update(
                int(row["borrowernumber"]) for row in rows_of(self.nights.stored(ReportKind.SUBMISSION, day))
            )
        assert submitted == Counter(case.number for case in self.books.cases if not case.adopted)
        for case in self.books.cases:
            self.happened[case.state] += 1
        self.happened["adopted"] = sum(case.adopted for case in self.books.cases)

    # What Koha says

    def world(self) -> World:
        """Everything that matters, read as plainly as possible."""
        flags: dict[int, list[str | None]] = {}
        query = "SELECT borrowernumber AS n, attribute AS said FROM borrower_attributes WHERE code = 'COLL' ORDER BY id"
        for row in self.koha.query(query):
            flags.setdefault(row["n"], []).append(row["said"])
        people = {
            row["n"]: Person(
                surname=row["surname"],
                firstname=row["firstname"],
                card=row["cardnumber"],
                flags=(row["sort1"],) if self.flag == "sort1" else tuple(flags.get(row["n"], ())),
            )
            for row in self.koha.query(
                "SELECT borrowernumber AS n, surname, firstname, cardnumber, sort1 FROM borrowers"
            )
        }
        blocks = self.koha.query("SELECT * FROM borrower_debarments")
        mine = [row for row in blocks if row["comment"].startswith("Patron sent to collections on ")]
        return World(
            people=people,
            lines=self._lines(),
            blocks={row["borrower_debarment_id"]: tuple(row.values()) for row in blocks if row not in mine},
            ours=Counter(row["borrowernumber"] for row in mine),
        )

    def _lines(self) -> dict[int, dict[str, Any]]:
        return {
            row["accountlines_id"]: {
                "patron": row["borrowernumber"],
                "day": row["date"].replace(tzinfo=UTC).astimezone(self.nights.zone).date(),
                "owed": row["amountoutstanding"],
                "is_credit": row["debit_type_code"] is None,
                "description": row["description"],
            }
            for row in self.koha.query("SELECT * FROM accountlines")
        }

    # Days

    def _something_happens(self) -> None:
        what = self.chance.choices(list(EVENTS), weights=[weight for weight, _ in EVENTS.values()])[0]
        self.happened[what] += 1
        EVENTS[what][1](self)

    def _anybody(self) -> int:
        return self.chance.choice(self._everybody())

    def _somebody_in_collections(self) -> int:
        everybody = self._everybody()
        known = sorted(self.books.in_collections().keys() & set(everybody))
        return self.chance.choice(known or everybody)

    def _everybody(self) -> list[int]:
        found = self.koha.query("SELECT borrowernumber AS n FROM borrowers ORDER BY borrowernumber")
        return [row["n"] for row in found]

    def _amount(self, least: int, most: int) -> Decimal:
        return Decimal(self.chance.randrange(least * 100, most * 100)) / 100

    def _newcomer(self) -> None:
        surname, card = self.chance.choice(SURNAMES), f"C{next(self._cards)}"
        patron = a_patron(self.koha, surname=surname, card=card, branch=self.chance.choice(["CPL", "FPL", "MPL"]))
        for _ in range(self.chance.randrange(3)):
            self._fined(patron)

    def _fined(self, patron: int | None = None) -> None:
        day = self.day - timedelta(days=self.chance.choice([0, 1, 59, 60, 61, 75, 80, 89, 90, 91, 200]))
        kind = self.chance.choice(["LOST", "OVERDUE", "MANUAL"])
        owes(self.koha, patron or self._anybody(), self._amount(3, 40), day=day, type=kind)

    def _pays_all(self) -> None:
        patron = self._somebody_in_collections()
        if balance(self.koha, patron) > 0:
            pays(self.koha, patron, day=self.day)

    def _pays_a_part(self) -> None:
        patron = self._somebody_in_collections()
        owed = balance(self.koha, patron)
        if owed > 1:
            pays(self.koha, patron, min(self._amount(1, 15), owed), day=self.day)

    def _has_credit(self) -> None:
        day = self.day - timedelta(days=self.chance.choice([0, 70, 80]))
        has_credit(self.koha, self._anybody(), self._amount(1, 12), day=day, type="CREDIT")

    def _merged(self) -> None:
        other = self._somebody_in_collections() if self.chance.random() < 0.7 else self._anybody()
        keeper = self._somebody_in_collections() if self.chance.random() < 0.3 else self._anybody()
        if other != keeper:
            merge(self.koha, keeper, [other])

    def _deleted(self) -> None:
        delete_patron(self.koha, self._somebody_in_collections() if self.chance.random() < 0.5 else self._anybody())

    def _flag_taken_off(self) -> None:
        self._says(self._somebody_in_collections(), self.chance.choice(["no", "0", "", None]))

    def _flags_wiped(self) -> None:
        self.happened["flags wiped"] += 1
        for patron in sorted(self.books.in_collections().keys() & set(self._everybody())):
            self._says(patron, None)

    def _flags_put_back(self) -> bool:
        """Staff may put back the flags that an accident has taken, or else let the cases end."""
        if self.chance.random() < 0.5:
            return False
        people = self.world().people
        for patron in self.books.untouched:
            if patron in people and people[patron].reading == "no":
                self._says(patron, "yes")
        return True

    def _flagged_by_hand(self) -> None:
        self._says(self._anybody(), self.chance.choice(["yes", "1", " YES "]))

    def _overwritten(self) -> None:
        self._says(self._somebody_in_collections(), "Book club")

    def _says(self, patron: int, value: str | None) -> None:
        if self.flag == "sort1":
            self.koha.execute("UPDATE borrowers SET sort1 = :v WHERE borrowernumber = :n", v=value, n=patron)
            return
        where = "WHERE borrowernumber = :n AND code = 'COLL'"
        self.koha.execute(f"UPDATE borrower_attributes SET attribute = :v {where}", v=value, n=patron)
        if value is None:
            self.koha.execute(f"DELETE FROM borrower_attributes {where}", n=patron)
        elif self.chance.random() < 0.5 or not self.koha.query(f"SELECT id FROM borrower_attributes {where}", n=patron):
            has_attribute(self.koha, patron, "COLL", value)

    def _moves(self) -> None:
        branch = self.chance.choice(["CPL", "FPL", "MPL"])
        self.koha.execute("UPDATE borrowers SET branchcode = :b WHERE borrowernumber = :n", b=branch, n=self._anybody())

    def _renamed(self) -> None:
        self.koha.execute(
            "UPDATE borrowers SET surname = :surname, cardnumber = :card WHERE borrowernumber = :n",
            surname=self.chance.choice(SURNAMES),
            card=f"C{next(self._cards)}",
            n=self._somebody_in_collections(),
        )

    def _restricted(self) -> None:
        is_restricted(self.koha, self._somebody_in_collections(), "Lost the card again")


OF_OURS = {"", "yes", "no", "1", "0"}
EVENTS: dict[str, tuple[int, Callable[[Year], None]]] = {
    "newcomer": (12, Year._newcomer),
    "fined": (30, Year._fined),
    "paid all": (14, Year._pays_all),
    "paid a part": (14, Year._pays_a_part),
    "credit": (5, Year._has_credit),
    "card merged": (4, Year._merged),
    "patron deleted": (4, Year._deleted),
    "flag taken off": (5, Year._flag_taken_off),
    "flag set by hand": (4, Year._flagged_by_hand),
    "flag overwritten": (3, Year._overwritten),
    "branch changed": (3, Year._moves),
    "name and card changed": (5, Year._renamed),
    "restricted by others": (3, Year._restricted),
}
