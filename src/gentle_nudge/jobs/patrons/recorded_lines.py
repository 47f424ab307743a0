"""What the lines recorded with cases owe now, and who has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial

from sqlalchemy import Connection

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.collections.reopening import MAY_BE_REOPENED
from gentle_nudge.domain.money import ZERO, can_be_kept, round_to_cent
from gentle_nudge.koha.read import account_offsets, accountlines
from gentle_nudge.sqltypes import a_thousand_at_a_time
from gentle_nudge.store import cases, outcome_log

Amount = tuple[int | None, Decimal]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedCase:
    """A case with the numbers of its recorded lines, the fee included."""

    case: Case
    lines: frozenset[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class OwingAgain(RecordedCase):
    """A closed case whose recorded lines owe more than at its end; the patron with this `number` has them now."""

    number: int


def recently_closed(conn: Connection, section: Section, records: SectionRecords, day: date) -> tuple[RecordedCase, ...]:
    """The closed cases of the section that may be reopened on this day; before `init` there is none."""
    since = section.policy.reopens_since(day)
    if since is None or not records.is_any:
        return ()
    return tuple(with_lines(conn, cases.closed_since(conn, section.cases_of, MAY_BE_REOPENED, since)))


def owing_again(conn: Connection, closed: Iterable[RecordedCase]) -> Iterator[OwingAgain]:
    """Those of the closed cases whose recorded lines owe more than at their end."""
    for each, amounts in with_amounts(conn, closed):
        number = most_frequent(patron for patron, _ in amounts)
        before = each.case.closed_owing
        if number is not None and before is not None and _sum_of(amounts) > before:
            yield OwingAgain(case=each.case, lines=each.lines, number=number)


def owing_of(conn: Connection, which: Iterable[Case]) -> dict[int, Decimal]:
    """What the recorded lines of each case owe now, the fee included; sums too large to be kept are left out."""
    sums = ((each.case.id, _sum_of(amounts)) for each, amounts in with_amounts(conn, with_lines(conn, which)))
    return {case: owing for case, owing in sums if can_be_kept(owing)}


def with_lines(conn: Connection, which: Iterable[Case]) -> Iterator[RecordedCase]:
    """These cases with their recorded lines, read a thousand at a time."""
    for chunk in a_thousand_at_a_time(which):
        recorded = cases.recorded_lines(conn, [case.id for case in chunk])
        for case in chunk:
            fee = filter(None, [case.fee_line])
            yield RecordedCase(case=case, lines=frozenset((*recorded.get(case.id, ()), *fee)))


def with_amounts(conn: Connection, which: Iterable[RecordedCase]) -> Iterator[tuple[RecordedCase, list[Amount]]]:
    """These cases with who has each of their lines, and what it owes; lines that were deleted are left out."""
    for chunk in a_thousand_at_a_time(which):
        lines = accountlines.outstanding(conn, frozenset().union(*(each.lines for each in chunk)))
        for each in chunk:
            yield each, [lines[line] for line in each.lines if line in lines]


def follow_lines(conn: Connection, opened: Iterable[int]) -> None:
    """The lines of these new cases, which are locked, say from which offset on they are followed."""
    due_on = partial(account_offsets.due_day, conn)
    outcome_log.complete(conn, opened, last_offset=account_offsets.latest_offset, due_on=due_on)


def _sum_of(amounts: Iterable[Amount]) -> Decimal:
    return round_to_cent(sum((amount for _, amount in amounts), ZERO))


def most_frequent(numbers: Iterable[int | None]) -> int | None:
    """The patron named most often, of several the lowest number; None if nobody is named."""
    named = sorted(number for number in numbers if number is not None)
    return max(named, key=named.count, default=None)
