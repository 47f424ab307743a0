"""A busy desk while a night refers the very patrons who pay, are fined, and whose cards are merged.

Each change is written as Koha writes it: nobody locks `borrowers` first; the foreign keys of a new line do.
"""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing import get_context
from multiprocessing.context import ForkContext
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from tests.builders.days import IN_THE_WINDOW
from tests.support.koha import KohaDatabase
from tests.support.mariadb import Server
from tests.support.nights import Nights

PATRONS = 500
OTHERS = 5000  # patrons who owe little and are not at the desk
DESKS, A_SECOND = 6, 300
PATIENCE = 5  # seconds that somebody waits at a desk for a lock; then the server lets the change fail
BEFORE, AFTER = 0.5, 0.5  # seconds of changes around the night
AT_MOST = 1500  # changes at one desk, whatever happens
THRESHOLD, FEE = Decimal(25), Decimal(10)
NOTHING, A_LITTLE = Decimal(0), Decimal("0.25")
FINE = Decimal(3)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change: when it had ended, and by how much the patron owes more, in all and in the window."""

    kind: str
    patron: int
    began: float
    ended: float
    balance: Decimal = NOTHING
    window: Decimal = NOTHING
    failed: str = ""


@dataclass(frozen=True, kw_only=True)
class Session:
    """What a desk writes with."""

    connection: Connection

    def do(self, sql: str, **values: object) -> int:
        """The number of the new row, if there is one."""
        return int(self.connection.execute(text(sql), values).lastrowid)

    def credit(self, patron: int, amount: Decimal, type_: str) -> int:
        """A new credit (Koha::Account->add_credit); its foreign key locks the patron."""
        credit = self.do(
            "INSERT INTO accountlines (borrowernumber, date, amount, amountoutstanding, credit_type_code, interface, "
            "description, note) VALUES (:n, :now, -:amount, -:amount, :type, 'intranet', '', '')",
            n=patron,
            now=now(),
            amount=amount,
            type=type_,
        )
        self.do("INSERT INTO account_offsets (credit_id, type, amount) VALUES (:c, 'CREATE', :a)", c=credit, a=amount)
        return credit


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def pays(desk: Session, patron: int, chance: random.Random) -> tuple[Decimal, Decimal]:
    """A credit is written, and used up for the oldest debits: each time the offset, the credit, the debit."""
    amount = left = Decimal(chance.randrange(100, 1500)) / 100
    of_window = NOTHING
    credit = desk.credit(patron, amount, "PAYMENT")
    debits = "SELECT accountlines_id, amountoutstanding, debit_type_code FROM accountlines WHERE borrowernumber = :n"
    owing = desk.connection.execute(text(f"{debits} AND amountoutstanding > 0 ORDER BY date"), {"n": patron}).all()
    for debit, owed, type_ in owing:
        part = min(owed, left)
        if part <= 0:
            break
        left -= part
        of_window += part if type_ == "LOST" else NOTHING
        desk.do(
            "INSERT INTO account_offsets (credit_id, debit_id, type, amount) VALUES (:c, :d, 'APPLY', :part)",
            c=credit,
            d=debit,
            part=-part,
        )
        change = "UPDATE accountlines SET amountoutstanding = :owed WHERE accountlines_id = :line"
        desk.do(change, line=credit, owed=-left)
        desk.do(change, line=debit, owed=owed - part)
    return -amount, -of_window


def is_fined(desk: Session, patron: int, _: random.Random) -> tuple[Decimal, Decimal]:
    """A new overdue fine (Koha::Account->add_debit)."""
    line = desk.do(
        "INSERT INTO accountlines (borrowernumber, date, amount, amountoutstanding, debit_type_code, interface, "
        "description, note) VALUES (:n, :now, :a, :a, 'OVERDUE', 'cron', '', '')",
        n=patron,
        now=now(),
        a=A_LITTLE,
    )
    desk.do("INSERT INTO account_offsets (debit_id, type, amount) VALUES (:d, 'CREATE', :a)", d=line, a=A_LITTLE)
    return A_LITTLE, NOTHING


def fine_grows(desk: Session, patron: int, _: random.Random) -> tuple[Decimal, Decimal]:
    """Koha::Account::Line->adjust: the line is changed in place, and its date is moved."""
    return _adjust(desk, patron, A_LITTLE), NOTHING


def fine_shrinks(desk: Session, patron: int, _: random.Random) -> tuple[Decimal, Decimal]:
    """The same; what was paid already is given back as a credit, which comes first."""
    return _adjust(desk, patron, -A_LITTLE), NOTHING


def _adjust(desk: Session, patron: int, by: Decimal) -> Decimal:
    query = "SELECT accountlines_id, amountoutstanding, amount FROM accountlines WHERE borrowernumber = :n"
    fines = desk.connection.execute(text(f"{query} AND debit_type_code = 'OVERDUE' LIMIT 1"), {"n": patron}).all()
    if not fines or fines[0].amount + by <= 0:
        return NOTHING
    ((line, owed, _),) = fines
    if owed + by < 0:
        desk.credit(patron, -(owed + by), "OVERPAYMENT")
    desk.do(
        "UPDATE accountlines SET date = NOW(), amount = amount + :by, amountoutstanding = :owed "
        "WHERE accountlines_id = :line",
        by=by,
        owed=max(owed + by, NOTHING),
        line=line,
    )
    type_ = f"OVERDUE_{'INCREASE' if by > 0 else 'DECREASE'}"
    desk.do("INSERT INTO account_offsets (debit_id, type, amount) VALUES (:d, :t, :a)", d=line, t=type_, a=by)
    return by


def merged(desk: Session, patron: int, chance: random.Random, mine: list[int]) -> tuple[Decimal, Decimal]:
    """Koha::Patron->merge_with: the lines go to another card of this desk; this one is deleted."""
    if len(mine) < len(KINDS):
        return NOTHING, NOTHING
    heir = chance.choice([other for other in mine if other != patron])
    for table in ("accountlines", "borrower_debarments", "statistics"):
        desk.do(f"UPDATE {table} SET borrowernumber = :heir WHERE borrowernumber = :n", heir=heir, n=patron)
    desk.do("DELETE FROM borrowers WHERE borrowernumber = :n", n=patron)
    mine.remove(patron)
    mine.remove(heir)  # its account is another from now on
    return NOTHING, NOTHING


KINDS: dict[str, tuple[int, Callable[..., tuple[Decimal, Decimal]]]] = {
    "payment": (60, pays),
    "new fine": (15, is_fined),
    "fine that grows": (12, fine_grows),
    "fine that shrinks": (11, fine_shrinks),
    "merge": (2, merged),
}


def at_the_desk(
    server: Server, name: str, mine: list[int], *, seed: int, closing: Event, told: "Queue[list[Change]]"
) -> None:
    """Changes, evenly spread over time, until the desk closes; nobody else changes the accounts of its patrons."""
    engine, chance = server.engine(name), random.Random(seed)
    changes: list[Change] = []
    begun = time.monotonic()
    with engine.connect() as connection:
        connection.execute(text(f"SET SESSION innodb_lock_wait_timeout = {PATIENCE}"))
        connection.commit()
        for number in range(AT_MOST):
            time.sleep(max(0.0, begun + number * DESKS / A_SECOND - time.monotonic()))
            if closing.is_set():
                break
            (kind,) = chance.choices(list(KINDS), [weight for weight, _ in KINDS.values()])
            patron, started = chance.choice(mine), time.monotonic()
            given = (mine,) if kind == "merge" else ()
            failed, more = "", (NOTHING, NOTHING)
            try:
                more = KINDS[kind][1](Session(connection=connection), patron, chance, *given)
                connection.commit()
            except DBAPIError as failure:
                connection.rollback()
                failed = repr(failure.orig)
            ended = time.monotonic()
            change = Change(
                kind=kind, patron=patron, began=started, ended=ended, balance=more[0], window=more[1], failed=failed
            )
            changes.append(change)
    told.put(changes)


def while_they_work(koha: KohaDatabase, patrons: list[int], seed: int, work: Callable[[], object]) -> list[Change]:
    """All desks are open before, while and after the work is done; what was changed."""
    fork: ForkContext = get_context("fork")
    closing, told = fork.Event(), fork.Queue()
    given = {"closing": closing, "told": told}
    desks = [
        fork.Process(
            target=at_the_desk, args=(koha.server, koha.name, patrons[n::DESKS]), kwargs={"seed": seed + n, **given}
        )
        for n in range(DESKS)
    ]
    for desk in desks:
        desk.start()
    time.sleep(BEFORE)
    try:
        work()
        time.sleep(AFTER)
    finally:
        closing.set()
        done = [change for _ in desks for change in told.get(timeout=60)]
        for desk in desks:
            desk.join(timeout=60)
    return done


def a_town(koha: KohaDatabase, lines: int) -> list[int]:
    """Patrons with two lost charges in the window, a fine and a payment; the other lines are those of others."""
    everybody = range(1, PATRONS + OTHERS + 1)
    patrons = list(everybody[:PATRONS])
    rows = ({"borrowernumber": n, "surname": f"P{n}", "branchcode": "CPL", "categorycode": "PT"} for n in everybody)
    koha.put_many("borrowers", rows)
    koha.put_many("accountlines", [_line(n, *each) for n in patrons for each in OWING])
    others = everybody[PATRONS:]
    rest = lines - len(patrons) * len(OWING)
    if rest > 0:
        koha.put_many("accountlines", [_line(others[n % OTHERS], *OWING[-1]) for n in range(rest)])
    return patrons


# Type, amount, outstanding.
OWING = (
    ("LOST", Decimal(20), Decimal(20)),
    ("LOST", Decimal(12), Decimal(12)),
    ("OVERDUE", FINE, NOTHING),
    ("OVERDUE", FINE, FINE),
)


def _line(patron: int, type_: str, amount: Decimal, outstanding: Decimal) -> dict[str, Any]:
    return {
        "borrowernumber": patron,
        "date": datetime.combine(IN_THE_WINDOW, datetime.min.time()) if type_ == "LOST" else now(),
        "debit_type_code": type_,
        "amount": amount,
        "amountoutstanding": outstanding,
        "description": "",
        "interface": "intranet",
    }


def everybody_was_judged_by_what_was_owed(
    koha: KohaDatabase, patrons: list[int], changes: list[Change], committed: float
) -> Counter[str]:
    """Who is referred, and with what, follows from the changes that had ended when the night was committed.

    Nobody can change the account of a patron whom we have locked, so none ends between our lock and our commit.
    Patrons of merged cards are left out.
    """
    balance: defaultdict[int, Decimal] = defaultdict(lambda: sum((owing for *_, owing in OWING), NOTHING))
    window: defaultdict[int, Decimal] = defaultdict(lambda: Decimal(32))
    changed = set()
    for change in changes:
        if change.ended < committed:
            balance[change.patron] += change.balance
            window[change.patron] += change.window
            changed.add(change.patron)
    cases = {case["patron"]: case for case in koha.query("SELECT patron, balance, last_due FROM gentle_nudge_case")}
    alone = koha.query(
        "SELECT borrowernumber AS n FROM accountlines WHERE borrowernumber IS NOT NULL AND debit_type_code = 'LOST' "
        "GROUP BY n HAVING COUNT(*) = 2"
    )
    seen: Counter[str] = Counter()
    for patron in {row["n"] for row in alone} & set(patrons):
        case, owed = cases.get(patron), balance[patron]
        if case:
            assert (case["balance"], case["last_due"]) == (owed, owed + FEE), patron
        assert (case is not None) is (window[patron] >= THRESHOLD and owed >= THRESHOLD), patron
        seen["referred" if case else "not referred"] += 1
        seen["referred after a change"] += bool(case and patron in changed)
    return seen


@pytest.mark.process
@pytest.mark.soak
@pytest.mark.parametrize("lines", [2000, 200_000])
@pytest.mark.parametrize("seed", range(3))
def test_the_desks_and_a_night_get_on(koha: KohaDatabase, seed: int, lines: int) -> None:
    patrons = a_town(koha, lines)
    nights = Nights(koha, most_referrals=0, add_restriction=True)
    writes: list[float] = []

    def look(conn: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO account_offsets"):
            conn.info["charged"] = True

    def ends(conn: Connection) -> None:
        if conn.info.pop("charged", False):
            writes.append(time.monotonic())

    event.listen(nights.engine, "before_cursor_execute", look)
    event.listen(nights.engine, "commit", ends)
    begun = time.monotonic()
    changes = while_they_work(koha, patrons, seed * DESKS, nights.good_night)
    lasted = time.monotonic() - begun
    failed = Counter((change.kind, change.failed) for change in changes if change.failed)
    # Merges lock the gaps between lines: two desks may close a deadlock without the night (for the night's part in one
    # see test_desk_locks).
    assert {kind for kind, _ in failed} <= {"merge"}
    seen = everybody_was_judged_by_what_was_owed(koha, patrons, changes, writes[-1])
    longest = max(change.ended - change.began for change in changes)
    print(  # noqa: T201 - what a soak test saw
        f"seed {seed}, {lines} lines: {dict(Counter(change.kind for change in changes))} in {lasted:.1f} s, the "
        f"longest {longest:.2f} s; {dict(seen)}; merges undone by the server: {failed.total()}"
    )
    assert seen["referred after a change"] > 0
    assert seen["not referred"] > 0
