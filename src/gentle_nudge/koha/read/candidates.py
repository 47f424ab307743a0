"""The scan of the window: who may owe the threshold there."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from sys import intern
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, FromClause, Select, false, func, literal, not_, select

from gentle_nudge.domain.ledger import LineRules, Ownership, Window
from gentle_nudge.koha.koha_tables import accountlines, borrowers
from gentle_nudge.koha.read.line_conditions import (
    IS_OUTSTANDING,
    belongs,
    dated_in,
    is_our_fee,
    joined,
    out_by_type_or_day,
    recorded_fee,
)
from gentle_nudge.koha.read.return_claims import claimants
from gentle_nudge.sqltypes import Money, a_thousand_at_a_time, among

HALF_A_CENT = Decimal("0.005")


@dataclass(frozen=True, kw_only=True, slots=True)
class UnpaidLines:
    """The unpaid lines of a window, in order of patron: the patron and the number of each."""

    patrons: array[int] = field(default_factory=lambda: array("q"))
    lines: array[int] = field(default_factory=lambda: array("q"))

    def by_patron(self) -> Iterator[tuple[int, list[int]]]:
        """Each patron with the numbers of their lines."""
        for patron, rows in groupby(zip(self.patrons, self.lines, strict=True), itemgetter(0)):
            yield patron, [line for _, line in rows]


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateScan:
    """Who may owe enough in the window, and how many others owe something there.

    Patrons who owe enough and are only counted: those whose branch is `elsewhere`, and those `known` before.
    """

    numbers: tuple[int, ...] = ()
    owing_less: int = 0
    elsewhere: int = 0
    known: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class OwingPatrons:
    """The patrons whose unpaid lines in a window add up to the threshold, with their branches, and how many owe less.

    Only a look at each line shows what counts of patrons with a withdrawn case, with a claim that leaves out charges,
    or with charges that may be from before they came of age: these are `unsure`, whatever they owe.
    """

    enough: Mapping[int, str]
    unsure: Collection[int]
    less: int

    def scan(self, is_here: Callable[[str], bool], only_counted: Collection[int] | None) -> CandidateScan:
        """Who is to be looked at; patrons `only_counted` and those of other branches are not, unless it is None."""
        if only_counted is None:
            return CandidateScan(numbers=tuple(sorted((*self.unsure, *self.enough))), owing_less=self.less)
        branches = set(filter(is_here, set(self.enough.values())))
        here = {number for number, branch in self.enough.items() if branch in branches}
        known = here.intersection(only_counted)
        return CandidateScan(
            numbers=tuple(sorted((*self.unsure, *(here - known)))),
            owing_less=self.less,
            elsewhere=len(self.enough) - len(here),
            known=len(known),
        )


def unpaid_lines(conn: Connection, window: Window, zone: ZoneInfo) -> UnpaidLines:
    """Read the unpaid lines of a window by one scan, which may serve several sections."""
    rows = conn.execute(unpaid_lines_query(window, zone), execution_options={"stream_results": True})
    unpaid = UnpaidLines()
    for patron, line in sorted((row.borrowernumber, row.accountlines_id) for row in rows):
        unpaid.patrons.append(patron)
        unpaid.lines.append(line)
    return unpaid


def unpaid_lines_query(window: Window, zone: ZoneInfo) -> Select[Any]:
    """The unpaid lines of a window: the only query that reads all lines.

    No description is read, a long text that would nearly double the time. With the index that MariaDB would choose,
    the scan would take six to nine times as long. Without an order, rows are read while the scan goes on.
    Index: accountlines none.
    """
    line = accountlines.c
    return (
        select(line.borrowernumber, line.accountlines_id)
        .where(IS_OUTSTANDING, dated_in(window, zone), line.borrowernumber.is_not(None))
        .with_hint(accountlines, "USE INDEX ()")
    )


def owing_patrons(
    conn: Connection, unpaid: UnpaidLines, *, rules: LineRules, ownership: Ownership, threshold: Decimal
) -> OwingPatrons:
    """Find among the patrons with `unpaid` lines who may owe the threshold in the window of these rules."""
    enough: dict[int, str] = {}
    unsure: list[int] = []
    less = 0
    line_by_line = {*rules.withdrawn, *(claimants(conn) if rules.leaves_out_claimed else ())}
    for chunk in a_thousand_at_a_time(unpaid.by_patron()):
        for patron, owed, branch, may_be_too_young in conn.execute(owed_query(rules, ownership, dict(chunk))):
            if may_be_too_young or patron in line_by_line:
                unsure.append(patron)
            elif owed >= threshold - HALF_A_CENT:
                enough[patron] = intern(branch)
            elif owed >= HALF_A_CENT:
                less += 1
    return OwingPatrons(enough=enough, unsure=unsure, less=less)


def owed_query(rules: LineRules, ownership: Ownership, unpaid: dict[int, list[int]]) -> Select[Any]:
    """What each of these patrons owes in the window by the `unpaid` lines, and two facts about the patron.

    The facts: the patron's branch, where all charges are the patron's and the section does not speak for every branch;
    and whether the patron was born after `born_after`.
    Index: accountlines PRIMARY, borrowers PRIMARY, items PRIMARY.
    """
    line, lines = accountlines.c, [number for numbers in unpaid.values() for number in numbers]
    never = {**out_by_type_or_day(rules), **recorded_fee(rules, ownership, unpaid.keys() & ownership.fees.keys())}
    if rules.excluded_fee:
        never["our processing fee"] = is_our_fee(rules.excluded_fee)
    sums = (
        select(line.borrowernumber.label("number"), func.sum(line.amountoutstanding, type_=Money()).label("owed"))
        .select_from(joined(ownership))
        .where(among(line.accountlines_id, lines), IS_OUTSTANDING, line.borrowernumber.is_not(None))
        .where(dated_in(rules.window, rules.zone), belongs(ownership, unpaid.keys()))
        .where(*(not_(why) for why in never.values()))
        .group_by(line.borrowernumber)
        .with_hint(accountlines, "FORCE INDEX (PRIMARY)")
        .subquery()
    )
    people: FromClause = sums
    branch: ColumnElement[str] = literal("")
    may_be_too_young: ColumnElement[bool] = false()
    is_everywhere = ownership.all_but and not ownership.branches
    by_branch = ownership.charges_by == "patron" and not is_everywhere
    if by_branch:
        branch = func.coalesce(borrowers.c.branchcode, "")
    if rules.born_after:
        may_be_too_young = func.coalesce(borrowers.c.dateofbirth > rules.born_after, false())
    if by_branch or rules.born_after:
        people = sums.outerjoin(borrowers, borrowers.c.borrowernumber == sums.c.number)
    return select(sums.c.number, sums.c.owed, branch, may_be_too_young).select_from(people).order_by(sums.c.number)
