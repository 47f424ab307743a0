"""Which level is due, why not, and what ends a series."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.ledger import OwedLine
from gentle_nudge.domain.patron import Patron
from gentle_nudge.domain.reminders.debt import debt_of
from gentle_nudge.domain.reminders.series import (
    Message,
    Reason,
    failed_emails,
    judge,
    may_be_lifted,
)
from tests.unit.domain.reminders.builders import TODAY, a_debtor, a_line, a_series, the_levels

REMIND = the_levels()
MINIMUM = Decimal("10.00")
CENTS = st.integers(1, 5000).map(lambda cents: Decimal(cents) / 100)
LINES = st.lists(
    st.tuples(CENTS, st.integers(0, 900), st.sampled_from(["charge", "credit", "fee", "out"])), max_size=8
).map(
    lambda owed: [
        OwedLine(
            id=number,
            day=TODAY - timedelta(days=age),
            type="LOST",
            outstanding=-amount if kind == "credit" else amount,
            is_fee=kind == "fee",
            out=kind == "out",
        )
        for number, (amount, age, kind) in enumerate(owed)
    ]
)


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)


# The debt


def test_a_charge_of_730_days_ago_counts_and_one_of_731_does_not() -> None:
    debt = debt_of([a_line(day=days_ago(730), id=1), a_line(day=days_ago(731), id=2)], REMIND, TODAY)
    assert (debt.charges, debt.charges_of_any_age) == (Decimal("25.00"), Decimal("50.00"))


def test_a_charge_of_tomorrow_does_not_count_and_one_of_today_does() -> None:
    assert debt_of([a_line(day=TODAY), a_line("5.00", day=days_ago(-1), id=2)], REMIND, TODAY).charges == 25


def test_charges_up_to_the_day_staff_stopped_a_series_are_not_reminded_again() -> None:
    lines = [a_line("25.00", days_ago(10)), a_line("12.00", days_ago(9), id=2)]
    assert debt_of(lines, REMIND, TODAY, stopped_on=days_ago(10)).charges == Decimal("12.00")


def test_our_fees_are_no_charges() -> None:
    debt = debt_of([a_line("9.99"), a_line("30.00", is_fee=True, id=2)], REMIND, TODAY)
    assert (debt.charges, debt.owing_fees, debt.since(MINIMUM)) == (Decimal("9.99"), Decimal("30.00"), None)


def test_since_is_the_day_of_the_charge_that_reaches_the_minimum() -> None:
    owed = [a_line("4.00", date(2026, 1, 5)), a_line("3.50", date(2026, 1, 20), id=2)]
    owed.append(a_line("5.00", date(2026, 2, 1), id=3))
    assert debt_of(owed, REMIND, TODAY).since(MINIMUM) == date(2026, 2, 1)
    with_credit = debt_of([*owed, a_line("-3.00", date(2026, 2, 2), id=4, type="PAYMENT")], REMIND, TODAY)
    assert (with_credit.charges, with_credit.since(MINIMUM)) == (Decimal("9.50"), None)


@given(LINES, st.randoms())
def test_the_order_of_lines_does_not_matter(lines: list[OwedLine], chance: Any) -> None:
    shuffled = [*lines]
    chance.shuffle(shuffled)
    assert debt_of(shuffled, REMIND, TODAY) == debt_of(lines, REMIND, TODAY)


@given(LINES, CENTS, CENTS)
def test_a_higher_minimum_never_reminds_more_nor_earlier(lines: list[OwedLine], low: Decimal, more: Decimal) -> None:
    debt = debt_of(lines, REMIND, TODAY)
    lower, higher = debt.since(low), debt.since(low + more)
    assert higher is None or (lower is not None and lower <= higher)
    verdicts = [judge(replace(a_debtor(), debt=debt), the_levels(minimum=each), TODAY) for each in (low, low + more)]
    assert verdicts[1].reason is not None or verdicts[0].reason is None


# The level


@pytest.mark.parametrize(("age", "reason"), [(29, Reason.NOT_YET), (30, None)])
def test_level_1_is_due_after_its_days(age: int, reason: Reason | None) -> None:
    verdict = judge(a_debtor(a_line(day=days_ago(age))), REMIND, TODAY)
    assert (verdict.reason, verdict.level, verdict.due_on) == (reason, 1, days_ago(age - 30))


@pytest.mark.parametrize(("age", "reason"), [(13, Reason.NOT_YET), (14, None), (200, None)])
def test_the_next_level_is_due_after_its_own_days_and_no_level_is_left_out(age: int, reason: Reason | None) -> None:
    verdict = judge(a_debtor(series=a_series((1, days_ago(age)))), REMIND, TODAY)
    assert (verdict.reason, verdict.level) == (reason, 2)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=4))
def test_periods_add_up(periods: list[int]) -> None:
    level = the_levels().level[0]
    levels = tuple(replace(level, after_days=days) for days in periods)
    remind = the_levels(level=levels, bill=None, max_age_days=9999)
    since, day = days_ago(0), days_ago(0)
    sent: list[date] = []
    while len(sent) < len(periods):
        series = a_series(*((number, when) for number, when in enumerate(sent, start=1))) if sent else None
        verdict = judge(a_debtor(a_line(day=since), remind=remind, day=day, series=series), remind, day)
        if verdict.reason is None:
            sent.append(day)
        day += timedelta(days=1)
    assert [(when - since).days for when in sent] == [sum(periods[: n + 1]) for n in range(len(periods))]


def test_after_the_last_level_there_is_none() -> None:
    assert judge(a_debtor(series=a_series((5, days_ago(99)))), REMIND, TODAY).reason is Reason.FINISHED


def test_if_a_level_was_taken_out_of_the_settings_the_bill_is_next() -> None:
    remind = the_levels(level=REMIND.level[:2])
    assert judge(a_debtor(series=a_series((3, days_ago(21)))), remind, TODAY).level == 5


@pytest.mark.parametrize(
    ("state", "reason"),
    [("sent", None), ("gone", None), ("pending", Reason.NOT_SENT), ("failed", Reason.NOT_SENT)],
)
def test_nobody_pays_for_letters_that_never_left(state: str, reason: Reason | None) -> None:
    assert judge(a_debtor(series=a_series((1, days_ago(14)), state=state)), REMIND, TODAY).reason is reason


# Who is kept back, and what ends

PATRON = Patron(number=1, branch="CPL", category="PT")


@pytest.mark.parametrize(
    ("facts", "reason", "ends"),
    [
        ({"patron": None}, Reason.GONE, "gone"),
        ({"patron": replace(PATRON, used_before=1)}, Reason.GONE, "gone"),
        ({"is_here": False}, Reason.MOVED, "moved"),
        ({"is_in_collections": True}, Reason.IN_COLLECTIONS, "referred"),
        ({"patron": replace(PATRON, protected=True)}, Reason.PROTECTED, None),
        ({"patron": replace(PATRON, protected=True, anonymized=True)}, Reason.PROTECTED, "gone"),
        ({"is_exempt": True}, Reason.EXEMPT, None),
        ({"is_on_hold": True}, Reason.ON_HOLD, None),
        ({"patron": replace(PATRON, category="st")}, Reason.CATEGORY, None),
        ({"debt": debt_of([a_line(day=days_ago(731))], REMIND, TODAY)}, Reason.TOO_OLD, "below_minimum"),
        ({"debt": debt_of([a_line("9.99")], REMIND, TODAY)}, Reason.BELOW_MINIMUM, "below_minimum"),
        ({"debt": debt_of([], REMIND, TODAY)}, Reason.BELOW_MINIMUM, "paid"),
        ({}, None, None),
    ],
)
def test_reasons_and_ends(facts: dict[str, Any], reason: Reason | None, ends: str | None) -> None:
    remind = the_levels(excluded_categories=frozenset({"ST"}))
    debtor = replace(a_debtor(series=a_series((1, days_ago(14)))), **facts)
    verdict = judge(debtor, remind, TODAY)
    assert (verdict.reason, verdict.ends) == (reason, ends)
    # Without a series nothing ends; and a number that was used before is a patron like others.
    alone = judge(replace(debtor, series=None, patron=debtor.patron or PATRON), remind, TODAY)
    assert alone.ends is None


def test_of_several_reasons_the_first_is_given() -> None:
    debtor = a_debtor(a_line("1.00"), is_in_collections=True, is_on_hold=True)
    assert judge(debtor, REMIND, TODAY).reason is Reason.IN_COLLECTIONS
    assert judge(replace(debtor, is_in_collections=False), REMIND, TODAY).reason is Reason.ON_HOLD


def test_exactly_the_minimum_reminds() -> None:
    assert judge(a_debtor(a_line("10.00")), REMIND, TODAY).reason is None


# Restrictions and failed e-mails


def test_a_restriction_stays_while_old_charges_reach_the_minimum_or_a_case_is_open() -> None:
    assert not may_be_lifted(a_debtor(a_line("10.00", day=days_ago(800))), REMIND)
    assert may_be_lifted(a_debtor(a_line("9.99", day=days_ago(800))), REMIND)
    assert not may_be_lifted(a_debtor(a_line("9.99"), is_in_collections=True), REMIND)


def test_a_failed_email_becomes_print_once() -> None:
    series = a_series((1, days_ago(1)), state="failed")
    debtor = a_debtor(series=series)
    assert [message.message for message in failed_emails(debtor, REMIND)] == [1]
    reprint = Message(id=2, message=2, addressee=1, transport="print", language="default", replaces=1)
    (last,) = series.reminders
    again = replace(series, reminders=(replace(last, messages=(*last.messages, reprint)),))
    assert not failed_emails(a_debtor(series=again), REMIND)
    assert not failed_emails(replace(debtor, is_on_hold=True), REMIND)
    assert not failed_emails(debtor, the_levels(transports=("email",)))
