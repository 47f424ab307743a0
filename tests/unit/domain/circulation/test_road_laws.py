"""What holds of every road, whatever the rules."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.circulation.fine import FineTerms
from gentle_nudge.domain.circulation.loan import Loan
from gentle_nudge.domain.circulation.long_overdue import LongOverdueJob
from gentle_nudge.domain.circulation.precedence import candidates
from gentle_nudge.domain.circulation.snapshot import RuleRow, Snapshot
from gentle_nudge.domain.circulation.terms import RoadTerms
from gentle_nudge.domain.money import ZERO
from gentle_nudge.views.timeline_view import road_values
from tests.unit.domain.circulation.roads import FIRST_CASE, first_case, loan, policy, road

DUE = date(2026, 3, 16)
VALUES = {
    "fine": ("", "0.10", "0.50", "2.00", "none"),
    "chargeperiod": ("", "1", "7"),
    "firstremind": ("", "2", "5"),
    "overduefinescap": ("", "3.00", "12.34"),
    "chargeperiod_charge_at": ("0", "1"),
    "cap_fine_to_replacement_price": ("0", "1"),
    "lostreturn": ("0", "refund", "refund_unpaid", "restore", "charge"),
}
scopes = st.tuples(st.sampled_from([None, "CPL", "FPL"]), st.sampled_from([None, "PT"]), st.sampled_from([None, "BK"]))


@st.composite
def rule_rows(draw: st.DrawFn) -> tuple[RuleRow, ...]:
    cells = draw(st.dictionaries(st.tuples(st.sampled_from(sorted(VALUES)), scopes), st.integers(0, 9), min_size=1))
    return tuple(
        RuleRow(
            id=number,
            library=library,
            category=category,
            itemtype=itemtype,
            name=name,
            value=values[which % len(values)],
        )
        for number, ((name, (library, category, itemtype)), which) in enumerate(cells.items(), start=1)
        for values in [VALUES[name]]
    )


snapshots = st.builds(
    lambda rows, forgives, calendar, days: first_case(
        *rows, WhenLostForgiveFine=forgives, finesCalendar=calendar, DefaultLongOverdueDays=days
    ),
    rule_rows(),
    st.sampled_from(["0", "1"]),
    st.sampled_from(["noFinesWhenClosed", "ignoreCalendar"]),
    st.sampled_from(["", "10", "29", "60"]),
)
loans = st.builds(
    lambda library, price, returned: loan(
        f"{library}/PT/BK", price=price, returned=DUE + timedelta(days=returned) if returned is not None else None
    ),
    st.sampled_from(["CPL", "FPL"]),
    st.sampled_from([ZERO, Decimal("25.00")]),
    st.none() | st.integers(-5, 200),
)


@given(snapshots, loans, st.integers())
def test_the_order_of_the_rule_rows_does_not_matter(koha: Snapshot, asked: Loan, seed: int) -> None:
    rows = list(koha.rules)
    random.Random(seed).shuffle(rows)
    first, second = (road(each, asked, policy()) for each in (koha, replace(koha, rules=tuple(rows))))
    assert road_values(first) == road_values(second)


@given(snapshots)
def test_a_narrower_rule_never_loses_to_a_broader_one(koha: Snapshot) -> None:
    for name in VALUES:
        fitting = candidates(koha.rules_by_name, name, ("CPL", "PT", "BK"))
        filled = [{part for part, code in enumerate((r.library, r.category, r.itemtype)) if code} for r in fitting]
        for place, winner in enumerate(filled):
            assert not any(winner < beaten for beaten in filled[place + 1 :])


@given(snapshots, loans)
def test_a_maximum_is_never_exceeded(koha: Snapshot, asked: Loan) -> None:
    terms = RoadTerms.of(koha, asked, LongOverdueJob())
    walked = road(koha, asked, policy())
    fines = [event for event in walked.events if event.kind == "fine" and (not terms.lost or event.day <= terms.lost)]
    assert terms.fine.ceiling is None or all(event.balance <= terms.fine.ceiling for event in fines)


@given(snapshots, loans, st.integers(1, 60))
def test_a_night_without_the_job_changes_nothing_that_the_next_one_does_not_mend(
    koha: Snapshot, asked: Loan, late: int
) -> None:
    terms: FineTerms = RoadTerms.of(koha, asked, LongOverdueJob()).fine
    night, next_night = DUE + timedelta(days=late), DUE + timedelta(days=late + 1)
    before = terms.written(night, ZERO, ZERO).amount
    assert terms.written(next_night, before, before).amount == terms.written(next_night, ZERO, ZERO).amount


@given(snapshots, loans)
def test_nothing_happens_after_the_end_and_every_event_has_a_reason(koha: Snapshot, asked: Loan) -> None:
    walked = road(koha, asked, policy())
    days = [event.day for event in walked.events]
    assert days == sorted(days)
    assert all(day <= walked.steps.day for day in days)
    assert all(event.why for event in walked.events)
    assert (walked.never is None) is (walked.submission is not None)
    assert sum((event.amount for event in walked.events if event.amount is not None), ZERO) == walked.balance


def test_the_laws_are_asked_of_roads_with_notices_and_losses() -> None:
    assert FIRST_CASE["cells"]
    assert {event.kind for event in road(first_case(), loan(price=Decimal("25.00"))).events} >= {"notice", "lost"}
