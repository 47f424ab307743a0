"""LineRules and Ownership as SQL: which account lines count, and whose they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, FromClause, and_, case, false, func, literal, not_, null

from gentle_nudge.domain.ledger import LineRules, OurFee, Ownership, Window
from gentle_nudge.domain.moment import midnight
from gentle_nudge.koha.koha_tables import accountlines, borrowers, items
from gentle_nudge.sqltypes import Money, among

IS_OUTSTANDING = accountlines.c.amountoutstanding != literal(Decimal(0), Money())


def why_not_counted(rules: LineRules, ownership: Ownership, numbers: Collection[int]) -> dict[str, ColumnElement[bool]]:
    """The reasons why a line of these patrons does not count, each with its condition."""
    reasons = {
        "outside the window": not_(func.coalesce(dated_in(rules.window, rules.zone), false())),
        **out_by_type_or_day(rules),
    }
    if rules.excluded_fee:
        reasons["our processing fee"] = is_our_fee(rules.excluded_fee)
    reasons |= recorded_fee(rules, ownership, numbers)
    asked = frozenset(numbers)
    withdrawn = {number: day + timedelta(days=1) for number, day in rules.withdrawn.items() if day and number in asked}
    if withdrawn and not rules.withdrawn_count:
        reasons["of or before the day a case was withdrawn"] = is_debit_before(withdrawn, rules.zone)
    taken_back = _of(numbers, ownership.withdrawn)
    if taken_back and not rules.withdrawn_count:
        recorded = among(accountlines.c.accountlines_id, taken_back)
        reasons["recorded with a withdrawn case"] = and_(accountlines.c.credit_type_code.is_(None), recorded)
    of_age = {number: day for number, day in rules.of_age.items() if number in asked}
    if of_age:
        reasons["from before the patron was of age"] = is_debit_before(of_age, rules.zone)
    if claimed := _of(numbers, rules.claimed):
        reasons["claimed to have been returned"] = among(accountlines.c.accountlines_id, claimed)
    reasons["of another section"] = not_(belongs(ownership, numbers))
    return reasons


def counted(rules: LineRules, ownership: Ownership, numbers: Collection[int]) -> ColumnElement[bool]:
    """Whether a line of these patrons is a counted line."""
    return and_(*(not_(why) for why in why_not_counted(rules, ownership, numbers).values()))


def is_debit_before(days: Mapping[int, date], zone: ZoneInfo) -> ColumnElement[bool]:
    """Whether a line is a debit of one of these patrons from before the patron's day."""
    line = accountlines.c
    begins = {number: literal(midnight(day, zone), line.date.type) for number, day in days.items()}
    until = case(*((line.borrowernumber == number, at) for number, at in begins.items()), else_=null())
    return func.coalesce(and_(line.credit_type_code.is_(None), line.date < until), false())


def belongs(ownership: Ownership, numbers: Collection[int]) -> ColumnElement[bool]:
    """Whether a line of these patrons is the section's.

    A recorded fee belongs to the section of its case, and so does a charge handed over while its case is open.
    Otherwise a second section would hand it over again once its item is deleted or moved.
    """
    if ownership.charges_by == "patron":
        return literal(True)  # noqa: FBT003 - SQL's own word
    line = accountlines.c
    home = line.branchcode if ownership.charges_by == "charge" else items.c.homebranch
    by_branch = of_branches(ownership, func.coalesce(home, borrowers.c.branchcode))
    own, others = _of(numbers, ownership.own), _of(numbers, ownership.others)
    recorded = [(among(line.accountlines_id, ids), yes) for ids, yes in ((own, True), (others, False)) if ids]
    return case(*recorded, else_=by_branch) if recorded else by_branch


def of_branches(ownership: Ownership, branch: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether this is a branch of the section's."""
    if not ownership.branches:
        return literal(ownership.all_but)
    branches = sorted(ownership.branches)
    return branch.not_in(branches) if ownership.all_but else branch.in_(branches)


def _of(numbers: Collection[int], lines: Mapping[int, tuple[int, ...]]) -> list[int]:
    return [line for number in numbers for line in lines.get(number, ())]


def joined(ownership: Ownership) -> FromClause:
    """The lines, joined to the tables that say whose they are."""
    line = accountlines
    if ownership.charges_by == "patron":
        return line
    with_patrons = line.join(borrowers, borrowers.c.borrowernumber == line.c.borrowernumber)
    if ownership.charges_by == "charge":
        return with_patrons
    return with_patrons.outerjoin(items, items.c.itemnumber == line.c.itemnumber)


def dated_in(window: Window, zone: ZoneInfo) -> ColumnElement[bool]:
    """Whether a line is dated in the window."""
    first, after = window.bounds(zone)
    return and_(accountlines.c.date >= first, accountlines.c.date < after)


def out_by_type_or_day(rules: LineRules) -> dict[str, ColumnElement[bool]]:
    """The reasons of type and day why a line does not count, with their conditions."""
    line = accountlines.c
    reasons: dict[str, ColumnElement[bool]] = {}
    debit_type = func.coalesce(line.debit_type_code, "")
    if rules.debit_types:
        reasons["not of the types that count"] = debit_type.not_in(sorted(rules.debit_types))
    if rules.excluded_debit_types:
        reasons["of an excluded type"] = debit_type.in_(sorted(rules.excluded_debit_types))
    if rules.first_day:
        first = midnight(rules.first_day, rules.zone)
        reasons["before the cut-off day"] = func.coalesce(line.date < first, false())
    return reasons


def recorded_fee(rules: LineRules, ownership: Ownership, numbers: Collection[int]) -> dict[str, ColumnElement[bool]]:
    """The condition that a line of these patrons is a fee recorded with a case; none where such fees count."""
    recorded = _of(numbers, ownership.fees)
    if rules.excluded_fee is None or not recorded:
        return {}
    return {"a fee recorded with a case": accountlines.c.accountlines_id.in_(recorded)}


def is_our_fee(fee: OurFee) -> ColumnElement[bool]:
    """Whether a line is a debit of our type, described as our fee."""
    line = accountlines.c
    return and_(
        func.coalesce(line.debit_type_code, "") == fee.debit_type,
        func.coalesce(line.description, "") == fee.description,
    )
