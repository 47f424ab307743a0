"""What became of every charge, as the desk itself noted it: what was recorded with which case, and each deed.

It knows the words of `docs/how-to/does-it-pay.md`, and nothing of Koha's offsets or of the program's rules for them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from statistics import median
from typing import Any

ZERO, CENT = Decimal("0.00"), Decimal("0.01")
WATCHED = timedelta(days=180)
KINDS = ("recorded", "grown", "paid", "returned", "waived", "other", "referred_again", "owing", "difference")
OF_THE_FEE = {"fee_paid": "paid", "fee_waived": "waived", "fee_owing": "owing"}
Facts = Mapping[str, Any]
Sums = dict[str, Decimal]


@dataclass(frozen=True, kw_only=True)
class Note:
    """A deed while the charge belonged to this case (0: to none); `day` is that of a credit that paid something."""

    case: int
    kind: str
    amount: Decimal
    credit: int = 0
    day: date | None = None


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a case recorded of a charge."""

    case: int
    recorded: Decimal
    is_fee: bool


@dataclass(kw_only=True)
class Charge:
    """A charge as it is, and what the last night saw of it: the first notes, what was owing, whether it was found."""

    type: str | None
    owed: Decimal
    shares: list[Share] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    is_found: bool = False
    is_gone: bool = False
    seen: int = 0
    seen_owing: Decimal = ZERO
    seen_found: bool = False

    @property
    def case(self) -> int:
        """The case to which deeds belong now."""
        return self.shares[-1].case if self.shares else 0

    def note(self, kind: str, amount: Decimal, credit: int = 0, day: date | None = None) -> None:
        """One more deed."""
        self.notes.append(Note(case=self.case, kind=kind, amount=amount, credit=credit, day=day))

    def lose(self, note: Note) -> None:
        """The deed was forgotten before a night saw it: the case that had the charge then does not add up."""
        amount = -note.amount if note.kind == "grown" else note.amount
        self.notes.append(Note(case=note.case, kind="difference", amount=amount))

    def sums(self, case: int) -> Sums:
        """What the last night saw of the charge in this case."""
        sums = dict.fromkeys(KINDS, ZERO)
        for note in self.notes[: self.seen]:
            if note.case == case:
                sums[note.kind] += note.amount
        for share, later in pairwise((*self.shares, None)):
            if share and share.case == case:
                sums["recorded"] += share.recorded
                sums["referred_again"] += later.recorded if later else ZERO
                sums["owing"] += self.seen_owing if later is None else ZERO
        return sums

    def is_back(self, case: int) -> bool:
        """Whether the item of the charge has come back in this case."""
        by_credit = any(note.case == case and note.kind == "returned" for note in self.notes[: self.seen])
        return by_credit or (case == self.case and self.seen_found)


class Ledger:
    """All charges by number, and which of them each case recorded."""

    def __init__(self) -> None:
        self.charges: dict[int, Charge] = {}
        self.of_case: defaultdict[int, list[tuple[Charge, bool]]] = defaultdict(list)

    # What the desk does

    def charged(self, line: int, type_: str | None, amount: Decimal) -> None:
        """A new charge."""
        self.charges[line] = Charge(type=type_, owed=amount)

    def used(self, credit: int, line: int, amount: Decimal, *, kind: str, day: date) -> None:
        """So much of a credit was used for the charge."""
        charge = self.charges[line]
        charge.owed -= amount
        charge.note(kind, amount, credit=credit, day=day if amount else None)

    def grown(self, line: int, amount: Decimal) -> None:
        """The charge is larger by so much."""
        self.charges[line].owed += amount
        self.charges[line].note("grown", amount)

    def found(self, line: int, credit: int = 0, given_back: Decimal = ZERO) -> None:
        """The item is back; who had paid for it got so much of that back."""
        charge = self.charges[line]
        charge.is_found = charge.type == "LOST"
        paid = sum((note.amount for note in charge.notes if (note.case, note.kind) == (charge.case, "paid")), ZERO)
        moved = max(ZERO, min(given_back, paid))
        if credit:
            charge.note("paid", -moved, credit=credit)
            charge.note("returned", moved, credit=credit)

    def voided(self, credit: int) -> None:
        """What the credit had paid is owing again."""
        for charge in self.charges.values():
            for part in [note for note in charge.notes if note.credit == credit and note.day and not charge.is_gone]:
                charge.owed += part.amount
                if part.case == charge.case:
                    charge.note(part.kind, -part.amount, credit=credit)
                else:
                    charge.note("grown", part.amount, credit=credit)

    def purged(self, lines: Collection[int]) -> None:
        """Koha has deleted these lines, charges and credits, with all that it knew of them."""
        gone = [self.charges[line] for line in lines if line in self.charges]
        for charge in gone:
            unseen, charge.notes = charge.notes[charge.seen :], charge.notes[: charge.seen]
            for note in unseen:
                if note.case != charge.case:
                    charge.lose(note)
            sums = charge.sums(charge.case)
            charge.is_gone, charge.owed = True, ZERO
            left = sums["recorded"] + sums["grown"] - sum(sums[k] for k in ("paid", "returned", "waived", "other"))
            charge.note("other", left - sums["difference"])
        credits_ = set(lines) - self.charges.keys()
        for charge in (each for each in self.charges.values() if not each.is_gone):
            lost = [note for note in charge.notes[charge.seen :] if note.credit in credits_]
            charge.notes = [note for note in charge.notes if note not in lost]
            for note in lost:
                charge.lose(note)

    # What the program does

    def recorded(self, line: int, case: int, owing: Decimal, *, is_fee: bool = False) -> None:
        """The case has recorded the charge."""
        charge = self.charges[line]
        if charge.owed != owing:
            raise AssertionError(f"line {line} owes {charge.owed}, but case {case} recorded {owing}")
        charge.shares.append(Share(case=case, recorded=owing, is_fee=is_fee))
        charge.seen_owing = owing
        self.of_case[case].append((charge, is_fee))

    def night(self, cases: Mapping[int, Facts], day: date) -> None:
        """A night has copied what became of the charges that are watched."""
        watched = {n for n, case in cases.items() if case["state"] == "open" or case["closed_on"] >= day - WATCHED}
        for charge in self.charges.values():
            if watched & {share.case for share in charge.shares}:
                charge.seen, charge.seen_owing = len(charge.notes), charge.owed
                charge.seen_found = charge.seen_found if charge.is_gone else charge.is_found

    # What the program must say

    def of(self, case: Facts) -> dict[str, Any]:
        """What became of a case, as `cases --format json` tells it."""
        lines, fee = self.sums(case["id"])
        charges = self.of_case[case["id"]]
        notes = [note for charge, _ in charges for note in charge.notes[: charge.seen] if note.case == case["id"]]
        days = [note.day for note in notes if note.day]
        items = [charge for charge, is_fee in charges if charge.type == "LOST" and not is_fee]
        return {
            **{kind: f"{lines[kind]:.2f}" for kind in KINDS},
            **{name: f"{fee[kind]:.2f}" for name, kind in OF_THE_FEE.items()},
            "fee_other": f"{fee['returned'] + fee['other'] + fee['referred_again'] - fee['grown']:.2f}",
            "first_credit": str(min(days)) if days else None,
            "settled_on": _told(max(days, default=case["closed_on"])) if self.is_settled(case) else None,
            "items": len(items),
            "items_back": sum(charge.is_back(case["id"]) for charge in items),
        }

    def sums(self, case: int) -> tuple[Sums, Sums]:
        """The sums of the recorded lines of the case, and those of its fee."""
        lines, fee = dict.fromkeys(KINDS, ZERO), dict.fromkeys(KINDS, ZERO)
        for charge, is_fee in self.of_case[case]:
            for kind, amount in charge.sums(case).items():
                (fee if is_fee else lines)[kind] += amount
        return lines, fee

    def total(self, cases: Iterable[Facts]) -> dict[str, Any]:
        """What became of all these cases, as `outcomes --format json` tells it."""
        cases = list(cases)
        told = {case["id"]: self.of(case) for case in cases}
        settled = [case for case in cases if self.is_settled(case)]

        def sum_of(key: str, of: Iterable[Facts] = cases) -> Decimal:
            return sum((Decimal(told[case["id"]][key]) for case in of), ZERO)

        came_back, recorded = sum_of("paid") + sum_of("returned"), sum_of("recorded")
        days = [
            (date.fromisoformat(told[case["id"]]["settled_on"]) - case["referred_on"]).days
            for case in settled
            if told[case["id"]]["settled_on"] and case["referred_on"]
        ]
        fees = [self.sums(case["id"])[1] for case in cases]
        each = [Decimal(told[case["id"]]["recorded"]) for case in cases]
        return {
            "cases": len(cases),
            "open": sum(case["state"] == "open" for case in cases),
            **{kind: f"{sum_of(kind):.2f}" for kind in KINDS},
            "owing_gone": f"{sum_of('owing', [c for c in cases if c['state'] in {'deleted', 'anonymized'}]):.2f}",
            "came_back": f"{came_back:.2f}",
            "came_back_of_100": _cent(came_back * 100 / recorded) if recorded else None,
            "fees": f"{sum((fee['recorded'] for fee in fees), ZERO):.2f}",
            **{name.replace("fee_", "fees_"): f"{sum_of(name):.2f}" for name in (*OF_THE_FEE, "fee_other")},
            "fees_difference": f"{sum((fee['difference'] for fee in fees), ZERO):.2f}",
            "items": int(sum_of("items")),
            "items_back": int(sum_of("items_back")),
            "settled": len(settled),
            "unblocked": sum(case["state"] in {"released", "paid"} for case in cases),
            "median_days": int(median(days) + 0.5) if days else None,
            "median_recorded": _cent(median(each)) if each else None,
        }

    def is_settled(self, case: Facts) -> bool:
        """Whether nothing is owing of what the case recorded, and nothing was referred again."""
        rest = (each[kind] for each in self.sums(case["id"]) for kind in ("owing", "referred_again"))
        return case["state"] in {"released", "paid"} or not any(rest)

    def gaps(self, cases: Iterable[int]) -> Iterator[tuple[int, int, str]]:
        """What the program must name: case, line and difference of charges whose deeds Koha lost between two nights."""
        of = set(cases)
        for line, charge in self.charges.items():
            for share in charge.shares:
                if share.case in of and (amount := charge.sums(share.case)["difference"]):
                    yield share.case, line, f"{amount:.2f}"


def _told(day: date | None) -> str | None:
    return str(day) if day else None


def _cent(amount: Decimal) -> str:
    return f"{amount.quantize(CENT, ROUND_HALF_UP):.2f}"
