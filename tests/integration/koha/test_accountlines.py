"""What a line counts for, and the sums of a patron: both sides of every boundary, at the database."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, select

from gentle_nudge.domain.ledger import Account, Line
from gentle_nudge.koha.koha_tables import accountlines, borrowers
from gentle_nudge.koha.read.accountlines import charged_on, lock_lines, owners
from gentle_nudge.koha.read.line_conditions import why_not_counted
from tests.builders.koha import a_patron, an_item, has_attribute, has_credit, owes, pays
from tests.integration.koha.line_views import (
    DAY,
    LAST_SECOND,
    MIDNIGHT,
    NEW_YORK,
    NOON,
    Statements,
    a_policy,
    a_view,
    account,
    accounts,
    ago,
    balances,
    lines,
)
from tests.support.koha import KohaDatabase

INSIDE, OUTSIDE = DAY - timedelta(days=70), DAY - timedelta(days=30)
NULL: Any = None
OURS: dict[str, Any] = {"type": "MANUAL", "description": "UMS Processing Fee"}


def owed(conn: Connection, patron: int, **view: Any) -> Decimal:
    """What the patron owes in the window."""
    return account(conn, a_view(**view), patron).owed


# The window


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        pytest.param("America/New_York", date(2026, 11, 22), id="New York, the clocks went back in between"),
        pytest.param("America/New_York", date(2026, 12, 31), id="New York, went back on the last day"),
        pytest.param("America/New_York", date(2027, 1, 30), id="New York, went back on the first day"),
        pytest.param("America/New_York", date(2027, 5, 13), id="New York, went forward on the last day"),
        pytest.param("America/New_York", date(2027, 6, 12), id="New York, went forward on the first day"),
        pytest.param("Europe/Berlin", date(2026, 12, 24), id="Berlin, went back on the last day"),
        pytest.param("Pacific/Auckland", date(2026, 11, 26), id="Auckland, went forward on the last day"),
        pytest.param("Asia/Kathmandu", date(2026, 11, 22), id="Kathmandu, a quarter to six"),
        pytest.param("America/Havana", date(2026, 12, 31), id="Havana, the day began twice"),
        pytest.param("America/Havana", date(2027, 5, 13), id="Havana, the day began at one"),
    ],
)
def test_a_line_counts_from_the_sixtieth_to_the_ninetieth_day_whatever_its_time(
    koha: KohaDatabase, conn: Connection, zone: str, day: date
) -> None:
    here = ZoneInfo(zone)
    expected = {}
    for days in (59, 60, 61, 75, 89, 90, 91):
        for at in (MIDNIGHT, NOON, LAST_SECOND):
            patron = a_patron(koha)
            owes(koha, patron, "30.00", on=ago(days, at, day=day, zone=here))
            expected[patron] = (days, at, 60 <= days <= 90)
    found = accounts(conn, a_view(day=day, zone=here), expected)
    assert {patron: (*it[:2], found[patron].owed > 0) for patron, it in expected.items()} == expected
    assert {it.balance for it in found.values()} == {Decimal("30.00")}


def test_a_window_given_the_wrong_way_round_is_swapped(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "1.00", on=ago(60, LAST_SECOND))
    owes(koha, patron, "2.00", on=ago(90, MIDNIGHT))
    owes(koha, patron, "4.00", on=ago(91, LAST_SECOND))
    assert owed(conn, patron, count_fees_newer_than=60, count_fees_older_than=90) == Decimal("3.00")


def test_a_window_of_one_day_counts_that_day_whole(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    for days, amount in ((59, "1.00"), (60, "2.00"), (61, "4.00")):
        for at in (MIDNIGHT, LAST_SECOND):
            owes(koha, patron, amount, on=ago(days, at))
    assert owed(conn, patron, count_fees_newer_than=60, count_fees_older_than=60) == Decimal("4.00")


def test_a_line_of_today_counts_in_a_window_up_to_today(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "1.00", on=ago(0, LAST_SECOND))
    owes(koha, patron, "2.00", on=ago(-1, MIDNIGHT))
    assert owed(conn, patron, count_fees_older_than=0) == Decimal("1.00")


@pytest.mark.every_koha
def test_a_line_without_a_day_is_in_no_window_but_in_the_balance(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    dateless = owes(koha, patron, "30.00", date=None)
    zero = owes(koha, patron, "12.00")
    koha.execute_lax(
        "UPDATE accountlines SET date = '0000-00-00' WHERE accountlines_id = :id",
        id=zero,
    )
    found = account(conn, a_view(), patron)
    assert (found.owed, found.balance, found.latest_charge) == (Decimal(0), Decimal("42.00"), None)
    assert [(line.id, line.day, line.counted) for line in lines(conn, a_view(), [patron])[patron]] == [
        (dateless, None, False),
        (zero, None, False),
    ]


# What counts


@pytest.mark.every_koha
def test_lines_without_a_patron_belong_to_nobody(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, None, "99.00", day=INSIDE)
    assert accounts(conn, a_view(), [patron]) == {patron: Account(has_lines_here=False)}


def test_an_amount_that_is_null_counts_as_nothing(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "30.00", day=INSIDE)
    line = owes(koha, patron, "10.00", day=INSIDE)
    koha.execute("UPDATE accountlines SET amountoutstanding = NULL WHERE accountlines_id = :id", id=line)
    found = account(conn, a_view(), patron)
    assert (found.owed, found.balance, found.whole_balance) == (Decimal(30), Decimal(30), Decimal(30))
    alone = a_patron(koha)
    line = owes(koha, alone, "10.00", day=INSIDE)
    koha.execute("UPDATE accountlines SET amountoutstanding = NULL WHERE accountlines_id = :id", id=line)
    assert account(conn, a_view(), alone) == Account(has_lines_here=False)
    assert lines(conn, a_view(), [alone]) == {alone: ()}


def test_a_credit_not_used_up_reduces_what_is_owed_in_the_window_only_if_dated_there(
    koha: KohaDatabase, conn: Connection
) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "30.00", day=INSIDE)
    has_credit(koha, patron, "4.00", on=ago(60, LAST_SECOND))
    has_credit(koha, patron, "1.00", on=ago(59, MIDNIGHT))
    found = account(conn, a_view(), patron)
    assert (found.owed, found.balance) == (Decimal("26.00"), Decimal("25.00"))


def test_what_is_paid_counts_no_more(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "30.00", day=INSIDE)
    pays(koha, patron, "5.00", day=INSIDE)
    assert owed(conn, patron) == Decimal("25.00")


def test_with_debit_types_only_these_count_and_credits_do_not(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "30.00", day=INSIDE, type="LOST")
    owes(koha, patron, "7.00", day=INSIDE, type="OVERDUE")
    owes(koha, patron, "3.00", day=INSIDE, type=None)
    has_credit(koha, patron, "2.00", day=INSIDE)
    assert owed(conn, patron, debit_types=frozenset({"LOST", "NEW_CARD"})) == Decimal("30.00")
    assert owed(conn, patron) == Decimal("38.00")


def test_excluded_debit_types_do_not_count_and_credits_still_do(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "30.00", day=INSIDE, type="LOST")
    owes(koha, patron, "7.00", day=INSIDE, type="OVERDUE")
    owes(koha, patron, "3.00", day=INSIDE, type=None)
    has_credit(koha, patron, "2.00", day=INSIDE)
    found = account(conn, a_view(excluded_debit_types=frozenset({"OVERDUE", "RENT"})), patron)
    assert (found.owed, found.balance) == (Decimal("31.00"), Decimal("38.00"))


def test_days_before_ignore_fees_before_do_not_count_and_that_day_does(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "1.00", on=ago(80, LAST_SECOND))
    owes(koha, patron, "2.00", on=ago(79, MIDNIGHT))
    owes(koha, patron, "4.00", on=ago(79, LAST_SECOND))
    cutoff = DAY - timedelta(days=79)
    found = account(conn, a_view(ignore_fees_before=cutoff), patron)
    assert (found.owed, found.balance) == (Decimal("6.00"), Decimal("7.00"))
    assert owed(conn, patron, ignore_fees_before=date(1901, 1, 1)) == Decimal("7.00")
    assert owed(conn, patron, ignore_fees_before=date(2199, 1, 1)) == 0


# Our fees


def test_our_fee_is_a_debit_of_its_type_and_description(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "1.00", day=INSIDE, **OURS)
    owes(koha, patron, "2.00", day=INSIDE, type="LOST", description="UMS Processing Fee")
    owes(koha, patron, "4.00", day=INSIDE, type="MANUAL", description="UMS Processing Fee (2024)")
    owes(koha, patron, "8.00", day=INSIDE, type="MANUAL", description=NULL)
    has_credit(koha, patron, "16.00", day=INSIDE, description="UMS Processing Fee")
    found = account(conn, a_view(), patron)
    assert (found.owed, found.balance) == (Decimal("-2.00"), Decimal("-1.00"))
    assert owed(conn, patron, count_processing_fees=True) == Decimal("-1.00")
    assert owed(conn, patron, fee_description="100% \\ 'ours'") == Decimal("-1.00")


def test_a_description_with_percent_quotes_and_backslashes_is_found_as_it_stands(
    koha: KohaDatabase, conn: Connection
) -> None:
    patron = a_patron(koha)
    ours = "100% of %s \\ 'ours' \"本\" %(name)s"
    owes(koha, patron, "1.00", day=INSIDE, type="MANUAL", description=ours)
    owes(koha, patron, "2.00", day=INSIDE, type="MANUAL", description=ours + ".")
    assert owed(conn, patron, fee_description=ours) == Decimal("2.00")
    assert charged_on(conn, ours, [patron], NEW_YORK) == {patron: INSIDE}


def test_a_fee_recorded_with_a_case_does_not_count_whatever_staff_made_of_it(
    koha: KohaDatabase, conn: Connection
) -> None:
    patron = a_patron(koha)
    mine = owes(koha, patron, "1.00", day=INSIDE, type="NEW_CARD", description="Changed")
    theirs = owes(koha, patron, "2.00", day=INSIDE, type="NEW_CARD", description="Changed")
    owes(koha, patron, "4.00", day=INSIDE, type="NEW_CARD", description="Changed")
    recorded: dict[str, Any] = {"own_fees": {patron: (mine,)}, "other_fees": {patron: (theirs,)}}
    assert account(conn, replace(a_view(), **recorded), patron).owed == Decimal("4.00")
    counting = replace(a_view(count_processing_fees=True), **recorded)
    assert account(conn, counting, patron).owed == Decimal("7.00")


# Withdrawn


def test_debits_of_or_before_the_day_of_withdrawal_do_not_count_and_credits_do(
    koha: KohaDatabase, conn: Connection
) -> None:
    patron, other = a_patron(koha), a_patron(koha)
    for each in (patron, other):
        owes(koha, each, "1.00", on=ago(80, NOON))
        owes(koha, each, "2.00", on=ago(75, MIDNIGHT))
        owes(koha, each, "4.00", on=ago(75, LAST_SECOND))
        owes(koha, each, "8.00", on=ago(74, MIDNIGHT))
        has_credit(koha, each, "0.50", on=ago(80, NOON))
    withdrawn = {patron: DAY - timedelta(days=75)}
    found = accounts(conn, replace(a_view(), withdrawn=withdrawn), [patron, other])
    assert (found[patron].owed, found[patron].balance) == (Decimal("7.50"), Decimal("14.50"))
    assert (found[other].owed, found[other].balance) == (Decimal("14.50"), Decimal("14.50"))
    referring = replace(a_view(refer_withdrawn_charges=True), withdrawn=withdrawn)
    assert account(conn, referring, patron).owed == Decimal("14.50")


def test_a_debit_of_no_known_type_ends_with_the_withdrawal_too(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "30.00", on=ago(75), type=None)
    view = replace(a_view(), withdrawn={patron: DAY - timedelta(days=75)})
    assert account(conn, view, patron).owed == 0


# Charged as a minor


OF_AGE = DAY - timedelta(days=75)
BORN = OF_AGE.replace(year=OF_AGE.year - 18)
LEAVE_OUT: dict[str, Any] = {"charged_as_minor": "leave_out"}


def charged_around_the_birthday(koha: KohaDatabase, born: date | str | None) -> int:
    """A patron who owes 1.00 of day 90, 2.00 of the last second of day 76, 4.00 of day 75; and a credit of 0.50."""
    patron = a_patron(koha, born=born)
    owes(koha, patron, "1.00", on=ago(90, MIDNIGHT))
    owes(koha, patron, "2.00", on=ago(76, LAST_SECOND))
    owes(koha, patron, "4.00", on=ago(75, MIDNIGHT))
    has_credit(koha, patron, "0.50", on=ago(80, NOON))
    return patron


@pytest.mark.every_koha
def test_debits_from_before_the_birthday_of_age_are_left_out_and_credits_count(
    koha: KohaDatabase, conn: Connection
) -> None:
    patron = charged_around_the_birthday(koha, BORN)
    found = account(conn, a_view(**LEAVE_OUT), patron)
    assert (found.owed, found.balance) == (Decimal("3.50"), Decimal("6.50"))
    assert owed(conn, patron) == Decimal("6.50")
    assert [line.counted for line in lines(conn, a_view(**LEAVE_OUT), [patron])[patron]] == [False, False, True, True]


@pytest.mark.parametrize(
    ("born", "owed_"),
    [
        pytest.param(BORN + timedelta(days=1), "-0.50", id="a day younger"),
        pytest.param(BORN - timedelta(days=1), "5.50", id="a day older"),
        pytest.param(DAY - timedelta(days=91 + 18 * 366), "6.50", id="of age for long"),
        pytest.param(date(2015, 1, 1), "-0.50", id="still a minor"),
        pytest.param("9990-05-05", "-0.50", id="a mistyped year"),
        pytest.param(None, "6.50", id="unknown"),
        pytest.param("1901-01-01", "6.50", id="nobody's"),
        pytest.param("0001-01-01", "6.50", id="the first day there is"),
    ],
)
def test_charges_are_left_out_up_to_the_eve_of_coming_of_age_of_unknown_age_none(
    koha: KohaDatabase, conn: Connection, born: date | str | None, owed_: str
) -> None:
    patron = charged_around_the_birthday(koha, born)
    assert owed(conn, patron, **LEAVE_OUT) == Decimal(owed_)


def test_of_a_date_that_nobody_has_no_charge_is_left_out_whatever_the_adult_age(
    koha: KohaDatabase, conn: Connection
) -> None:
    unknown, known = (charged_around_the_birthday(koha, born) for born in ("1901-01-01", "1920-01-01"))
    found = accounts(conn, a_view(adult_age=150, **LEAVE_OUT), [unknown, known])
    assert (found[unknown].owed, found[known].owed) == (Decimal("6.50"), Decimal("-0.50"))


def test_a_date_of_birth_of_zeros_is_unknown(koha: KohaDatabase, conn: Connection) -> None:
    patron = charged_around_the_birthday(koha, None)
    zeros = "UPDATE borrowers SET dateofbirth = '0000-00-00' WHERE borrowernumber = :n"
    koha.execute_lax(zeros, n=patron)
    assert owed(conn, patron, **LEAVE_OUT) == Decimal("6.50")


@pytest.mark.parametrize(("day", "counts"), [(date(2026, 2, 28), False), (date(2026, 3, 1), True)])
def test_born_on_29_february_is_of_age_on_1_march(
    koha: KohaDatabase, conn: Connection, day: date, *, counts: bool
) -> None:
    patron = a_patron(koha, born=date(2008, 2, 29))
    owes(koha, patron, "30.00", on=ago(0, NOON, day=day))
    view = a_view(day=day + timedelta(days=70), **LEAVE_OUT)
    assert account(conn, view, patron).owed == (30 if counts else 0)


# Sums


def test_several_attribute_rows_do_not_multiply_the_sums(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    for value in ("0", "1", "no"):
        has_attribute(koha, patron, "COLLECT", value)
    owes(koha, patron, "30.00", day=INSIDE)
    assert account(conn, a_view(), patron).owed == Decimal("30.00")


@pytest.mark.parametrize(
    ("amounts", "owed_"),
    [
        (["24.994999"], "24.99"),
        (["24.995000"], "25.00"),
        (["24.990000", "0.004999"], "24.99"),
        (["24.990000", "0.005000"], "25.00"),
        (["12.502500", "12.502500"], "25.01"),
        (["0.004000"] * 3, "0.01"),
        (["0.004999"], "0.00"),
        (["1234567.890000"], "1234567.89"),
        (["0.100000"] * 10, "1.00"),
    ],
)
def test_sums_are_rounded_to_the_cent_half_up_once(
    koha: KohaDatabase, conn: Connection, amounts: list[str], owed_: str
) -> None:
    patron = a_patron(koha)
    for amount in amounts:
        owes(koha, patron, amount, day=INSIDE)
    found = account(conn, a_view(), patron)
    assert [str(it) for it in (found.owed, found.balance, found.whole_balance)] == [owed_] * 3
    assert balances(conn, a_view(), [patron]) == {patron: Decimal(owed_)}


def test_what_amounts_to_nothing_is_a_plain_zero(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    has_credit(koha, patron, "0.004", day=INSIDE)
    assert [str(it) for it in (account(conn, a_view(), patron).owed, balances(conn, a_view(), [patron])[patron])] == [
        "0.00",
        "0.00",
    ]


def test_the_balances_are_those_of_the_accounts_and_zero_without_lines(koha: KohaDatabase, conn: Connection) -> None:
    patron, nothing = a_patron(koha), a_patron(koha)
    owes(koha, patron, "30.00", day=OUTSIDE)
    owes(koha, patron, "10.00", **OURS)
    has_credit(koha, patron, "5.00")
    assert balances(conn, a_view(), [patron, nothing, 999_999]) == {
        patron: Decimal("35.00"),
        nothing: Decimal("0.00"),
        999_999: Decimal("0.00"),
    }


# Lost charge, latest charge


@pytest.mark.every_koha
def test_a_lost_charge_is_one_with_something_outstanding_of_any_age(koha: KohaDatabase, conn: Connection) -> None:
    old, paid, other, credit, dateless = (a_patron(koha) for _ in range(5))
    owes(koha, old, "30.00", day=date(2009, 1, 1), outstanding="0.01")
    owes(koha, paid, "30.00", day=INSIDE, outstanding="0")
    owes(koha, paid, "1.00", day=INSIDE, type="OVERDUE")
    owes(koha, other, "30.00", day=INSIDE, type="PROCESSING")
    has_credit(koha, credit, "30.00", day=INSIDE, type="LOST_FOUND")
    owes(koha, dateless, "30.00", date=None)
    found = accounts(conn, a_view(), [old, paid, other, credit, dateless])
    assert {patron for patron, it in found.items() if it.lost_charge} == {old, dateless}


def test_a_lost_charge_counts_even_if_its_type_is_excluded(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "30.00", day=INSIDE)
    found = account(conn, a_view(excluded_debit_types=frozenset({"LOST"})), patron)
    assert (found.owed, found.lost_charge) == (Decimal(0), True)


@pytest.mark.every_koha
def test_the_latest_charge_is_the_latest_counted_line_still_owing_in_the_librarys_time(
    koha: KohaDatabase, conn: Connection
) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "1.00", on=ago(80))
    latest = ago(70, LAST_SECOND)
    owes(koha, patron, "1.00", on=latest)
    owes(koha, patron, "1.00", on=ago(69), outstanding="0")
    owes(koha, patron, "1.00", on=ago(68), **OURS)
    owes(koha, patron, "1.00", on=ago(59, MIDNIGHT))
    has_credit(koha, patron, "1.00", on=ago(67))
    found = account(conn, a_view(), patron).latest_charge
    assert found == latest
    assert found is not None
    assert f"{found:%Y-%m-%d %H:%M:%S %Z}" == "2026-09-13 23:59:59 EDT"


# Charges by branch


def test_a_charge_belongs_to_its_branch_and_without_one_to_the_patrons(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "1.00", day=INSIDE, branch="FPL")
    owes(koha, patron, "2.00", day=INSIDE, branch="CPL")
    owes(koha, patron, "4.00", day=INSIDE, branch=None)
    has_credit(koha, patron, "0.25", day=OUTSIDE, branchcode="FPL")
    fairview = account(conn, a_view(charges_by="charge", only="FPL"), patron)
    assert (fairview.owed, fairview.balance, fairview.whole_balance) == (Decimal(1), Decimal("0.75"), Decimal("6.75"))
    assert fairview.has_lines_here
    centerville = account(conn, a_view(charges_by="charge", only="CPL MPL"), patron)
    assert (centerville.owed, centerville.balance) == (Decimal(6), Decimal(6))
    midway = account(conn, a_view(charges_by="charge", only="MPL"), patron)
    assert (midway.owed, midway.balance, midway.whole_balance) == (Decimal(0), Decimal(0), Decimal("6.75"))
    assert not midway.has_lines_here


def test_a_charge_belongs_to_its_items_home_and_without_an_item_to_the_patrons_branch(
    koha: KohaDatabase, conn: Connection
) -> None:
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "1.00", day=INSIDE, branch="CPL", item=an_item(koha, branch="FPL", holdingbranch="MPL"))
    owes(koha, patron, "2.00", day=INSIDE, branch="FPL", item=an_item(koha, branch="CPL"))
    owes(koha, patron, "4.00", day=INSIDE, branch="FPL", item=None)
    owes(koha, patron, "8.00", day=INSIDE, branch="FPL", item=an_item(koha, branch=NULL))
    view = a_view(charges_by="item", only="FPL")
    assert account(conn, view, patron).owed == 1
    assert balances(conn, view, [patron]) == {patron: 1}
    assert account(conn, a_view(charges_by="item", only="CPL"), patron).owed == 14


def test_a_section_for_all_other_branches_sees_what_no_other_sees(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "1.00", day=INSIDE, branch="FPL")
    owes(koha, patron, "2.00", day=INSIDE, branch="MPL")
    owes(koha, patron, "4.00", day=INSIDE)
    assert account(conn, a_view(charges_by="charge", all_but="FPL"), patron).owed == 6


def test_with_charges_by_patron_every_line_is_the_sections(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "30.00", day=INSIDE, branch="FPL", item=an_item(koha, branch="MPL"))
    assert account(conn, a_view(only="CPL"), patron).owed == 30


def test_a_lost_charge_of_another_section_is_not_this_ones(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "30.00", day=INSIDE, branch="FPL")
    owes(koha, patron, "30.00", day=INSIDE, branch="CPL", type="OVERDUE")
    assert not account(conn, a_view(charges_by="charge", only="CPL"), patron).lost_charge
    assert account(conn, a_view(charges_by="charge", only="FPL"), patron).lost_charge


@pytest.mark.parametrize("charges_by", ["charge", "item"])
def test_a_recorded_fee_belongs_to_the_section_of_its_case(
    koha: KohaDatabase, conn: Connection, charges_by: str
) -> None:
    patron = a_patron(koha, branch="CPL")
    mine = owes(koha, patron, "10.00", day=INSIDE, branch="FPL", **OURS)
    theirs = owes(koha, patron, "20.00", day=INSIDE, branch="CPL", **OURS)
    owes(koha, patron, "1.00", day=INSIDE)
    plain = a_view(charges_by=charges_by, only="CPL", count_processing_fees=True)
    view = replace(plain, own_fees={patron: (mine,)}, other_fees={patron: (theirs,)})
    found = account(conn, view, patron)
    assert (found.owed, found.balance, found.whole_balance) == (Decimal(11), Decimal(11), Decimal(31))
    assert balances(conn, view, [patron]) == {patron: 11}
    assert {line.id for line in lines(conn, view, [patron])[patron]} > {mine}


# Lines


@pytest.mark.every_koha
def test_the_lines_of_a_case_are_those_still_owing_with_what_counts(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    counts = owes(koha, patron, "30.00", on=ago(60, LAST_SECOND), outstanding="12.345678")
    young = owes(koha, patron, "5.00", on=ago(59, MIDNIGHT), type="OVERDUE")
    owes(koha, patron, "9.00", day=INSIDE, outstanding="0")
    credit = has_credit(koha, patron, "2.00", on=ago(60))
    sixty, fifty_nine = DAY - timedelta(days=60), DAY - timedelta(days=59)
    assert lines(conn, a_view(), [patron]) == {
        patron: (
            Line(id=counts, day=sixty, type="LOST", outstanding=Decimal("12.345678"), counted=True),
            Line(id=young, day=fifty_nine, type="OVERDUE", outstanding=Decimal(5), counted=False),
            Line(id=credit, day=sixty, type="PAYMENT", outstanding=Decimal(-2), counted=True),
        )
    }


def test_the_lines_of_each_reason_are_those_that_do_not_count(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha, branch="CPL")
    young = owes(koha, patron, "1.00", on=ago(59), branch="CPL")
    early = owes(koha, patron, "2.00", on=ago(89), branch="CPL")
    excluded = owes(koha, patron, "4.00", on=ago(70), branch="CPL", type="OVERDUE")
    ours = owes(koha, patron, "8.00", on=ago(70), branch="CPL", **OURS)
    recorded = owes(koha, patron, "16.00", on=ago(70), branch="CPL", type="NEW_CARD")
    elsewhere = owes(koha, patron, "32.00", on=ago(70), branch="FPL")
    counts = owes(koha, patron, "64.00", on=ago(70), branch="CPL")
    view = replace(
        a_view(
            charges_by="charge",
            only="CPL",
            ignore_fees_before=DAY - timedelta(days=85),
            excluded_debit_types=frozenset({"OVERDUE"}),
        ),
        own_fees={patron: (recorded,)},
        withdrawn={patron: DAY - timedelta(days=88)},
    )
    reasons = why_not_counted(view.rules, view.ownership, [patron])
    line, who = accountlines.c, borrowers.c
    query = select(line.accountlines_id).join_from(accountlines, borrowers, who.borrowernumber == line.borrowernumber)
    found = {reason: set(conn.scalars(query.where(why))) for reason, why in reasons.items()}
    assert found == {
        "outside the window": {young},
        "of an excluded type": {excluded},
        "before the cut-off day": {early},
        "our processing fee": {ours},
        "a fee recorded with a case": {recorded},
        "of or before the day a case was withdrawn": {early},
        "of another section": {elsewhere},
    }
    assert {line.id for line in lines(conn, view, [patron])[patron] if line.counted} == {counts}


def test_the_owner_of_a_line_is_known_and_a_line_that_is_no_more_left_out(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    theirs, nobodys = owes(koha, patron, "1.00"), owes(koha, None, "1.00")
    assert owners(conn, [theirs, nobodys, 999_999]) == {theirs: patron, nobodys: None}
    assert owners(conn, []) == {}


def test_a_patron_was_charged_on_the_day_of_the_latest_debit_described_as_our_fee_paid_or_not(
    koha: KohaDatabase, conn: Connection
) -> None:
    patron, never, dateless = (a_patron(koha) for _ in range(3))
    owes(koha, patron, "10.00", on=ago(200), **OURS)
    owes(koha, patron, "10.00", on=ago(100, LAST_SECOND), outstanding="0", **OURS)
    owes(koha, patron, "10.00", on=ago(50))
    has_credit(koha, patron, "10.00", on=ago(20), description="UMS Processing Fee")
    owes(koha, never, "10.00")
    owes(koha, dateless, "10.00", date=None, **OURS)
    found = charged_on(conn, a_policy().fee_description, [patron, never, dateless], NEW_YORK)
    assert found == {patron: DAY - timedelta(days=100)}


def test_more_patrons_than_travel_at_a_time_are_all_found(koha: KohaDatabase, conn: Connection) -> None:
    numbers = [a_patron(koha) for _ in range(3)]
    for number in numbers:
        owes(koha, number, "30.00", day=INSIDE)
    asked = range(min(numbers) - 1500, max(numbers) + 1500)
    found = accounts(conn, a_view(), asked)
    assert len(found) == len(asked)
    assert [number for number, it in found.items() if it.owed] == numbers
    assert [number for number, balance in balances(conn, a_view(), asked).items() if balance] == numbers


# Locks


def test_the_lines_still_owing_are_locked_in_order_of_number_and_no_others(
    koha: KohaDatabase, conn: Connection
) -> None:
    patrons = [a_patron(koha) for _ in range(3)]
    debits = [owes(koha, patron, "30.00", day=INSIDE) for patron in reversed(patrons)]
    with Statements(conn) as statements:
        lock_lines(conn, [patrons[2], patrons[1]])
    (statement,) = (each for each, _ in statements.seen if "FOR UPDATE" in each)
    assert statement.endswith("ORDER BY accountlines.borrowernumber, accountlines.accountlines_id FOR UPDATE NOWAIT")
    assert [koha.is_free("accountlines", "accountlines_id", line) for line in debits] == [False, False, True]
