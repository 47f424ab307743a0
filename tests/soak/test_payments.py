"""Three hundred payments a second at the desks while a night refers the very patrons who pay."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing import get_context
from multiprocessing.context import ForkContext
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

import pymysql
import pytest
from sqlalchemy import Connection, text

from tests.builders.days import IN_THE_WINDOW
from tests.builders.koha import a_patron, owes
from tests.support.koha import KohaDatabase
from tests.support.mariadb import Server
from tests.support.nights import Nights

PATRONS = 500
DESKS, A_SECOND = 6, 300
PATIENCE = 2  # seconds that somebody waits at a desk for a lock; then the server lets the payment fail
BEFORE, AFTER = 0.5, 0.5  # seconds of payments around the night
AT_MOST = 1500  # payments at one desk, whatever happens
THRESHOLD, FEE = Decimal(25), Decimal(10)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What one desk did: how long each payment took, from its first statement to its commit, and what failed."""

    took: tuple[float, ...]
    failed: tuple[str, ...]


def at_the_desk(
    server: Server, name: str, patrons: list[int], *, seed: int, closing: Event, told: "Queue[Desk]"
) -> None:
    """Patrons pay, evenly spread over time, until the desk closes."""
    engine, chance = server.engine(name), random.Random(seed)
    took, failed = [], []
    begun = time.monotonic()
    with engine.connect() as connection:
        connection.execute(text(f"SET SESSION innodb_lock_wait_timeout = {PATIENCE}"))
        connection.commit()
        for number in range(AT_MOST):
            time.sleep(max(0.0, begun + number * DESKS / A_SECOND - time.monotonic()))
            if closing.is_set():
                break
            started = time.monotonic()
            try:
                pays_as_koha_does(connection, chance.choice(patrons), Decimal(chance.randrange(100, 1500)) / 100)
                connection.commit()
            except (pymysql.MySQLError, Exception) as failure:  # noqa: BLE001 - told to the test
                connection.rollback()
                failed.append(repr(failure))
            took.append(time.monotonic() - started)
    told.put(Desk(took=tuple(took), failed=tuple(failed)))


def pays_as_koha_does(connection: Connection, patron: int, amount: Decimal) -> None:
    """The patron's row is locked, a credit is written, and used up for the oldest debits, with offsets."""

    def do(sql: str, **values: object) -> int:
        return int(connection.execute(text(sql), values).lastrowid)

    connection.execute(text("SELECT * FROM borrowers WHERE borrowernumber = :n FOR UPDATE"), {"n": patron}).all()
    now = datetime.now(UTC).replace(tzinfo=None)
    credit = do(
        "INSERT INTO accountlines (borrowernumber, date, amount, amountoutstanding, credit_type_code, interface, "
        "description, note) VALUES (:n, :now, -:amount, -:amount, 'PAYMENT', 'intranet', '', '')",
        n=patron,
        now=now,
        amount=amount,
    )
    do("INSERT INTO account_offsets (credit_id, type, amount) VALUES (:c, 'CREATE', :a)", c=credit, a=amount)
    debits = "SELECT accountlines_id, amountoutstanding FROM accountlines WHERE borrowernumber = :n"
    for debit, owed in connection.execute(text(f"{debits} AND amountoutstanding > 0 ORDER BY date"), {"n": patron}):
        part = min(owed, amount)
        if part <= 0:
            break
        amount -= part
        change = "UPDATE accountlines SET amountoutstanding = amountoutstanding + :part WHERE accountlines_id = :line"
        do(change, line=debit, part=-part)
        do(change, line=credit, part=part)
        do(
            "INSERT INTO account_offsets (credit_id, debit_id, type, amount) VALUES (:c, :d, 'APPLY', :part)",
            c=credit,
            d=debit,
            part=-part,
        )


def while_they_pay(koha: KohaDatabase, patrons: list[int], seed: int, work: Callable[[], object]) -> list[Desk]:
    """All desks are open before, while and after the work is done; what each did."""
    fork: ForkContext = get_context("fork")
    closing, told = fork.Event(), fork.Queue()
    given = {"closing": closing, "told": told}
    desks = [
        fork.Process(target=at_the_desk, args=(koha.server, koha.name, patrons), kwargs={"seed": seed + n, **given})
        for n in range(DESKS)
    ]
    for desk in desks:
        desk.start()
    time.sleep(BEFORE)
    work()
    time.sleep(AFTER)
    closing.set()
    done = [told.get(timeout=60) for _ in desks]
    for desk in desks:
        desk.join(timeout=60)
    return done


def nobody_was_referred_who_had_paid(koha: KohaDatabase, nights: Nights) -> int:
    """Line by line: what each referred patron owed when the fee was charged; how many had paid something before.

    A payment either ended before the night locked its patron, and then its line is older than the fee's, or it began
    after the night's commit.
    """
    cases = koha.query("SELECT patron, fee_line, balance, last_due FROM gentle_nudge_case")
    paid_before = 0
    for case in cases:
        lines = koha.query(
            "SELECT amount FROM accountlines WHERE borrowernumber = :n AND accountlines_id < :fee",
            n=case["patron"],
            fee=case["fee_line"],
        )
        owed = sum((line["amount"] for line in lines), Decimal(0))
        assert owed >= THRESHOLD
        assert (case["balance"], case["last_due"]) == (owed, owed + FEE)
        paid_before += any(line["amount"] < 0 for line in lines)
    assert nights.referred() == {case["patron"] for case in cases}
    return paid_before


def everybody_else_had_paid(koha: KohaDatabase) -> None:
    """Who is not referred owed less than the threshold when the last fee was charged."""
    others = koha.query(
        "SELECT SUM(amount) AS owed FROM accountlines WHERE accountlines_id < (SELECT MAX(fee_line) FROM "
        "gentle_nudge_case) AND borrowernumber NOT IN (SELECT patron FROM gentle_nudge_case) GROUP BY borrowernumber"
    )
    assert all(row["owed"] < THRESHOLD for row in others)


@pytest.mark.process
@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_payments_and_a_night_get_on(koha: KohaDatabase, seed: int) -> None:
    patrons = [a_patron(koha) for _ in range(PATRONS)]
    for patron in patrons:
        owes(koha, patron, "20.00", day=IN_THE_WINDOW)
        owes(koha, patron, "12.00", day=IN_THE_WINDOW)
    nights = Nights(koha, most_referrals=0, add_restriction=True)
    begun = time.monotonic()
    desks = while_they_pay(koha, patrons, seed * DESKS, nights.good_night)
    lasted = time.monotonic() - begun
    took = [each for desk in desks for each in desk.took]
    assert [failure for desk in desks for failure in desk.failed] == []
    paid_before = nobody_was_referred_who_had_paid(koha, nights)
    everybody_else_had_paid(koha)
    referred = len(nights.open_patrons())
    print(  # noqa: T201 - what a soak test saw
        f"seed {seed}: {len(took)} payments in {lasted:.1f} s ({len(took) / lasted:.0f} a second), the longest "
        f"{max(took):.2f} s; {referred} of {PATRONS} referred, {paid_before} of them had paid a part"
    )
    assert 0 < referred < PATRONS
    assert paid_before > 0
