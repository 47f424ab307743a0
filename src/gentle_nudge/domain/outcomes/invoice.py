"""The agency's invoice compared with what was sent."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

DELIMITERS = (";", "\t", ",")
BY = ("number", "card")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadInvoice:
    """What the reading of an invoice found, as numbers; `library` is a section or `all`."""

    month: str
    library: str
    sent: int
    billed: int
    billed_twice: int
    never_sent: int
    other_month: int
    not_billed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BilledCase:
    """A case as an invoice may name it: by the number first reported, or by the card last reported."""

    id: int
    number: int | None
    card: str | None
    referred_on: date | None
    adopted: bool

    def account(self, by: str) -> str | None:
        """The number or the card as a text."""
        return self.card if by == "card" else str(self.number or "") or None

    def was_referred_in(self, month: date) -> bool:
        """Whether it was handed over by us in the month with this first day."""
        return not self.adopted and self.referred_on is not None and self.referred_on.replace(day=1) == month


class InvoiceFinding(StrEnum):
    """What may be wrong with an account, in the order of the report."""

    BILLED_TWICE = "billed_twice"
    NEVER_SENT = "never_sent"
    OTHER_MONTH = "other_month"
    NOT_BILLED = "not_billed"


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceRow:
    """An account about which something is wrong; `times` says how often it was billed if that was twice or more."""

    finding: InvoiceFinding
    account: str
    case: int | None = None
    referred_on: date | None = None
    times: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceComparison:
    """An invoice against the cases of a month; `agreed` counts accounts, `billed` lines of the invoice."""

    month: date
    library: str
    sent: int
    billed: int
    agreed: int
    rows: tuple[InvoiceRow, ...]
    in_question: Decimal

    @property
    def numbers(self) -> ReadInvoice:
        """What is kept of it."""
        found = Counter(row.finding.value for row in self.rows)
        return ReadInvoice(
            month=f"{self.month:%Y-%m}",
            library=self.library,
            sent=self.sent,
            billed=self.billed,
            **{finding.value: found[finding.value] for finding in InvoiceFinding},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceFile:
    """The columns of the file, by name."""

    columns: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, content: bytes, cases: Sequence[BilledCase]) -> InvoiceFile:
        """Read a CSV file, or a text with one account a line; a first line with an account is no header."""
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
        first = text.partition("\n")[0]
        delimiter = max(DELIMITERS, key=first.count)
        rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter) if row]
        width = max(map(len, rows), default=0)
        rows = [row + [""] * (width - len(row)) for row in rows]
        known = {account for by in BY for case in cases if (account := case.account(by))}
        has_header = bool(rows) and not any(cell in known or (width == 1 and cell.isdigit()) for cell in rows[0])
        names = rows.pop(0) if has_header else []
        unnamed = (f"column {place + 1}" for place in range(width))
        header = [name or other for name, other in zip(names or [""] * width, unnamed, strict=True)]
        return cls(columns={name: tuple(row[place] for row in rows) for place, name in enumerate(header)})

    def accounts(self, cases: Sequence[BilledCase], wanted: str | None) -> tuple[str, tuple[str, ...]]:
        """Whether the accounts are numbers or cards, and those in the wanted column, else in that which holds them.

        ValueError if no column, or more than one, may hold them, or if there is none.
        """
        fitting = [name for name in self.columns if wanted is None or name.casefold() == wanted.casefold()]
        if wanted is None:
            fitting = [name for name in fitting if 2 * self._best(name, cases)[0] >= self._filled(name) > 0]
        if len(fitting) != 1:
            raise ValueError("no column" if not fitting else "more than one column")
        values = tuple(filter(None, self.columns[fitting[0]]))
        if not values:
            raise ValueError("no account")
        return self._best(fitting[0], cases)[1], values

    def _filled(self, name: str) -> int:
        return sum(map(bool, self.columns[name]))

    def _best(self, name: str, cases: Sequence[BilledCase]) -> tuple[int, str]:
        """How many values are accounts, read as numbers or as cards, whichever finds more."""
        known = {by: {case.account(by) for case in cases} - {None} for by in BY}
        found = {by: sum(value in known[by] for value in self.columns[name]) for by in BY}
        best = max(BY, key=lambda by: found[by])
        return found[best], best


def compare_invoice(
    accounts: Sequence[str], by: str, cases: Iterable[BilledCase], *, month: date, library: str, price: Decimal
) -> InvoiceComparison:
    """The billed accounts, numbers or cards, against the cases that were referred in this month.

    A line is in question if its account was never sent, or if an earlier line has the same account.
    """
    in_order = sorted(cases, key=lambda case: (case.referred_on or date.min, case.id))
    referred = [case for case in in_order if case.was_referred_in(month)]
    latest, sent = ({case.account(by): case for case in each} for each in (in_order, referred))
    times = Counter(accounts)
    unknown = sum(count for account, count in times.items() if account not in latest)
    surplus = sum(count - 1 for account, count in times.items() if account in latest)

    def row(finding: InvoiceFinding, account: str, count: int | None = None) -> InvoiceRow:
        case = latest.get(account)
        case_id, referred_on = (case.id, case.referred_on) if case else (None, None)
        return InvoiceRow(finding=finding, account=account, case=case_id, referred_on=referred_on, times=count)

    not_billed = sorted((case.id, account) for account, case in sent.items() if account and account not in times)
    return InvoiceComparison(
        month=month,
        library=library,
        sent=len(referred),
        billed=len(accounts),
        agreed=sum(account in sent for account in times),
        rows=(
            *(row(InvoiceFinding.BILLED_TWICE, account, count) for account, count in times.items() if count > 1),
            *(row(InvoiceFinding.NEVER_SENT, account) for account in times if account not in latest),
            *(row(InvoiceFinding.OTHER_MONTH, account) for account in times if account in latest.keys() - sent.keys()),
            *(row(InvoiceFinding.NOT_BILLED, account) for _, account in not_billed),
        ),
        in_question=price * (unknown + surplus),
    )
