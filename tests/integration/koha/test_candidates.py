"""The one scan that finds who may owe enough: nobody overlooked, nobody too many, no index in the way."""

import random
from collections.abc import Collection, Iterator
from dataclasses import astuple, replace
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

from gentle_nudge.koha.read.candidates import CandidateScan, owing_patrons, unpaid_lines
from tests.builders.koha import a_patron, an_item, has_attribute, has_credit, owes
from tests.integration.koha import oracle
from tests.integration.koha.line_views import (
    DAY,
    LAST_SECOND,
    MIDNIGHT,
    NOON,
    LineView,
    Statements,
    a_view,
    accounts,
    ago,
    balances,
    lines,
)
from tests.integration.koha.on_sqlite import a_copy_in_sqlite
from tests.support.koha import KohaDatabase, explained

INSIDE = DAY - timedelta(days=70)
OURS = "UMS Processing Fee"


def found(conn: Connection, view: LineView, *, only_counted: Collection[int] | None = ()) -> CandidateScan:
    """Who may owe enough."""
    rules, threshold = view.rules, view.section.policy.threshold
    unpaid = unpaid_lines(conn, rules.window, rules.zone)
    owing = owing_patrons(conn, unpaid, rules=rules, ownership=view.ownership, threshold=threshold)
    by_patron = view.section.charges_by == "patron"
    return owing.scan(view.section.scope.holds, only_counted if by_patron else None)


def test_a_patron_is_found_from_the_threshold_on(koha: KohaDatabase, conn: Connection) -> None:
    amounts = ("24.994999", "24.995", "25.00", "25.01", "0.005", "0.004999", "1234567.89")
    patrons = {amount: a_patron(koha) for amount in amounts}
    for amount, patron in patrons.items():
        owes(koha, patron, amount, day=INSIDE)
    enough = [patrons[amount] for amount in ("24.995", "25.00", "25.01", "1234567.89")]
    assert found(conn, a_view()) == CandidateScan(numbers=tuple(enough), owing_less=2)


def test_owing_less_counts_each_patron_once_who_owes_a_cent_or_more_there(koha: KohaDatabase, conn: Connection) -> None:
    one, even, ahead, young = (a_patron(koha) for _ in range(4))
    for amount in ("0.01", "3.00", "21.98"):
        owes(koha, one, amount, day=INSIDE)
    owes(koha, even, "5.00", day=INSIDE)
    has_credit(koha, even, "5.00", day=INSIDE)
    has_credit(koha, ahead, "5.00", day=INSIDE)
    owes(koha, young, "99.00", on=ago(59))
    owes(koha, None, "99.00", day=INSIDE)
    assert found(conn, a_view()) == CandidateScan(numbers=(), owing_less=1)


def test_an_empty_library_owes_nothing(conn: Connection) -> None:
    assert found(conn, a_view()) == CandidateScan(numbers=(), owing_less=0)


def test_several_attribute_rows_make_nobody_owe_more(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    for value in ("0", "0", "0"):
        has_attribute(koha, patron, "COLLECT", value)
    owes(koha, patron, "10.00", day=INSIDE)
    assert found(conn, a_view(charges_by="item")) == CandidateScan(numbers=(), owing_less=1)


def test_a_patron_with_a_withdrawn_case_who_owes_in_the_window_is_looked_at_line_by_line(
    koha: KohaDatabase, conn: Connection
) -> None:
    little, nothing = a_patron(koha), a_patron(koha)
    owes(koha, little, "1.00", day=INSIDE)
    view = replace(a_view(), withdrawn={little: INSIDE, nothing: INSIDE})
    assert found(conn, view) == CandidateScan(numbers=(little,), owing_less=0)


@pytest.mark.parametrize("charges_by", ["patron", "charge", "item"])
def test_whose_charges_may_be_from_before_they_were_of_age_is_looked_at_line_by_line(
    koha: KohaDatabase, conn: Connection, charges_by: str
) -> None:
    first = DAY - timedelta(days=90)
    of_age, a_day_too_young, unknown, nothing = (
        a_patron(koha, born=born)
        for born in (first.replace(year=2008), first.replace(year=2008) + timedelta(days=1), None, date(2015, 1, 1))
    )
    for patron in (of_age, a_day_too_young, unknown):
        owes(koha, patron, "1.00", day=INSIDE)
    owes(koha, nothing, "99.00", on=ago(59))
    assert found(conn, a_view(charges_by=charges_by)) == CandidateScan(numbers=(), owing_less=3)
    leaving_out = a_view(charges_by=charges_by, charged_as_minor="leave_out")
    assert found(conn, leaving_out) == CandidateScan(numbers=(a_day_too_young,), owing_less=2)


@pytest.mark.parametrize("charges_by", ["charge", "item"])
def test_a_recorded_fee_alone_is_found_where_its_case_is(koha: KohaDatabase, conn: Connection, charges_by: str) -> None:
    patron = a_patron(koha, branch="CPL")
    fee = owes(koha, patron, "30.00", day=INSIDE, type="MANUAL", description=OURS)
    view = a_view(charges_by=charges_by, only="FPL", count_processing_fees=True)
    assert found(conn, view).numbers == ()
    assert found(conn, replace(view, own_fees={patron: (fee,)})).numbers == (patron,)
    here = a_view(charges_by=charges_by, only="CPL", count_processing_fees=True)
    assert found(conn, here).numbers == (patron,)
    assert found(conn, replace(here, other_fees={patron: (fee,)})).numbers == ()


# Against the rules read slowly


@pytest.mark.parametrize("seed", range(6))
def test_the_scan_finds_exactly_those_whose_sums_reach_the_threshold(
    koha: KohaDatabase, conn: Connection, seed: int
) -> None:
    chance = random.Random(seed)
    patrons = a_random_library(koha, chance)
    everything = oracle.all_lines(koha)
    for _ in range(15):
        view = a_random_view(chance, everything)
        expected = {patron: oracle.sums(everything, view, patron) for patron in patrons}
        exact = accounts(conn, view, patrons)
        for patron, it in exact.items():
            shown = (it.owed, it.balance, it.whole_balance, it.lost_charge, it.latest_charge)
            assert shown == astuple(expected[patron]), (view, patron)
        threshold = view.section.policy.threshold
        enough = {patron for patron, it in expected.items() if it.owed >= threshold}
        less = {patron for patron, it in expected.items() if 0 < it.owed < threshold}
        selection = found(conn, view)
        chosen = set(selection.numbers)
        line_by_line = view.rules.withdrawn.keys() | young(everything, view)
        elsewhere = {patron for patron in enough - line_by_line if not speaks_for(everything, view, patron)}
        assert enough - elsewhere <= chosen <= (enough | line_by_line) - elsewhere, view
        assert selection.owing_less == len(less - chosen), view
        assert selection.elsewhere == len(elsewhere), view
        agree_on_lines(conn, view, everything, patrons)


def young(everything: list[oracle.Row], view: LineView) -> set[int]:
    """The patrons who were not of age on the first day of the window, where that matters."""
    if view.section.policy.charged_as_minor == "count":
        return set()
    return {
        line["borrowernumber"]
        for line in everything
        if (born := line["patrons_birth"]) and oracle.is_minor(born, view.rules.window.first, view)
    }


def speaks_for(everything: list[oracle.Row], view: LineView, patron: int) -> bool:
    """Whether the section speaks for the patron's branch, where all charges are the patron's."""
    branch = next(line["patrons_branch"] for line in everything if line["borrowernumber"] == patron)
    return view.section.charges_by != "patron" or view.section.scope.holds(branch)


def agree_on_lines(conn: Connection, view: LineView, everything: list[oracle.Row], patrons: list[int]) -> None:
    """The counted lines are those that the rules count."""
    shown = {line.id for theirs in lines(conn, view, patrons).values() for line in theirs if line.counted}
    counting = (it for it in everything if it["borrowernumber"] and oracle.millionths(it))
    assert shown == {
        it["accountlines_id"] for it in counting if oracle.is_here(it, view) and oracle.counts(it, view)
    }, view


def a_random_library(koha: KohaDatabase, chance: random.Random) -> list[int]:
    """Forty patrons and some three hundred lines, most of them near a boundary."""
    branches = ("CPL", "FPL", "MPL")
    patrons = [a_patron(koha, branch=chance.choice(branches), born=a_random_birth(chance)) for _ in range(40)]
    items = [an_item(koha, branch=chance.choice(branches)) for _ in range(5)]
    koha.put_many("accountlines", [a_random_line(chance, patrons, items) for _ in range(300)])
    return patrons


def a_random_birth(chance: random.Random) -> date | None:
    """Most patrons came of age in the window or near it."""
    near = (DAY - timedelta(days=days) for days in (59, 60, 61, 74, 75, 76, 89, 90, 91))
    born = [day.replace(year=day.year - 18) for day in near]
    return chance.choice((*born, date(1980, 5, 5), date(2015, 1, 1), date(1901, 1, 1), None))


def a_random_line(chance: random.Random, patrons: list[int], items: list[int]) -> dict[str, object]:
    """A debit or credit, odd in one way or another."""
    is_credit = chance.random() < 0.2
    amount = Decimal(chance.choice(("12.50", "12.495", "12.497500", "12.494999", "25", "0.005", "0.01", "7.77", "0")))
    days = chance.choice((59, 60, 60, 61, 70, 74, 75, 76, 89, 90, 90, 91, chance.randrange(120)))
    at = ago(days, chance.choice((MIDNIGHT, NOON, LAST_SECOND))).astimezone(UTC).replace(tzinfo=None)
    kinds = ("LOST", "LOST", "OVERDUE", "MANUAL", "MANUAL", "PROCESSING", None)
    return {
        "borrowernumber": chance.choice((*patrons, None)),
        "date": chance.choice((*[at] * 30, None)),
        "amount": -amount if is_credit else amount,
        "amountoutstanding": chance.choice((*[-amount if is_credit else amount] * 20, None)),
        "debit_type_code": None if is_credit else chance.choice(kinds),
        "credit_type_code": chance.choice(("PAYMENT", "WRITEOFF")) if is_credit else None,
        "description": chance.choice((OURS, "Lost item", "", None)),
        "branchcode": chance.choice(("CPL", "FPL", "MPL", None)),
        "itemnumber": chance.choice((*items, None, None)),
        "interface": "intranet",
    }


def a_random_view(chance: random.Random, everything: list[oracle.Row]) -> LineView:
    """A section with rules of all kinds, and a few recorded fees and withdrawn cases."""
    some = frozenset(chance.sample(("LOST", "OVERDUE", "MANUAL", "PROCESSING"), 2))
    rules: dict[str, Any] = {
        "threshold": Decimal(chance.choice(("25", "12.50", "0.01", "37.49"))),
        "count_fees_newer_than": chance.choice((90, 90, 75, 60)),
        "count_fees_older_than": chance.choice((60, 60, 75, 90)),
        "count_processing_fees": chance.random() < 0.5,
        "refer_withdrawn_charges": chance.random() < 0.2,
        "ignore_fees_before": chance.choice((None, DAY - timedelta(days=75))),
        "charged_as_minor": chance.choice(("count", "leave_out")),
        chance.choice(("debit_types", "excluded_debit_types", "categories")): some,
        chance.choice(("only", "all_but")): " ".join(chance.sample(("CPL", "FPL", "MPL"), chance.choice((1, 2)))),
    }
    owned = [line for line in everything if line["borrowernumber"] and line["debit_type_code"]]
    own, other, taken_back = (chance.sample(owned, 6) for _ in range(3))
    return replace(
        a_view(charges_by=chance.choice(("patron", "charge", "item")), **rules),
        withdrawn={line["borrowernumber"]: day for line, day in zip(own, some_days(chance), strict=False)},
        own_fees=by_patron(own, ()),
        other_fees=by_patron(other, own),
        taken_back=by_patron(taken_back, ()),
    )


def some_days(chance: random.Random) -> Iterator[date]:
    """Days on which cases may have been withdrawn."""
    for _ in range(chance.randrange(5)):
        yield DAY - timedelta(days=chance.choice((60, 74, 75, 76, 90)))


def by_patron(recorded: list[oracle.Row], but: Any) -> dict[int, tuple[int, ...]]:
    """The fee lines of each patron."""
    fees: dict[int, tuple[int, ...]] = {}
    for line in recorded:
        if line not in but:
            patron = line["borrowernumber"]
            fees[patron] = (*fees.get(patron, ()), line["accountlines_id"])
    return fees


# How the database does it


@pytest.mark.parametrize("dialect", ["mysql", pytest.param("mariadb", marks=pytest.mark.mariadb)])
@pytest.mark.parametrize("charges_by", ["patron", "charge", "item"])
@pytest.mark.parametrize("charged_as_minor", ["count", "leave_out"])
def test_the_scan_uses_no_index_of_the_lines(
    koha: KohaDatabase, dialect: str, charges_by: str, charged_as_minor: str
) -> None:
    for patron in (a_patron(koha) for _ in range(5)):
        owes(koha, patron, "30.00", day=INSIDE)
    engine = create_engine(koha.server.url(koha.name, driver=f"{dialect}+pymysql"))
    assert engine.dialect.name == dialect
    with engine.connect() as conn, Statements(conn) as statements:
        found(conn, a_view(charges_by=charges_by, only="CPL", charged_as_minor=charged_as_minor))
        scan, owed = (explained(conn, statement, bound) for statement, bound in tuple(statements.seen))
    engine.dispose()
    (row,) = scan
    assert (row["type"], row["key"], row["possible_keys"]) == ("ALL", None, None)
    assert {row["key"] for row in owed if row["table"] == "accountlines"} == {"PRIMARY"}


def test_one_scan_serves_all_sections_and_each_asks_once_for_a_thousand_patrons(
    koha: KohaDatabase, conn: Connection
) -> None:
    for patron in (a_patron(koha) for _ in range(30)):
        owes(koha, patron, "3.00", day=INSIDE)
    wide, narrow = a_view(), a_view(count_fees_newer_than=80)
    with Statements(conn) as statements:
        unpaid = unpaid_lines(conn, wide.rules.window, wide.rules.zone)
        for view in (wide, narrow, a_view(threshold=Decimal(3))):
            rules, threshold = view.rules, view.section.policy.threshold
            owing_patrons(conn, unpaid, rules=rules, ownership=view.ownership, threshold=threshold)
    assert len(statements.seen) == 4


def test_a_fee_of_ours_counts_for_nobody_and_needs_no_look_at_its_patron(koha: KohaDatabase, conn: Connection) -> None:
    fee_alone, with_fee = a_patron(koha), a_patron(koha)
    for patron in (fee_alone, with_fee):
        owes(koha, patron, "30.00", day=INSIDE, type="MANUAL", description=OURS)
    owes(koha, with_fee, "24.99", day=INSIDE, type="MANUAL", description="A lost card")
    assert found(conn, a_view()) == CandidateScan(numbers=(), owing_less=1)
    assert found(conn, a_view(count_processing_fees=True)).numbers == (fee_alone, with_fee)


def test_patrons_of_other_branches_are_counted_and_not_looked_at(koha: KohaDatabase, conn: Connection) -> None:
    here, elsewhere, less = (a_patron(koha, branch=branch) for branch in ("CPL", "FPL", "FPL"))
    for patron, amount in ((here, "25.00"), (elsewhere, "25.00"), (less, "24.99")):
        owes(koha, patron, amount, day=INSIDE)
    assert found(conn, a_view(only="CPL")) == CandidateScan(numbers=(here,), owing_less=1, elsewhere=1)
    assert found(conn, a_view(all_but="CPL")) == CandidateScan(numbers=(elsewhere,), owing_less=1, elsewhere=1)
    everybody = CandidateScan(numbers=(here, elsewhere), owing_less=1)
    assert found(conn, a_view(only="CPL"), only_counted=None) == everybody


def test_who_is_in_collections_is_counted_and_not_looked_at_unless_their_charges_need_it(
    koha: KohaDatabase, conn: Connection
) -> None:
    known, new, withdrawn = (a_patron(koha) for _ in range(3))
    for patron in (known, new, withdrawn):
        owes(koha, patron, "25.00", day=INSIDE)
    view = replace(a_view(), withdrawn={withdrawn: INSIDE})
    counted = found(conn, view, only_counted={known, withdrawn})
    assert counted == CandidateScan(numbers=(new, withdrawn), known=1)
    assert found(conn, view, only_counted=None) == CandidateScan(numbers=(known, new, withdrawn))


@pytest.mark.parametrize("seed", [100, 101])
def test_a_sample_library_in_sqlite_gives_the_same_to_the_cent(koha: KohaDatabase, conn: Connection, seed: int) -> None:
    chance = random.Random(seed)
    patrons = a_random_library(koha, chance)
    has_credit(koha, patrons[0], "0.000001", day=INSIDE)
    everything = oracle.all_lines(koha)
    with a_copy_in_sqlite(conn) as copy:
        for _ in range(15):
            view = a_random_view(chance, everything)
            assert found(copy, view) == found(conn, view), view
            assert accounts(copy, view, patrons) == accounts(conn, view, patrons), view
            assert balances(copy, view, patrons) == balances(conn, view, patrons), view
            assert lines(copy, view, patrons) == lines(conn, view, patrons), view
