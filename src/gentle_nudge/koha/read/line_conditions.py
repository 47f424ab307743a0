"""Which account lines count, and whose they are, as SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, FromClause, and_, case, false, func, literal, not_, null

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import midnight
from gentle_nudge.koha.koha_tables import accountlines, borrowers, items
from gentle_nudge.sqltypes import among


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


def why_not_counted(view: View, numbers: Collection[int]) -> dict[str, ColumnElement[bool]]:
    """For each reason why a line of these patrons does not count, the condition that says so."""
    reasons = {
        "outside the window": not_(func.coalesce(in_window(view), false())),
        **_always_out(view),
        **recorded_fee(view, numbers),
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


def in_window(view: View) -> ColumnElement[bool]:
    """Whether a line is dated in the window."""
    first, after = view.section.policy.window(view.day).bounds(view.zone)
    return and_(accountlines.c.date >= first, accountlines.c.date < after)


def _always_out(view: View) -> dict[str, ColumnElement[bool]]:
    """The reasons that need no knowledge of the patron."""
    reasons = out_by_type_or_day(view)
    if not view.section.policy.count_processing_fees:
        reasons["our processing fee"] = is_our_fee(view)
    return reasons


def out_by_type_or_day(view: View) -> dict[str, ColumnElement[bool]]:
    """The reasons of type and day why a line does not count, with their conditions."""
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


def recorded_fee(view: View, numbers: Collection[int]) -> dict[str, ColumnElement[bool]]:
    """The condition that a line of these patrons is a fee recorded with a case; none where such fees count."""
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
