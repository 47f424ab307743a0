"""What a patron owes and why: rows from the referral to today that add up to the balance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.ledger import AccountLine, Line
from gentle_nudge.domain.money import ZERO, round_to_cent
from gentle_nudge.domain.report_row import ReportedDue


class RowKind(Enum):
    """Where a row of a statement comes from."""

    DEBIT = "debit"
    CREDIT = "credit"
    FEE = "fee"
    OTHER = "other changes"


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementRow:
    """One row: a charge, or with a negative amount a credit; `line` is its number in Koha, `type` Koha's code."""

    kind: RowKind
    day: date | None
    type: str | None
    amount: Decimal
    line: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """What one patron is told of one case.

    `older_than_days` is the age from which charges refer, `given` are the fields that the agency got, `names` Koha's
    words for debit types, `titles` those of the items, by line. A paused case is so until `paused_until`, that day
    included, or until staff end it if this is None.
    """

    library: str
    day: date
    case: Case
    card: str | None
    older_than_days: int
    given: tuple[str, ...]
    told: tuple[ReportedDue, ...]
    rows: tuple[StatementRow, ...]
    names: Mapping[str, str]
    titles: Mapping[int, str]
    paused_until: date | None = None


def statement_rows(
    case: Case, recorded: Sequence[Line], account: Sequence[AccountLine], paid_since: Mapping[int, Decimal]
) -> tuple[StatementRow, ...]:
    """The rows by day; they add up to the balance of the account.

    `paid_since`: debit -> what credits made since the referral have paid of it. A line from before the referral that is
    not recorded with the case is another section's, or owes again: it stands there with what it owed then.
    """
    known = {line.id for line in recorded} | {case.fee_line}
    unrecorded = [line for line in account if line.id not in known and not line.voided]
    made = [
        *(_row(line.id, line.day, line.type, line.outstanding) for line in recorded),
        *(
            _row(line.id, line.day, line.type, line.outstanding + paid_since.get(line.id, ZERO))
            for line in unrecorded
            if not line.is_new
        ),
        *_fee(case),
        *(_row(line.id, line.day, line.type, line.amount) for line in unrecorded if line.is_new),
    ]
    rows = sorted((row for row in made if row.amount), key=lambda row: row.day or date.min)
    balance = round_to_cent(sum((line.outstanding for line in account), ZERO))
    rest = balance - sum((row.amount for row in rows), ZERO)
    if rest:
        rows.append(StatementRow(kind=RowKind.OTHER, day=None, type=None, amount=rest))
    return tuple(rows)


def _row(line: int, day: date | None, type_: str | None, amount: Decimal) -> StatementRow:
    kind = RowKind.CREDIT if amount < 0 else RowKind.DEBIT
    return StatementRow(kind=kind, day=day, type=type_, amount=round_to_cent(amount), line=line)


def _fee(case: Case) -> Iterator[StatementRow]:
    if case.fee:
        yield StatementRow(kind=RowKind.FEE, day=case.referred_on, type=None, amount=case.fee, line=case.fee_line)
