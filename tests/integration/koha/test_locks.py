"""From the first lock on Koha's rows to the end of the transaction, nothing waits in the server."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, insert, text
from sqlalchemy.exc import OperationalError

from gentle_nudge.koha.connect import locks
from gentle_nudge.koha.connect.engine import engine
from gentle_nudge.koha.connect.instance import Instance
from gentle_nudge.koha.connect.locks import never_wait_from_now_on
from gentle_nudge.koha.koha_tables import borrower_attributes
from tests.builders.days import ZONE
from tests.builders.koha import a_patron, an_attribute_type
from tests.support.koha import KohaDatabase

WAIT = "SELECT @@innodb_lock_wait_timeout"


@pytest.fixture
def ours(koha: KohaDatabase) -> Iterator[Engine]:
    """The program's own engine."""
    made = engine(Instance(url=koha.engine.url, zone=ZONE, machine="test"))
    yield made
    made.dispose()


def locked(conn: Connection, patron: int) -> None:
    conn.execute(text("SELECT 1 FROM borrowers WHERE borrowernumber = :n FOR UPDATE"), {"n": patron})


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_the_next_transaction_waits_as_every_other(ours: Engine, end: str) -> None:
    with ours.connect() as conn:
        never_wait_from_now_on(conn)
        assert conn.scalar(text(WAIT)) == (0 if conn.dialect.is_mariadb else 1)  # type: ignore[attr-defined]
        getattr(conn, end)()
        assert conn.scalar(text(WAIT)) == 2


def test_two_seconds_are_for_all_locks_of_a_transaction(
    koha: KohaDatabase, ours: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = a_patron(koha), a_patron(koha)
    pauses: list[float] = []
    with koha.engine.connect() as desk, koha.engine.connect() as other, ours.connect() as conn:
        locked(desk, first)
        locked(other, second)

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 50:
                desk.rollback()

        monkeypatch.setattr(locks, "sleep", pause)
        never_wait_from_now_on(conn)
        locked(conn, first)
        assert sum(pauses) == pytest.approx(1)
        with pytest.raises(OperationalError, match="1205"):
            locked(conn, second)
        assert sum(pauses) == pytest.approx(2)


def test_many_rows_that_were_refused_in_the_middle_are_there_once(
    koha: KohaDatabase, ours: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    patrons = [a_patron(koha) for _ in range(3)]
    code = an_attribute_type(koha, "COLL")
    long = "x" * 250
    many = [{"borrowernumber": number, "code": code, "attribute": long} for number in patrons for _ in range(2000)]
    with koha.engine.connect() as desk, ours.begin() as conn:
        locked(desk, patrons[-1])  # its rows are in the second statement that the driver sends
        monkeypatch.setattr(locks, "sleep", lambda _: desk.rollback())
        never_wait_from_now_on(conn)
        conn.execute(insert(borrower_attributes), many)
    assert koha.value("SELECT COUNT(*) FROM borrower_attributes") == len(many)
