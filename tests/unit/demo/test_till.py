"""What the demo's desk writes into Koha's account tables is what Koha writes."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import create_engine, select

from gentle_nudge.demo.counter import Desk
from gentle_nudge.demo.roles import charge as a_charge
from gentle_nudge.demo.roles import lost, overdue, sample
from gentle_nudge.demo.sample_library import ZONE
from gentle_nudge.koha.koha_tables import account_offsets, accountlines, koha, old_issues

ITEM, PATRON = 50_001, 7
Offsets = list[tuple[str, str, int | None, int | None]]


@pytest.fixture
def desk() -> Iterator[Desk]:
    """The desk of a library where one patron owes 60.00 for a lost item, 5.00 for processing it, and a fine."""
    with create_engine("sqlite://").begin() as conn:
        koha.create_all(conn)
        desk = Desk(conn=conn, day=date(2026, 11, 22), zone=ZONE)
        charges = (
            lost(100, "60.00", item=ITEM, due=140),
            a_charge(100, "5.00", "PROCESSING", item=ITEM),
            overdue(99, "3.00"),
        )
        desk.register({PATRON: sample("Smith", "Ann", *charges)})
        yield desk


def lines(desk: Desk) -> list[tuple[str, str, str, str | None]]:
    """Each line: its type, its amount, what is outstanding of it, its status."""
    line = accountlines.c
    rows = desk.conn.execute(select(accountlines).order_by(line.accountlines_id)).all()
    return [
        (row.debit_type_code or row.credit_type_code, f"{row.amount:.2f}", f"{row.amountoutstanding:.2f}", row.status)
        for row in rows
    ]


def offsets(desk: Desk, line: int) -> Offsets:
    """The offsets of this line: type, amount, credit."""
    offset = account_offsets.c
    rows = desk.conn.execute(
        select(account_offsets).where((offset.debit_id == line) | (offset.credit_id == line)).order_by(offset.id)
    )
    return [(row.type, f"{row.amount:.2f}", row.debit_id, row.credit_id) for row in rows]


def noted(desk: Desk) -> list[tuple[int, str, str]]:
    return [(entry.line, entry.what, f"{entry.amount:.2f}") for entry in desk.ledger]


def test_a_charge_for_a_lost_item_knows_when_its_checkout_was_due(desk: Desk) -> None:
    ((checkout, due),) = desk.conn.execute(select(old_issues))
    (line,) = desk.conn.execute(select(accountlines).where(accountlines.c.debit_type_code == "LOST"))
    assert (line.itemnumber, line.old_issue_id, str(due)) == (ITEM, checkout, "2026-07-05 23:59:00")
    assert offsets(desk, 1) == [("CREATE", "60.00", 1, None)]


def test_a_payment_pays_the_oldest_charges_first(desk: Desk) -> None:
    desk.pay(PATRON, 50, all_but=Decimal(7))
    assert lines(desk)[:3] == [
        ("LOST", "60.00", "0.00", None), ("PROCESSING", "5.00", "4.00", None), ("OVERDUE", "3.00", "3.00", None),
    ]  # fmt: skip
    assert lines(desk)[3:] == [("PAYMENT", "-61.00", "0.00", None)]
    assert offsets(desk, 4) == [("CREATE", "61.00", None, 4), ("APPLY", "-60.00", 1, 4), ("APPLY", "-1.00", 2, 4)]
    assert noted(desk) == [(1, "paid", "60.00"), (2, "paid", "1.00")]


def test_a_write_off_is_a_credit_of_its_own_type(desk: Desk) -> None:
    desk.waive(PATRON, 50)
    assert lines(desk)[3:] == [("WRITEOFF", "-68.00", "0.00", None)]
    assert noted(desk) == [(1, "waived", "60.00"), (2, "waived", "5.00"), (3, "waived", "3.00")]


def test_a_lost_item_that_is_found_is_credited_with_its_processing_charge(desk: Desk) -> None:
    desk.find([ITEM], 50)
    assert lines(desk) == [
        ("LOST", "60.00", "0.00", "FOUND"),
        ("PROCESSING", "5.00", "0.00", "FOUND"),
        ("OVERDUE", "3.00", "3.00", None),
        ("LOST_FOUND", "-60.00", "0.00", None),
        ("PROCESSING_FOUND", "-5.00", "0.00", None),
    ]
    assert offsets(desk, 4) == [("CREATE", "60.00", None, 4), ("APPLY", "-60.00", 1, 4)]
    assert noted(desk) == [(1, "returned", "60.00"), (2, "returned", "5.00")]


def test_what_was_paid_of_a_found_item_is_given_back_as_a_credit(desk: Desk) -> None:
    desk.pay(PATRON, 50, all_but=Decimal(28))
    desk.find([ITEM], 40)
    assert lines(desk)[0] == ("LOST", "60.00", "0.00", "FOUND")
    assert lines(desk)[4] == ("LOST_FOUND", "-60.00", "-40.00", None)
    assert offsets(desk, 5) == [("CREATE", "60.00", None, 5), ("APPLY", "-20.00", 1, 5)]
    assert noted(desk)[1:3] == [(1, "returned", "60.00"), (1, "paid", "-40.00")]


def test_nothing_is_credited_of_what_was_written_off(desk: Desk) -> None:
    desk.waive(PATRON, 50)
    desk.find([ITEM], 40)
    assert [line for line in lines(desk) if line[0].endswith("_FOUND")] == []
    assert lines(desk)[0] == ("LOST", "60.00", "0.00", "FOUND")


def test_a_payment_that_bounces_is_owing_again(desk: Desk) -> None:
    desk.pay(PATRON, 50, all_but=Decimal(7))
    desk.void(PATRON, 40)
    assert [line[2] for line in lines(desk)[:3]] == ["60.00", "5.00", "3.00"]
    assert lines(desk)[3:] == [("PAYMENT", "-61.00", "0.00", "VOID"), ("VOID", "61.00", "0.00", None)]
    assert offsets(desk, 4)[1:] == [
        ("APPLY", "-60.00", 1, 4), ("APPLY", "-1.00", 2, 4),
        ("VOID", "60.00", 1, 4), ("VOID", "1.00", 2, 4), ("APPLY", "-61.00", 5, 4),
    ]  # fmt: skip
    assert noted(desk)[2:] == [(1, "paid", "-60.00"), (2, "paid", "-1.00")]
