"""A night and a desk that want the same patrons, step by step: the server undoes nothing that the desk does.

The desk's statements are Koha's, in a session as Koha has it (REPEATABLE READ). The first steps come before the night
locks anything. The others begin just before one of the night's writes, and go on until they have ended or wait.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from gentle_nudge.domain.patron import Flag
from gentle_nudge.jobs import transaction
from gentle_nudge.jobs.transaction import TRIES
from gentle_nudge.koha.connect import locks
from tests.builders.days import IN_THE_WINDOW
from tests.builders.koha import a_patron, an_attribute_type, owes
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights

PATRONS, REFERRED = range(1, 7), {2, 3, 5}
WRITES = ("borrower_debarments", "borrower_attributes", "accountlines", "account_offsets")

NEW_LINE = (
    "INSERT INTO accountlines (borrowernumber, date, amount, amountoutstanding, {type}, interface) "
    "VALUES (:patron, NOW(), {amount}, {amount}, '{code}', 'intranet')"
)
NEW_OFFSET = "INSERT INTO account_offsets ({column}, type, amount) VALUES (LAST_INSERT_ID(), 'CREATE', {amount})"
COPIED = "borrowernumber, cardnumber, surname, firstname, categorycode, branchcode"


INDEXES = {"accountlines": "acctsborridx", "borrower_debarments": "borrowernumber"}


def moved(table: str) -> str:
    """By its index, which the server uses on its own if a table has more rows than those of a test."""
    hint = f"FORCE INDEX ({INDEXES[table]})" if table in INDEXES else ""
    return f"UPDATE {table} {hint} SET borrowernumber = :heir WHERE borrowernumber = :patron"


def a_merge(*tables: str) -> tuple[str, ...]:
    """Koha::Patron->merge_with, which goes through its tables in the order of a Perl hash: any order."""
    return (
        "DELETE FROM borrower_attributes WHERE borrowernumber = :patron",
        "INSERT INTO borrower_attributes (borrowernumber, code, attribute) VALUES (:heir, 'NOTE', 'moved')",
        *map(moved, tables),
        "UPDATE borrowers SET debarred = NULL, debarredcomment = NULL WHERE borrowernumber = :heir",
        f"INSERT INTO deletedborrowers ({COPIED}) SELECT {COPIED} FROM borrowers WHERE borrowernumber = :patron",
        "DELETE FROM borrowers WHERE borrowernumber = :patron",
    )


CHANGES = {
    "merge, lines first": a_merge("accountlines", "borrower_debarments", "statistics"),
    "merge, restrictions first": a_merge("statistics", "borrower_debarments", "accountlines"),
    "payment": (
        NEW_LINE.format(type="credit_type_code", amount=-5, code="PAYMENT"),
        NEW_OFFSET.format(column="credit_id", amount=5),
        "UPDATE accountlines SET amountoutstanding = 0 WHERE borrowernumber = :patron AND credit_type_code = 'PAYMENT'",
        "UPDATE accountlines SET amountoutstanding = amountoutstanding - 5 WHERE accountlines_id = :charge",
    ),
    "new fine": (
        NEW_LINE.format(type="debit_type_code", amount=1, code="OVERDUE"),
        NEW_OFFSET.format(column="debit_id", amount=1),
    ),
    "fine that shrinks": (
        NEW_LINE.format(type="credit_type_code", amount=-1, code="OVERPAYMENT"),
        "UPDATE accountlines SET date = NOW(), amount = 1, amountoutstanding = 0 WHERE accountlines_id = :fine",
        "INSERT INTO account_offsets (debit_id, type, amount) VALUES (:fine, 'OVERDUE_DECREASE', -1)",
    ),
}
MERGES = [change for change in CHANGES if change.startswith("merge")]
OTHERS = [change for change in CHANGES if change not in MERGES]
# Both are referred, only the heir is, only the other, neither; neighbours in the index of the lines, and not.
PAIRS = ((2, 3), (3, 2), (4, 3), (3, 4), (6, 1), (5, 2))


@dataclass
class Desk:
    """Somebody who changes Koha step by step."""

    koha: KohaDatabase
    left: list[str]
    values: dict[str, int]
    failures: list[str] = field(default_factory=list)
    has_begun: bool = False
    thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        self.connection = self.koha.engine.connect()
        self.id = self.connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()

    def begin(self, steps: int) -> None:
        """The first steps are done, at the first call."""
        if not self.has_begun:
            self.has_begun = True
            for _ in range(steps):
                self._step()

    def _step(self) -> None:
        self.connection.execute(text(self.left[0]), self.values)
        self.left.pop(0)

    def go_on(self) -> None:
        """The rest has ended, or waits."""
        if self.thread is None:
            self.thread = threading.Thread(target=self._the_rest)
            self.thread.start()
            while self.thread.is_alive() and not self._waits():
                time.sleep(0.11)  # the server renews what it shows ten times a second

    def end(self) -> None:
        self.go_on()
        assert self.thread is not None
        self.thread.join()

    def _the_rest(self) -> None:
        try:
            while self.left:
                self._step()
            self.connection.commit()
        except DBAPIError as failure:
            self.failures.append(f"{failure.orig} in: {self.left[0]}")
            self.connection.rollback()
        self.connection.close()

    def _waits(self) -> bool:
        waiting = (
            "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_mysql_thread_id = :n"
        )
        return bool(self.koha.query(waiting, n=self.id))


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are asked for again for a fifth of a second, and the next try comes at once."""
    monkeypatch.setattr(transaction, "PAUSES", (0,) * len(transaction.PAUSES))
    monkeypatch.setattr(locks, "SECONDS", 0.2)


def a_night_and_a_desk(koha: KohaDatabase, change: str, patron: int, heir: int = 0, *, steps: int, write: str) -> int:
    """How often the night was tried; nobody was undone at the desk, and nobody charged twice.

    So many `steps` of the change come before the night's locks, the rest before it writes into that table, or before
    its second try.
    """
    an_attribute_type(koha, "COLL")
    an_attribute_type(koha, "NOTE", repeatable=1)
    charges, fines = {}, {}
    for number in PATRONS:
        a_patron(koha, borrowernumber=number)
        charges[number] = owes(koha, number, "30.00" if number in REFERRED else "6.00", day=IN_THE_WINDOW)
        fines[number] = owes(koha, number, "2.00", type="OVERDUE")
    flag = "attribute:COLL" if write == "borrower_attributes" else "sort1"
    nights = Nights(koha, add_restriction=True, flag=Flag.parse(flag))
    values = {"patron": patron, "heir": heir, "charge": charges[patron], "fine": fines[patron]}
    desk = Desk(koha, list(CHANGES[change]), values)
    tries: list[str] = []
    _before(nights, "gentle_nudge_meta", "FOR UPDATE", lambda: desk.go_on() if tries else None)
    _before(nights, "gentle_nudge_meta", "FOR UPDATE", lambda: tries.append("begun"))
    _before(nights, "FROM borrowers", "FOR UPDATE", lambda: desk.begin(steps))
    _before(nights, f"INSERT INTO {write} ", "", desk.go_on)
    night = nights.night()
    desk.end()
    assert desk.failures == []
    assert night.went_well, night.failures
    fees = koha.query("SELECT patron, COUNT(fee_line) AS fees FROM gentle_nudge_case GROUP BY patron")
    assert all(row["fees"] == 1 for row in fees)
    assert koha.value("SELECT COUNT(*) FROM accountlines WHERE description LIKE 'UMS%'") == len(fees)
    return len(tries)


def _before(nights: Nights, words: str, more: str, act: Callable[[], object]) -> None:
    """Just before each statement of the night with these words, `act` is called."""

    def look(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if words in statement and more in statement:
            act()

    event.listen(nights.engine, "before_cursor_execute", look)


# Each of these cycles was closed by a row that the night inserts, and ended the merge (error 1213), not the night.
CYCLES = {
    "the gap of the restrictions, and lines that we have locked": ("merge, restrictions first", 3, 4, 4, WRITES[0]),
    "the gap of the attributes, and an heir whom we have locked": ("merge, lines first", 2, 3, 1, WRITES[1]),
    "a merge that begins later, and waits for an heir whom we have locked": ("merge, lines first", 4, 3, 0, WRITES[1]),
    "a merge that waits for our lines, and the gap before them for a fee": ("merge, lines first", 3, 4, 0, WRITES[2]),
}


@pytest.mark.mariadb  # MySQL waits for a second at least, and may end the merge: why-nothing-is-lost.md
@pytest.mark.parametrize("cycle", CYCLES)
def test_where_our_new_rows_would_close_a_cycle_the_night_gives_way_and_not_the_merge(
    koha: KohaDatabase, cycle: str
) -> None:
    change, patron, heir, steps, write = CYCLES[cycle]
    assert a_night_and_a_desk(koha, change, patron, heir, steps=steps, write=write) == 2


def every_step(changes: list[str]) -> list[tuple[str, int]]:
    return [(change, steps) for change in changes for steps in range(len(CHANGES[change]))]


@pytest.mark.parametrize("step", every_step(OTHERS))
def test_a_payment_and_a_fine_go_on_whatever_they_have_done_before_the_night_locks(
    koha: KohaDatabase, step: tuple[str, int]
) -> None:
    change, steps = step
    tries = a_night_and_a_desk(koha, change, 3, steps=steps, write=WRITES[0])
    assert tries == (2 if steps else 1)  # who has begun holds the patron; who has not waits for the night


@pytest.mark.soak
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("step", every_step(MERGES))
def test_no_step_of_a_merge_is_undone_at_any_write_of_the_night(
    koha: KohaDatabase, step: tuple[str, int], pair: tuple[int, int], write: str
) -> None:
    change, steps = step
    assert a_night_and_a_desk(koha, change, *pair, steps=steps, write=write) < TRIES


@pytest.mark.soak
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("patron", [3, 4])
@pytest.mark.parametrize("step", every_step(OTHERS))
def test_no_step_of_a_payment_or_a_fine_is_undone_at_any_write_of_the_night(
    koha: KohaDatabase, step: tuple[str, int], patron: int, write: str
) -> None:
    change, steps = step
    assert a_night_and_a_desk(koha, change, patron, steps=steps, write=write) <= 2
