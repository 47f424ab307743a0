"""A small desk that writes Koha's account offsets as Koha does, and notes in its own words what became of each line."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.outcomes.figures import FollowedLine, Offset, Share

ZERO = Decimal("0.00")
DAY = date(2026, 11, 22)


Noted = defaultdict[str, Decimal]


@dataclass
class Part:
    """A part of a credit, used for a line while it belonged to the case at this place."""

    line: int
    amount: Decimal
    kind: str
    place: int


@dataclass
class Credit:
    """A credit with what is left of it, and the parts that were used."""

    number: int
    type: str
    amount: Decimal
    item: int | None = None
    rest: Decimal = ZERO
    parts: list[Part] = field(default_factory=list)
    voided: bool = False


@dataclass
class DeskLine:
    """A debit, the cases that recorded it, and what the desk noted for each: kind -> amount."""

    number: int
    type: str
    owed: Decimal
    shares: list[Share] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)
    seen: Decimal | None = None
    noted_when_seen: Noted = field(default_factory=lambda: Noted(Decimal))
    copied: dict[int, Offset] = field(default_factory=dict)
    in_koha: dict[int, Offset] = field(default_factory=dict)
    gone: bool = False
    found: bool = False

    def note(self, kind: str, amount: Decimal, place: int = -1) -> None:
        if self.noted:
            self.noted[place][kind] += amount

    @property
    def seen_by_us(self) -> tuple[FollowedLine, list[Offset]]:
        """The line as the last night left it."""
        followed = FollowedLine(
            number=self.number,
            type=self.type,
            shares=tuple(self.shares),
            owing=self.seen,
            gone_on=DAY if self.gone else None,
        )
        return followed, [self.copied[number] for number in sorted(self.copied)]


@dataclass
class Desk:
    """Everything that staff, Koha and the nights do to these lines."""

    lines: list[DeskLine]
    credits: list[Credit] = field(default_factory=list)
    offsets: int = 0
    referrals: int = 0

    def row(self, line: DeskLine, type_: str, amount: Decimal, credit: Credit | None = None) -> None:
        self.offsets += 1
        line.owed += amount
        line.in_koha[self.offsets] = Offset(
            id=self.offsets,
            day=DAY,
            type=type_,
            amount=amount,
            credit=credit.number if credit else None,
            credit_type=credit.type if credit else None,
            credit_amount=-credit.amount if credit else None,
            same_item=credit is None or credit.item == line.number,
        )

    def credit(self, type_: str, amount: Decimal, item: int | None = None) -> Credit:
        credit = Credit(number=1000 + len(self.credits), type=type_, amount=amount, item=item, rest=amount)
        self.credits.append(credit)
        return credit

    def use(self, credit: Credit, line: DeskLine, amount: Decimal, kind: str) -> None:
        self.row(line, "APPLY", -amount, credit)
        credit.rest -= amount
        if amount:
            credit.parts.append(Part(line=line.number, amount=amount, kind=kind, place=len(line.noted) - 1))
            line.note(kind, amount)

    def pay(self, line: DeskLine, amount: Decimal) -> None:
        if line.owed:
            self.use(self.credit("PAYMENT", amount), line, min(amount, line.owed), "paid")

    def write_off(self, line: DeskLine, _: Decimal) -> None:
        if line.owed:
            self.use(self.credit("WRITEOFF", line.owed), line, line.owed, "waived")

    def cancel(self, line: DeskLine, _: Decimal) -> None:
        if line.owed and not any(part.line == line.number for credit in self.credits for part in credit.parts):
            self.use(self.credit("CANCELLATION", line.owed), line, line.owed, "waived")

    def discount(self, line: DeskLine, amount: Decimal) -> None:
        self._reduce(line, amount, "DISCOUNT", "waived")

    def refund(self, line: DeskLine, amount: Decimal) -> None:
        self._reduce(line, amount, "REFUND", "other")

    def _reduce(self, line: DeskLine, amount: Decimal, type_: str, kind: str) -> None:
        self.use(self.credit(type_, amount), line, amount if amount <= line.owed else ZERO, kind)

    def grow(self, line: DeskLine, amount: Decimal) -> None:
        self.row(line, "OVERDUE_INCREASE", amount)
        line.note("grown", amount)

    def correct(self, line: DeskLine, amount: Decimal) -> None:
        below = max(ZERO, amount - line.owed)
        self.row(line, "OVERDUE_DECREASE", -amount)
        line.owed += below
        line.note("grown", below - amount)
        if below:
            self.credit("OVERPAYMENT", below)

    def find(self, line: DeskLine, amount: Decimal) -> None:
        """The item is found; with an odd number of cents the policy gives nothing back that was paid."""
        if line.type != "LOST" or line.found:
            return
        line.found = True
        used = [(credit, part) for credit in self.credits if not credit.voided for part in credit.parts]
        paid_before = sum((p.amount for c, p in used if p.line == line.number and c.type != "WRITEOFF"), ZERO)
        gives_back = int(amount * 100) % 2 == 0
        whole = line.owed + (paid_before if gives_back else ZERO)
        if not whole:
            return
        self.use(self.credit("LOST_FOUND", whole, line.number), line, line.owed, "returned")
        if gives_back and line.noted and line.noted[-1]["paid"] > 0:
            line.noted[-1]["returned"] += line.noted[-1]["paid"]
            line.noted[-1]["paid"] = ZERO

    def void(self, line: DeskLine, _: Decimal) -> None:
        """The last credit used for this line is voided, on all lines."""
        credit = next(
            (c for c in reversed(self.credits) if not c.voided and any(p.line == line.number for p in c.parts)), None
        )
        if credit is None or any(each.gone for each in self.lines for p in credit.parts if each.number == p.line):
            return
        credit.voided, credit.rest = True, ZERO
        for part in credit.parts:
            other = self.lines[part.line]
            self.row(other, "VOID", part.amount, credit)
            if part.place >= 0 and part.place == len(other.noted) - 1:
                other.note(part.kind, -part.amount)
            else:
                other.note("grown", part.amount)

    def apply_a_rest(self, line: DeskLine, _: Decimal) -> None:
        """The oldest credit with a rest pays for this line."""
        credit = next((credit for credit in self.credits if credit.rest > 0), None)
        if credit is None or not line.owed:
            return
        kinds = {"PAYMENT": "paid", "DISCOUNT": "waived", "WRITEOFF": "waived"}
        kind = kinds.get(credit.type, "other")
        if credit.type == "LOST_FOUND" and credit.item == line.number:
            return  # nobody applies it to the line that it came from
        self.use(credit, line, min(credit.rest, line.owed), kind)

    def night(self, *_: object) -> None:
        """The rows are copied, and what the lines owe is seen."""
        for line in self.lines:
            if not line.gone and line.shares:
                line.copied |= line.in_koha
                line.seen = line.owed
                line.noted_when_seen = line.noted[-1].copy()

    def refer(self, *_: object) -> None:
        """Everything that is owing is referred (again), by a night that copies afterwards."""
        self.referrals += 1
        for line in self.lines:
            if line.owed and not line.gone:
                if line.noted:
                    line.noted[-1]["referred_again"] = line.owed
                last = max(line.in_koha, default=0)
                line.shares.append(Share(case=self.referrals, outstanding=line.owed, last_offset=last))
                line.noted.append(Noted(Decimal, recorded=line.owed))
        self.night()

    def purge(self, line: DeskLine, _: Decimal) -> None:
        """Koha deletes a settled line with its rows; what no night has seen of it counts as other."""
        if line.owed or line.gone or not line.shares:
            return
        line.gone, line.in_koha = True, {}
        line.noted[-1] = line.noted_when_seen.copy()
        line.note("other", line.seen or ZERO)
        line.seen = ZERO

    def __post_init__(self) -> None:
        for line in self.lines:
            amount, line.owed = line.owed, ZERO
            self.row(line, "CREATE", amount)

    DEEDS = (
        pay, write_off, cancel, discount, refund, grow, correct, find, void, apply_a_rest, night, refer, purge,
    )  # fmt: skip


def a_desk(*lines: tuple[str, str]) -> Desk:
    """A desk with lines of these types and amounts."""
    return Desk(
        lines=[
            DeskLine(number=number, type=type_, owed=Decimal(amount)) for number, (type_, amount) in enumerate(lines)
        ]
    )
