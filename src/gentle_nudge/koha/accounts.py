"""Every SELECT about sums of money: what a line counts for, who owes enough, the balances."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    case,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
)

from gentle_nudge.columns import Money, a_thousand_at_a_time, among
from gentle_nudge.domain.money import cents
from gentle_nudge.domain.policy import Section, midnight
from gentle_nudge.koha.tables import accountlines, borrowers, items

HALF_A_CENT = Decimal("0.005")


@dataclass(frozen=True, kw_only=True)
class View:
    """How one section sees accounts on one day.

    `withdrawn`: patron -> the day their last case of this section was withdrawn. `own_fees`, `other_fees`: patron
    -> the fee lines recorded with cases of this section, of others. `own_lines`, `other_lines`: the same of the
    lines that open cases were opened for. `is_complete`: these are known of everybody who will be asked for.
    """

    section: Section
    day: date
    zone: ZoneInfo
    withdrawn: Mapping[int, date] = field(default_factory=dict)
    own_fees: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    other_fees: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    own_lines: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    other_lines: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    is_complete: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Who may owe enough in the window, and how many others owe something there."""

    numbers: tuple[int, ...] = ()
    owing_less: int = 0


def select_candidates(conn: Connection, view: View) -> Selection:
    """Find by one grouped scan whose owed in window may reach the threshold.

    Patrons with a withdrawn case or a fee of ours in the window are always among them: what counts for them is only
    known line by line. The scan itself reads no description, a long text that would nearly double its time.
    """
    line = accountlines
    known = {*view.own_fees, *view.other_fees}
    never = {**_out_by_type_or_day(view), **_recorded_fee(view, known)}
    always = sorted({*view.withdrawn, *with_fees_of_ours(conn, view)})
    sums = (
        select(line.c.borrowernumber.label("number"), func.sum(line.c.amountoutstanding).label("owed"))
        .select_from(joined(view))
        .where(line.c.amountoutstanding != literal(Decimal(0), Money()), line.c.borrowernumber.is_not(None))
        .where(_in_window(view), belongs(view, known), *(not_(why) for why in never.values()))
        .group_by(line.c.borrowernumber)
        .with_hint(line, "USE INDEX ()", "mysql")
        .with_hint(line, "USE INDEX ()", "mariadb")
        .subquery()
    )
    enough = sums.c.owed >= literal(view.section.policy.threshold - HALF_A_CENT, Money())
    chosen = or_(enough, among(sums.c.number, always)) if always else enough
    number = case((chosen, sums.c.number), else_=null()).label("number")
    owing = sums.c.owed >= literal(HALF_A_CENT, Money())
    rows = conn.execute(select(number, func.count().label("patrons")).where(or_(owing, chosen)).group_by(number)).all()
    return Selection(
        numbers=tuple(sorted(row.number for row in rows if row.number is not None)),
        owing_less=sum(row.patrons for row in rows if row.number is None),
    )


def with_fees_of_ours(conn: Connection, view: View) -> frozenset[int]:
    """The patrons who owe a fee described as ours in the window, where such fees do not count."""
    if view.section.policy.count_processing_fees:
        return frozenset()
    line = accountlines.c
    fee = and_(line.debit_type_code == view.section.policy.fee_debit_type, is_our_fee(view))
    owing = line.amountoutstanding != literal(Decimal(0), Money())
    query = select(line.borrowernumber).distinct().where(fee, owing, _in_window(view))
    return frozenset(conn.scalars(query.where(line.borrowernumber.is_not(None))))


def balances(conn: Connection, view: View, numbers: Collection[int]) -> dict[int, Decimal]:
    """The section's balance of these patrons, rounded to the cent."""
    found = dict.fromkeys(numbers, cents(0))
    line = accountlines
    for some in a_thousand_at_a_time(sorted(numbers)):
        query = (
            select(line.c.borrowernumber, func.sum(line.c.amountoutstanding, type_=Money()))
            .select_from(joined(view))
            .where(among(line.c.borrowernumber, some), line.c.amountoutstanding != literal(Decimal(0), Money()))
            .where(belongs(view, some))
            .group_by(line.c.borrowernumber)
        )
        found.update((number, cents(balance)) for number, balance in conn.execute(query))
    return found


def why_not_counted(view: View, numbers: Collection[int]) -> dict[str, ColumnElement[bool]]:
    """For each reason why a line of these patrons does not count, the condition that says so."""
    reasons = {
        "outside the window": not_(func.coalesce(_in_window(view), false())),
        **_always_out(view),
        **_recorded_fee(view, numbers),
    }
    line = accountlines
    withdrawn = {n: day for n, day in view.withdrawn.items() if n in numbers}
    if withdrawn and not view.section.policy.refer_withdrawn_charges:
        after = {n: midnight(day + timedelta(days=1), view.zone) for n, day in withdrawn.items()}
        until = case(
            *((line.c.borrowernumber == n, literal(at, line.c.date.type)) for n, at in after.items()),
            else_=null(),
        )
        reasons["of or before the day a case was withdrawn"] = func.coalesce(
            and_(line.c.credit_type_code.is_(None), line.c.date < until), false()
        )
    reasons["of another section"] = not_(belongs(view, numbers))
    return reasons


def counted(view: View, numbers: Collection[int]) -> ColumnElement[bool]:
    """Whether a line of these patrons is a counted line."""
    return and_(*(not_(why) for why in why_not_counted(view, numbers).values()))


def belongs(view: View, numbers: Collection[int]) -> ColumnElement[bool]:
    """Whether a line of these patrons is the section's.

    A recorded fee is where its case is, and a charge handed over stays there while the case is open: else one whose
    item is deleted or moved would be handed over again by another section.
    """
    if view.section.charges_by == "patron":
        return literal(True)  # noqa: FBT003 - SQL's own word
    line, scope = accountlines, view.section.scope
    home = line.c.branchcode if view.section.charges_by == "charge" else items.c.homebranch
    branch = func.coalesce(home, borrowers.c.branchcode)
    here = branch.not_in(sorted(scope.branches)) if scope.all_but else branch.in_(sorted(scope.branches))
    own = _recorded(view.own_fees, numbers) + _recorded(view.own_lines, numbers)
    others = _recorded(view.other_fees, numbers) + _recorded(view.other_lines, numbers)
    choices = [(among(line.c.accountlines_id, ids), yes) for ids, yes in ((own, True), (others, False)) if ids]
    return case(*choices, else_=here) if choices else here


def _recorded(fees: Mapping[int, tuple[int, ...]], numbers: Collection[int]) -> list[int]:
    return [line for number in numbers if number in fees for line in fees[number]]


def joined(view: View) -> FromClause:
    """The lines, joined to what tells whose they are."""
    line = accountlines
    if view.section.charges_by == "patron":
        return line
    joined = line.join(borrowers, borrowers.c.borrowernumber == line.c.borrowernumber)
    if view.section.charges_by == "charge":
        return joined
    return joined.outerjoin(items, items.c.itemnumber == line.c.itemnumber)


def _in_window(view: View) -> ColumnElement[bool]:
    first, after = view.section.policy.window(view.day).bounds(view.zone)
    return and_(accountlines.c.date >= first, accountlines.c.date < after)


def _always_out(view: View) -> dict[str, ColumnElement[bool]]:
    """The reasons that need no knowledge of the patron."""
    reasons = _out_by_type_or_day(view)
    if not view.section.policy.count_processing_fees:
        reasons["our processing fee"] = is_our_fee(view)
    return reasons


def _out_by_type_or_day(view: View) -> dict[str, ColumnElement[bool]]:
    policy, line = view.section.policy, accountlines
    reasons: dict[str, ColumnElement[bool]] = {}
    debit_type = func.coalesce(line.c.debit_type_code, "")
    if policy.debit_types:
        reasons["not of the types that count"] = debit_type.not_in(sorted(policy.debit_types))
    if policy.excluded_debit_types:
        reasons["of an excluded type"] = debit_type.in_(sorted(policy.excluded_debit_types))
    if policy.ignore_fees_before:
        first = midnight(policy.ignore_fees_before, view.zone)
        reasons["before the cut-off day"] = func.coalesce(line.c.date < first, false())
    return reasons


def _recorded_fee(view: View, numbers: Collection[int]) -> dict[str, ColumnElement[bool]]:
    recorded = _recorded(view.own_fees, numbers) + _recorded(view.other_fees, numbers)
    if view.section.policy.count_processing_fees or not recorded:
        return {}
    return {"a fee recorded with a case": accountlines.c.accountlines_id.in_(recorded)}


def is_our_fee(view: View) -> ColumnElement[bool]:
    """Whether a line is a debit of our type, described as our fee."""
    policy, line = view.section.policy, accountlines
    return and_(
        func.coalesce(line.c.debit_type_code, "") == policy.fee_debit_type,
        func.coalesce(line.c.description, "") == policy.fee_description,
    )
